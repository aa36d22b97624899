//! Loose replays: any order, any number of times.

use qmp_blocking::ErrorClass;
use qmp_mock::{Mock, Recording};
use serde_json::{Value, json};

use crate::made::{PLENTY, record};

#[test]
fn commands_come_in_any_order_and_any_number_of_times() {
    let mock = Mock::monitor();
    mock.on("x").with(json!({"n": 1})).answer("first").then().answer("second");
    mock.on("x").with(json!({"n": 2})).answer("other");
    mock.on("stop").event("STOP", ()).return_empty();
    let (_folder, path) = record(&mock, |qemu| {
        for n in [1, 2, 1] {
            qemu.execute("x").argument("n", n).run().unwrap();
        }
        qemu.execute("stop").run().unwrap();
    });
    let replay = Recording::open(&path).unwrap().loose().replay();
    let qemu = qmp_blocking::connect(replay.address()).unwrap();
    let x = |n: i32| {
        let reply = qemu.execute("x").argument("n", n).run().unwrap();
        reply.decode::<String>().unwrap()
    };
    assert_eq!([x(2), x(1), x(1), x(1), x(2)], ["other", "first", "second", "second", "other"]);
    for _ in 0..2 {
        let stopped = qemu.event().timeout(PLENTY);
        qemu.execute("stop").run().unwrap();
        assert_eq!(stopped.run().unwrap().name(), "STOP");
    }
    replay.verify();
    let error = qemu.execute("x").argument("n", 3).run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound));
    let complaint = replay.check().unwrap_err().to_string();
    assert_eq!(complaint, r#"the recording has no `x {"n":3}` of client 0"#);
}

#[tokio::test]
async fn tasks_that_race_each_other_get_their_own_answers() {
    let mock = Mock::monitor();
    mock.on("x").answer_with(|command| command.decode::<Value>().map_err(|_| unreachable!()));
    let (_folder, path) = record(&mock, |qemu| {
        for n in 0..20 {
            qemu.execute("x").argument("n", n).run().unwrap();
        }
    });
    let replay = Recording::open(&path).unwrap().loose().replay();
    let qemu = qmp_tokio::connect(replay.address()).await.unwrap();
    let tasks: Vec<_> = (0..20)
        .rev()
        .map(|n| {
            let qemu = qemu.clone();
            tokio::spawn(async move {
                let reply = qemu.execute("x").argument("n", n).await.unwrap();
                (n, reply.decode::<Value>().unwrap())
            })
        })
        .collect();
    for task in tasks {
        let (n, value) = task.await.unwrap();
        assert_eq!(value, json!({"n": n}));
    }
    replay.verify();
}

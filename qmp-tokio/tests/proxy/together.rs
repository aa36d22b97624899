//! Several clients at once, between them and real QEMUs.

use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};
use std::os::unix::net::UnixStream;

use conformance::server::PLENTY;
use qmp_tokio::{Client, CloseReason, ErrorClass, EventItem};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::shared::on_each;

async fn compute(client: &Client, number: usize) {
    let command = client.execute("human-monitor-command");
    let reply = command.argument("command-line", format!("print/d {number}")).await.unwrap();
    assert_eq!(reply.decode::<String>().unwrap().trim(), number.to_string());
}

async fn fail(client: &Client, number: usize) {
    let name = format!("device-{number}");
    let error = client.execute("device_del").argument("id", &name).await.unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::DeviceNotFound), "{error}");
    assert!(error.to_string().contains(&format!("'{name}'")), "{error}");
}

#[test]
fn no_answer_crosses_over_under_load() {
    on_each(async |shared| {
        let clients = [shared.client().await, shared.client().await, shared.client().await];
        let mut tasks = JoinSet::new();
        for (owner, client) in clients.iter().enumerate() {
            for task in 0..4 {
                let client = client.clone();
                tasks.spawn(async move {
                    for round in 0..50 {
                        let number = (owner * 4 + task) * 1000 + round;
                        match round % 3 {
                            0 => fail(&client, number).await,
                            _ => compute(&client, number).await,
                        }
                    }
                });
            }
        }
        tokio::time::timeout(PLENTY, tasks.join_all()).await.unwrap();
    });
}

#[test]
fn every_client_is_told_of_every_event_and_before_the_answer() {
    on_each(async |shared| {
        let (one, other) = (shared.client().await, shared.client().await);
        let mut events = one.events().subscribe();
        let mut others = other.events().subscribe();
        for round in 0..20 {
            let command = if round % 2 == 0 { "cont" } else { "stop" };
            one.execute(command).await.unwrap();
            let told = events.try_recv();
            assert!(matches!(told, Some(EventItem::Event(_))), "{command} was answered first");
        }
        for round in 0..20 {
            let Some(EventItem::Event(event)) = others.recv().await else { panic!() };
            assert_eq!(event.name(), if round % 2 == 0 { "RESUME" } else { "STOP" });
        }
        assert!(others.try_recv().is_none());
    });
}

#[test]
fn each_client_negotiates_for_itself_and_is_answered_as_by_qemu() {
    on_each(async |shared| {
        let greeting = shared.client().await.greeting().unwrap();
        let mut stream = UnixStream::connect(shared.qemu.path("shared")).unwrap();
        let mut lines = BufReader::new(stream.try_clone().unwrap()).lines();
        let mut line = || lines.next().unwrap().unwrap();
        assert_eq!(line().as_bytes(), greeting.message());
        // No line end where none is needed.
        write!(stream, r#"{{"execute": "query-name", "id": {{"my": ["id", 1.5]}}}}"#).unwrap();
        let refused: Value = serde_json::from_str(&line()).unwrap();
        assert_eq!(refused["error"]["class"], "CommandNotFound");
        assert_eq!(refused["id"], json!({"my": ["id", 1.5]}));
        write!(stream, r#"{{"execute": "qmp_capabilities"}}{{"execute": "query-name"}}"#).unwrap();
        assert_eq!(line(), r#"{"return": {}}"#);
        assert_eq!(line(), r#"{"return": {}}"#);
        write!(stream, r#"{{"execute": "nonsense", "id": null}}"#).unwrap();
        let unknown: Value = serde_json::from_str(&line()).unwrap();
        let text = "The command nonsense has not been found";
        let error = json!({"class": "CommandNotFound", "desc": text});
        assert_eq!(unknown, json!({"id": null, "error": error}));
    });
}

#[test]
fn descriptors_pass_to_the_command_they_came_with() {
    on_each(async |shared| {
        let (one, other) = (shared.client().await, shared.client().await);
        for (client, name) in [(&one, "one"), (&other, "other")] {
            let file = File::open("/dev/null").unwrap();
            client.execute("getfd").argument("fdname", name).descriptor(file).await.unwrap();
        }
        for (client, name) in [(&one, "other"), (&other, "one")] {
            client.execute("closefd").argument("fdname", name).await.unwrap();
        }
        let missing = one.execute("getfd").argument("fdname", "none").await.unwrap_err();
        assert!(missing.to_string().contains("SCM_RIGHTS"), "{missing}");
    });
}

#[test]
fn one_that_does_not_read_stalls_nobody_else() {
    on_each(async |shared| {
        let mut deaf = UnixStream::connect(shared.qemu.path("shared")).unwrap();
        deaf.write_all(br#"{"execute": "qmp_capabilities"}"#).unwrap();
        deaf.set_nonblocking(true).unwrap();
        let client = shared.client().await;
        // Much more than fits into its socket.
        let question = br#"{"execute": "query-commands"}"#.repeat(200);
        let _ = deaf.write(&question).unwrap();
        for number in 0..200 {
            compute(&client, number).await;
            if number % 2 == 0 {
                client.execute("cont").await.unwrap();
                client.execute("stop").await.unwrap();
            }
        }
        let mut read = [0; 10];
        assert!(deaf.read(&mut read).is_ok(), "it is still served");
    });
}

#[test]
fn when_qemu_quits_everybody_is_told_and_the_proxy_ends() {
    on_each(async |mut shared| {
        let (one, other) = (shared.client().await, shared.client().await);
        let mut events = other.events().subscribe();
        one.execute("quit").await.unwrap();
        for client in [&one, &other] {
            assert!(matches!(client.closed().await, CloseReason::Closed));
        }
        let Some(EventItem::Event(event)) = events.recv().await else { panic!() };
        assert_eq!(event.name(), "SHUTDOWN");
        assert!(shared.proxy.process.wait().unwrap().success());
        let mut said = String::new();
        shared.proxy.output.read_to_string(&mut said).unwrap();
        assert!(said.ends_with("the server closed the connection\n"), "{said}");
        assert!(shared.qemu.ended().success());
    });
}

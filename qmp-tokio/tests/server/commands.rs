//! Commands and answers.

use qmp_tokio::server::Options;
use qmp_tokio::{ErrorClass, Version, builder, server};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::host::{PLENTY, pair, pair_with};

#[derive(Serialize, Deserialize)]
struct Number {
    number: u64,
}

#[tokio::test]
async fn commands_come_in_order_with_their_arguments_and_are_answered() {
    let options = Options::monitor().version(Version::new(1, 2, 3)).package("vmm");
    let (mut commands, client) = pair_with(&server().options(options), builder()).await;
    assert_eq!(client.version(), Some(Version::new(1, 2, 3)));
    assert!(commands.is_ready() && !commands.is_out_of_band());
    let serving = tokio::spawn(async move {
        let mut names = Vec::new();
        while let Some(request) = commands.recv().await {
            names.push(request.name().to_owned());
            match request.name() {
                "double" => match request.decode::<Number>() {
                    Ok(Number { number }) => {
                        request.answer(&Number { number: number * 2 }).unwrap();
                    }
                    Err(error) => request.fail(ErrorClass::GenericError, &error.to_string()),
                },
                "stop" => request.done(),
                "lose" => drop(request),
                "fail" => request.fail(ErrorClass::DeviceNotFound, "no \"net0\""),
                _ => request.not_found(),
            }
        }
        (names, commands.closed().await)
    });

    let doubled: Number =
        client.execute("double").argument("number", &21).await.unwrap().decode().unwrap();
    assert_eq!(doubled.number, 42);
    let wrong = client.execute("double").argument("number", "x").await.unwrap_err();
    assert_eq!(wrong.class(), Some(ErrorClass::GenericError));
    assert_eq!(client.execute("stop").await.unwrap().json().unwrap().as_str(), "{}");
    let lost = client.execute("lose").await.unwrap_err();
    assert_eq!(
        lost.failure().unwrap().description(),
        "The server gave up the command lose without an answer"
    );
    let failed = client.execute("fail").await.unwrap_err();
    assert_eq!(failed.class(), Some(ErrorClass::DeviceNotFound));
    assert_eq!(failed.failure().unwrap().description(), "no \"net0\"");
    let unknown = client.execute("nonsense").await.unwrap_err();
    assert_eq!(unknown.class(), Some(ErrorClass::CommandNotFound));
    client.close().await.unwrap();

    let (names, hangup) = tokio::time::timeout(PLENTY, serving).await.unwrap().unwrap();
    assert_eq!(names, ["double", "double", "stop", "lose", "fail", "nonsense"]);
    assert_eq!(hangup.to_string(), "the client closed the connection");
}

#[tokio::test]
async fn many_tasks_answer_in_whatever_order_they_finish() {
    // Without out-of-band execution a client may rely on the order.
    let (mut commands, client) = pair_with(&server(), builder().out_of_band()).await;
    assert!(commands.is_out_of_band());
    tokio::spawn(async move {
        let mut held = Vec::new();
        while let Some(request) = commands.recv().await {
            held.push(request);
            if held.len() == 7 {
                for request in held.drain(..).rev() {
                    tokio::spawn(async move {
                        let Number { number } = request.decode().unwrap();
                        tokio::time::sleep(std::time::Duration::from_micros(number * 7 % 50)).await;
                        request.answer(&number).unwrap();
                    });
                }
            }
        }
    });
    let mut tasks = tokio::task::JoinSet::new();
    for number in 0..350_u64 {
        let client = client.clone();
        tasks.spawn(async move {
            let reply = client.execute("echo").argument("number", &number).await.unwrap();
            assert_eq!(reply.decode::<u64>().unwrap(), number);
        });
    }
    let all = async {
        while let Some(done) = tasks.join_next().await {
            done.unwrap()
        }
    };
    tokio::time::timeout(PLENTY, all).await.unwrap();
}

#[tokio::test]
async fn an_answer_that_cannot_be_sent_is_an_error_at_both_ends() {
    let (mut commands, client) = pair().await;
    let serving = tokio::spawn(async move {
        let mut errors = Vec::new();
        while let Some(request) = commands.recv().await {
            let deep = "[".repeat(1024) + &"]".repeat(1024);
            let answered = match request.name() {
                "deep" => request.answer_json(&deep),
                "text" => request.answer_json("{\"half\":"),
                "map" => request.answer(&std::collections::HashMap::from([((1, 2), 3)])),
                _ => request.answer(&Value::Null),
            };
            errors.push(answered.err().map(|error| error.to_string()));
        }
        errors
    });
    for name in ["deep", "text", "map"] {
        let error = client.execute(name).await.unwrap_err();
        let text = error.failure().unwrap().description();
        assert!(text.starts_with(&format!("The answer to {name} ")), "{text}");
    }
    assert_eq!(client.execute("null").await.unwrap().decode::<Value>().unwrap(), json!(null));
    client.close().await.unwrap();
    let errors = serving.await.unwrap();
    assert!(errors[..3].iter().all(Option::is_some) && errors[3].is_none(), "{errors:?}");
}

//! Commands and replies.

use std::collections::HashMap;
use std::time::Duration;

use qmp_driver::server::{Options, Request, Response};
use qmp_driver::{ErrorClass, Runtime, Version};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::raw::as_client;
use super::{all, both, client, pair, pair_with, serve, server, sleep};

#[derive(Serialize, Deserialize)]
struct Number {
    number: u64,
}

pub async fn commands_come_in_order_and_are_answered<R: Runtime>() {
    let options = Options::monitor().version(Version::new(1, 2, 3)).package("vmm");
    let (mut commands, client) = pair_with(&server::<R>().options(options), client()).await;
    assert_eq!(client.version(), Some(Version::new(1, 2, 3)));
    assert!(commands.is_ready() && !commands.is_out_of_band());
    let serving = async {
        let mut names = Vec::new();
        while let Some(request) = commands.recv().await {
            names.push(request.name().to_owned());
            match request.name() {
                "double" => match request.decode_as::<Number>() {
                    Ok(Number { number }) => {
                        request.answer(&Number { number: number * 2 }).unwrap();
                    }
                    Err(error) => {
                        request.return_error(ErrorClass::GenericError, &error.to_string())
                    }
                },
                "stop" => request.return_empty(),
                "lose" => drop(request),
                "fail" => request.return_error(ErrorClass::DeviceNotFound, "no \"net0\""),
                _ => request.command_not_found(),
            }
        }
        (names, commands.closed().await)
    };
    let asking = async {
        let doubled = client.execute("double").argument("number", 21).await.unwrap();
        assert_eq!(doubled.decode::<Number>().unwrap().number, 42);
        let wrong = client.execute("double").argument("number", "x").await.unwrap_err();
        assert_eq!(wrong.class(), Some(ErrorClass::GenericError));
        assert_eq!(client.execute("stop").await.unwrap().json().unwrap().as_str(), "{}");
        let lost = client.execute("lose").await.unwrap_err();
        let text = "The server gave up the command lose without an answer";
        assert_eq!(lost.failure().unwrap().description(), text);
        let failed = client.execute("fail").await.unwrap_err();
        assert_eq!(failed.class(), Some(ErrorClass::DeviceNotFound));
        assert_eq!(failed.failure().unwrap().description(), "no \"net0\"");
        let unknown = client.execute("nonsense").await.unwrap_err();
        assert_eq!(unknown.class(), Some(ErrorClass::CommandNotFound));
        client.close().await.unwrap();
    };
    let ((names, hangup), ()) = both(serving, asking).await;
    assert_eq!(names, ["double", "double", "stop", "lose", "fail", "nonsense"]);
    assert_eq!(hangup.to_string(), "the client closed the connection");
}

pub async fn answers_come_from_many_tasks_in_any_order<R: Runtime>() {
    // Without out-of-band execution a client may rely on the order.
    let (mut commands, client) = pair_with(&server::<R>(), client().out_of_band()).await;
    assert!(commands.is_out_of_band());
    let serving = async {
        let mut held: Vec<Request> = Vec::new();
        while let Some(request) = commands.recv().await {
            held.push(request);
            // As many as the client has in flight.
            if held.len() == 7 {
                for request in held.drain(..).rev() {
                    R::default().spawn(async move {
                        let Number { number } = request.decode_as().unwrap();
                        if number % 3 == 0 {
                            sleep::<R>(Duration::from_micros(number % 50)).await;
                        }
                        request.answer(&number).unwrap();
                    });
                }
            }
        }
    };
    let asking = async {
        let commands = (0..350_u64).map(|number| {
            let client = client.clone();
            async move {
                let reply = client.execute("echo").argument("number", number).await.unwrap();
                assert_eq!(reply.decode::<u64>().unwrap(), number);
            }
        });
        all(commands).await;
        client.close().await.unwrap();
    };
    both(serving, asking).await;
}

pub async fn an_answer_that_cannot_be_sent_is_an_error_at_both_ends<R: Runtime>() {
    let (mut commands, client) = pair::<R>().await;
    let serving = async {
        let mut errors = Vec::new();
        while let Some(request) = commands.recv().await {
            let deep = "[".repeat(1024) + &"]".repeat(1024);
            let answered = match request.name() {
                "deep" => request.answer_json(&deep),
                "text" => request.answer_json("{\"half\":"),
                "map" => request.answer(&HashMap::from([((1, 2), 3)])),
                _ => request.answer(&Value::Null),
            };
            errors.push(answered.err().map(|error| error.to_string()));
        }
        errors
    };
    let asking = async {
        for name in ["deep", "text", "map"] {
            let error = client.execute(name).await.unwrap_err();
            let text = error.failure().unwrap().description();
            assert!(text.starts_with(&format!("The answer to {name} ")), "{text}");
        }
        let null = client.execute("null").await.unwrap();
        assert_eq!(null.decode::<Value>().unwrap(), json!(null));
        client.close().await.unwrap();
    };
    let (errors, ()) = both(serving, asking).await;
    for (error, name) in errors.iter().zip(["deep", "text", "map"]) {
        let error = error.as_ref().unwrap();
        assert!(error.starts_with(&format!("{name}: not sent")), "{error}");
    }
    assert_eq!(errors[3], None);
}

pub async fn the_next_command_is_not_read_before_the_answer<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        client.send("{'execute': 'one', 'id': 1.0, 'arguments': {'x': [1]}}{\"execute\": ");
        client.send("\"two\"}\n");
        let answers = [client.receive().unwrap(), client.receive().unwrap()];
        client.end_output();
        assert!(client.receive().is_none());
        answers
    });
    let serving = async {
        let one = commands.recv().await.unwrap();
        assert_eq!((one.name(), one.id().unwrap().as_str()), ("one", "1"));
        assert_eq!(one.arguments().unwrap().as_str(), "{\"x\": [1]}");
        let message: Value = serde_json::from_str(one.message().as_str()).unwrap();
        assert_eq!(message["execute"], "one");
        assert_eq!(commands.in_flight(), 1);
        sleep::<R>(Duration::from_millis(50)).await;
        assert!(commands.try_recv().is_none());
        one.return_empty();
        let two = commands.recv().await.unwrap();
        assert_eq!((two.name(), two.id()), ("two", None));
        two.respond(&Response::error(ErrorClass::KvmMissingCap, "no")).unwrap();
        assert!(commands.recv().await.is_none());
    };
    let (answers, ()) = both(asking, serving).await;
    let refused = json!({"error": {"class": "KVMMissingCap", "desc": "no"}});
    assert_eq!(answers, [json!({"return": {}, "id": 1}), refused]);
}

pub async fn an_out_of_band_command_passes_those_that_wait<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate(", \"arguments\": {\"enable\": [\"oob\"]}");
        client.send("{\"execute\": \"slow\", \"id\": 1}{\"exec-oob\": \"quick\", \"id\": 2}");
        let ids = [(); 2].map(|()| client.receive().unwrap()["id"].clone());
        assert_eq!(ids, [json!(2), json!(1)]);
    });
    let serving = async {
        let slow = commands.recv().await.unwrap();
        let quick = commands.recv().await.unwrap();
        assert!(!slow.is_out_of_band() && quick.is_out_of_band());
        quick.return_empty();
        slow.return_empty();
        assert!(commands.recv().await.is_none());
    };
    both(asking, serving).await;
}

pub async fn an_error_reply_waits_for_the_commands_before_it<R: Runtime>() {
    for answers in [true, false] {
        let (mut commands, socket) = serve(&server::<R>());
        let asking = as_client::<R, _>(socket, move |client| {
            client.negotiate(", \"arguments\": {\"enable\": [\"oob\"]}");
            client.send("{\"execute\": \"slow\", \"id\": 1}");
            client.send("{\"execute\": \"x\", \"more\": 1, \"id\": 2}");
            client.send("{\"exec-oob\": \"quick\", \"id\": 3}");
            let mut ids = vec![json!(3), json!(1), json!(2)];
            if !answers {
                ids.remove(1);
            }
            for id in ids {
                assert_eq!(client.receive().unwrap()["id"], id);
            }
        });
        let serving = async {
            let slow = commands.recv().await.unwrap();
            commands.recv().await.unwrap().return_empty();
            if answers {
                slow.return_empty();
            } else {
                slow.leave_unanswered();
            }
            assert!(commands.recv().await.is_none());
        };
        both(asking, serving).await;
    }
}

pub async fn invalid_requests_are_answered_by_the_engine<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    let asking = as_client::<R, _>(socket, |client| {
        assert!(client.receive().unwrap().get("QMP").is_some());
        client.send("{\"execute\": \"stop\"}");
        assert!(client.error().contains("Expecting capabilities negotiation"));
        client.send("{\"execute\": \"qmp_capabilities\"}");
        assert!(client.receive().unwrap().get("return").is_some());
        client.send("{\"execute\": \"stop\", \"more\": 1}");
        assert_eq!(client.error(), "QMP input member 'more' is unexpected");
        client.send("{nonsense}\n");
        assert!(client.error().contains("JSON"));
        client.send("{\"execute\": \"qmp_capabilities\"}");
        assert!(client.error().contains("already complete"));
    });
    let serving = async { assert!(commands.recv().await.is_none()) };
    both(asking, serving).await;
}

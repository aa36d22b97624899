//! Commands and answers.

use std::collections::HashMap;
use std::time::Duration;

use qmp_blocking::server::Options;
use qmp_blocking::{Connection, ErrorClass, Listener, Version, server};
use serde_json::{Value, json};

use crate::peer::{PLENTY, serve};

#[test]
fn commands_come_in_order_and_are_answered() {
    let options = Options::monitor().version(Version::new(1, 2, 3));
    let (mut client, thread) = serve(&server().options(options), |server| {
        assert_eq!(server.version(), Some(Version::new(1, 2, 3)));
        let echoed = server.execute("echo").argument("number", &7).run().unwrap();
        assert_eq!(echoed.decode::<Value>().unwrap(), json!({"number": 7}));
        server.execute("stop").run().unwrap();
        let unknown = server.execute("nonsense").run().unwrap_err();
        assert_eq!(unknown.class(), Some(ErrorClass::CommandNotFound));
        let failed = server.execute("fail").run().unwrap_err();
        assert_eq!(failed.class(), Some(ErrorClass::DeviceNotActive));
        let lost = server.execute("lose").run().unwrap_err();
        assert!(lost.to_string().contains("gave up the command lose"), "{lost}");
    });
    let mut names = Vec::new();
    while let Some(request) = client.next_command(PLENTY).unwrap() {
        names.push(request.name().to_owned());
        match request.name() {
            "echo" => {
                let arguments: Value = request.decode().unwrap();
                client.answer(request, &arguments).unwrap();
            }
            "stop" => client.done(request).unwrap(),
            "fail" => client.fail(request, ErrorClass::DeviceNotActive, "no").unwrap(),
            "lose" => drop(request),
            _ => client.not_found(request).unwrap(),
        }
    }
    thread.join().unwrap();
    assert_eq!(names, ["echo", "stop", "nonsense", "fail", "lose"]);
    assert_eq!(client.ended().unwrap().to_string(), "the client closed the connection");
}

#[test]
fn a_deadline_is_kept_and_a_look_takes_what_is_there() {
    let (mut client, thread) = serve(&server(), |server| {
        std::thread::sleep(Duration::from_millis(200));
        server.execute("stop").run().unwrap();
    });
    let error = client.next_command(Some(Duration::from_millis(50))).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().starts_with("no command in 50"), "{error}");
    let request = loop {
        match client.next_command(Some(Duration::ZERO)) {
            Ok(request) => break request.unwrap(),
            Err(error) => assert!(error.is_timeout(), "{error}"),
        }
    };
    let error = client.next_command(None).unwrap_err();
    assert!(error.to_string().contains("answer one before"), "{error}");
    client.done(request).unwrap();
    assert!(client.next_command(None).unwrap().is_none());
    thread.join().unwrap();
}

#[test]
fn an_answer_that_cannot_be_sent_is_an_error_at_both_ends() {
    let (mut client, thread) = serve(&server(), |server| {
        for name in ["deep", "text", "map"] {
            let error = server.execute(name).run().unwrap_err();
            let text = error.failure().unwrap().description();
            assert!(text.starts_with(&format!("The answer to {name} cannot be sent")), "{text}");
        }
    });
    let mut errors = 0;
    while let Some(request) = client.next_command(PLENTY).unwrap() {
        let deep = "[".repeat(1024) + &"]".repeat(1024);
        let answered = match request.name() {
            "deep" => client.answer_json(request, &deep),
            "text" => client.answer_json(request, "{\"half\":"),
            _ => client.answer(request, &HashMap::from([((1, 2), 3)])),
        };
        answered.unwrap_err();
        errors += 1;
    }
    assert_eq!(errors, 3);
    thread.join().unwrap();
}

#[test]
fn out_of_band_commands_pass_and_answers_come_in_any_order() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || {
        let builder = Connection::builder().out_of_band();
        let mut server = builder.over(qmp_blocking::Socket::from(theirs), "server").unwrap();
        let sent: Vec<_> = (0..7_u64)
            .map(|number| server.execute("echo").argument("number", &number).send().unwrap())
            .collect();
        for (number, sent) in sent.into_iter().enumerate() {
            let reply: Value = sent.wait(&mut server).unwrap().decode().unwrap();
            assert_eq!(reply, json!({"number": number}));
        }
    });
    let mut client = server().over(qmp_blocking::Socket::from(ours), "client").unwrap();
    let mut requests = Vec::new();
    while requests.len() < 7 {
        requests.push(client.next_command(PLENTY).unwrap().unwrap());
    }
    assert!(client.is_out_of_band() && client.in_flight() == 7);
    for request in requests.into_iter().rev() {
        let arguments: Value = request.decode().unwrap();
        client.answer(request, &arguments).unwrap();
    }
    assert!(client.next_command(PLENTY).unwrap().is_none());
    thread.join().unwrap();
}

#[test]
fn a_command_is_answered_on_its_own_connection() {
    let (mut one, first) = serve(&server(), |server| server.execute("stop").run().unwrap_err());
    let (mut other, second) = serve(&server(), |_| ());
    let request = one.next_command(PLENTY).unwrap().unwrap();
    let error = other.done(request).unwrap_err();
    assert!(error.to_string().contains("another connection"), "{error}");
    // It was given up by that.
    assert!(one.next_command(PLENTY).unwrap().is_none());
    let error = first.join().unwrap();
    assert!(error.to_string().contains("gave up"), "{error}");
    drop(other);
    drop(second);
}

#[test]
fn clients_are_served_one_after_another() {
    let folder = tempfile::Builder::new().prefix("qmp").tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listener = Listener::bind(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let mut first = Connection::connect(&path).unwrap();
        let hasty = Connection::builder().handshake_deadline(Duration::from_millis(100));
        assert!(hasty.connect(&path).unwrap_err().is_timeout());
        first.execute("stop").run().unwrap();
        first.close().unwrap();
        Connection::connect(&path).unwrap().execute("stop").run().unwrap();
    });
    let server = server().accept_deadline(PLENTY.unwrap());
    let mut commands = 0;
    while commands < 2 {
        let mut client = server.accept(&listener).unwrap();
        while let Some(request) = client.next_command(PLENTY).unwrap() {
            client.done(request).unwrap();
            commands += 1;
        }
    }
    thread.join().unwrap();
    let hasty = server.accept_deadline(Duration::from_millis(20));
    assert!(hasty.accept(&listener).unwrap_err().is_timeout());
}

#[test]
fn an_agent_is_synced_and_used() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || {
        let builder = Connection::builder().agent();
        let mut agent = builder.over(qmp_blocking::Socket::from(theirs), "agent").unwrap();
        agent.execute("guest-ping").run().unwrap();
        agent.sync().unwrap();
        agent.execute("guest-shutdown").run().unwrap();
    });
    let mut client = server().agent().over(qmp_blocking::Socket::from(ours), "client").unwrap();
    let request = client.next_command(PLENTY).unwrap().unwrap();
    client.done(request).unwrap();
    client.emit("STOP", &()).unwrap_err();
    let request = client.next_command(PLENTY).unwrap().unwrap();
    assert_eq!(request.name(), "guest-shutdown");
    client.leave_unanswered(request).unwrap();
    client.close().unwrap();
    thread.join().unwrap();
}

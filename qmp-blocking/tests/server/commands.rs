//! Commands and answers.

use std::collections::HashMap;
use std::time::Duration;

use qmp_blocking::server::Options;
use qmp_blocking::{ErrorClass, Listener, Version, server};
use serde_json::{Value, json};

use crate::peer::{PLENTY, serve};

#[test]
fn commands_come_in_order_and_are_answered() {
    let options = Options::monitor().version(Version::new(1, 2, 3));
    let (mut commands, thread) = serve(&server().options(options), |server| {
        assert_eq!(server.version(), Some(Version::new(1, 2, 3)));
        let echoed = server.execute("echo").argument("number", 7).run().unwrap();
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
    while let Some(request) = commands.recv_timeout(PLENTY).unwrap() {
        names.push(request.name().to_owned());
        match request.name() {
            "echo" => {
                let arguments: Value = request.decode_as().unwrap();
                request.answer(&arguments).unwrap();
            }
            "stop" => request.return_empty(),
            "fail" => request.return_error(ErrorClass::DeviceNotActive, "no"),
            "lose" => drop(request),
            _ => request.command_not_found(),
        }
    }
    thread.join().unwrap();
    assert_eq!(names, ["echo", "stop", "nonsense", "fail", "lose"]);
    assert_eq!(commands.close_reason().unwrap().to_string(), "the client closed the connection");
}

#[test]
fn a_timeout_is_kept_and_one_of_zero_takes_what_is_there() {
    let (mut commands, thread) = serve(&server(), |server| {
        std::thread::sleep(Duration::from_millis(200));
        server.execute("stop").run().unwrap();
    });
    let error = commands.recv_timeout(Duration::from_millis(50)).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().starts_with("no command in 50"), "{error}");
    let request = loop {
        match commands.recv_timeout(Duration::ZERO) {
            Ok(request) => break request.unwrap(),
            Err(error) => assert!(error.is_timeout(), "{error}"),
        }
    };
    let error = commands.recv().unwrap_err();
    assert!(error.to_string().contains("answer one before"), "{error}");
    request.return_empty();
    assert!(commands.recv().unwrap().is_none());
    thread.join().unwrap();
}

#[test]
fn an_answer_that_cannot_be_sent_is_an_error_at_both_ends() {
    let (mut commands, thread) = serve(&server(), |server| {
        for name in ["deep", "text", "map"] {
            let error = server.execute(name).run().unwrap_err();
            let text = error.failure().unwrap().description();
            assert!(text.starts_with(&format!("The answer to {name} ")), "{text}");
        }
    });
    let mut errors = 0;
    while let Some(request) = commands.recv_timeout(PLENTY).unwrap() {
        let deep = "[".repeat(1024) + &"]".repeat(1024);
        let answered = match request.name() {
            "deep" => request.answer_json(&deep),
            "text" => request.answer_json("{\"half\":"),
            _ => request.answer(&HashMap::from([((1, 2), 3)])),
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
        let builder = qmp_blocking::builder().out_of_band();
        let server = builder.connect_over(qmp_blocking::Socket::from(theirs), "server").unwrap();
        let sent: Vec<_> = (0..7_u64)
            .map(|number| server.execute("echo").argument("number", number).send().unwrap())
            .collect();
        for (number, sent) in sent.into_iter().enumerate() {
            let reply: Value = sent.recv().unwrap().decode().unwrap();
            assert_eq!(reply, json!({"number": number}));
        }
    });
    let mut commands = server().serve_over(qmp_blocking::Socket::from(ours), "client").unwrap();
    let mut requests = Vec::new();
    while requests.len() < 7 {
        requests.push(commands.recv_timeout(PLENTY).unwrap().unwrap());
    }
    assert!(commands.is_out_of_band() && commands.in_flight() == 7);
    for request in requests.into_iter().rev() {
        let arguments: Value = request.decode_as().unwrap();
        request.answer(&arguments).unwrap();
    }
    assert!(commands.recv_timeout(PLENTY).unwrap().is_none());
    thread.join().unwrap();
}

#[test]
fn another_thread_answers_while_this_one_waits() {
    let options = Options::monitor().in_band_limit(2);
    let (mut commands, thread) = serve(&server().options(options), |server| {
        let first = server.execute("first").send().unwrap();
        assert_eq!(first.recv().unwrap().decode::<u8>().unwrap(), 1);
        server.execute("second").run().unwrap();
    });
    let first = commands.recv_timeout(PLENTY).unwrap().unwrap();
    let answering = std::thread::spawn(move || {
        std::thread::sleep(Duration::from_millis(50));
        first.answer(&1).unwrap();
    });
    // It comes only when the first is answered.
    let second = commands.recv().unwrap().unwrap();
    assert_eq!(second.name(), "second");
    second.return_empty();
    assert!(commands.recv().unwrap().is_none());
    answering.join().unwrap();
    thread.join().unwrap();
}

#[test]
fn clients_are_served_one_after_another() {
    let folder = tempfile::Builder::new().prefix("qmp").tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listener = Listener::bind(&path).unwrap();
    let thread = std::thread::spawn(move || {
        let first = qmp_blocking::connect(&path).unwrap();
        let hasty = qmp_blocking::builder().handshake_timeout(Duration::from_millis(100));
        assert!(hasty.connect(&path).unwrap_err().is_timeout());
        first.execute("stop").run().unwrap();
        first.close().unwrap();
        qmp_blocking::connect(&path).unwrap().execute("stop").run().unwrap();
    });
    let server = server().accept_timeout(PLENTY);
    let mut count = 0;
    while count < 2 {
        let mut commands = server.accept(&listener).unwrap();
        while let Some(request) = commands.recv_timeout(PLENTY).unwrap() {
            request.return_empty();
            count += 1;
        }
    }
    thread.join().unwrap();
    let hasty = server.accept_timeout(Duration::from_millis(20));
    assert!(hasty.accept(&listener).unwrap_err().is_timeout());
}

#[test]
fn an_agent_is_synced_and_used() {
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let thread = std::thread::spawn(move || {
        let builder = qmp_blocking::builder().agent();
        let agent = builder.connect_over(qmp_blocking::Socket::from(theirs), "agent").unwrap();
        agent.execute("guest-ping").run().unwrap();
        agent.sync().unwrap();
        agent.execute("guest-shutdown").run().unwrap();
    });
    let mut commands =
        server().agent().serve_over(qmp_blocking::Socket::from(ours), "client").unwrap();
    let request = commands.recv_timeout(PLENTY).unwrap().unwrap();
    request.return_empty();
    commands.event_sender().emit("STOP", &()).unwrap_err();
    let request = commands.recv_timeout(PLENTY).unwrap().unwrap();
    assert_eq!(request.name(), "guest-shutdown");
    request.leave_unanswered();
    commands.close().unwrap();
    thread.join().unwrap();
}

//! Guest agents that misbehave.

use std::io::{Read, Write};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use qmp_blocking::{Client, Error, ErrorKind, Outcome, Socket};

use crate::peer::{GREETING, PLENTY, Peer, handshake, id, pair};

fn connect(server: impl FnOnce(Peer) + Send + 'static) -> Client {
    let socket = pair(|mut peer| {
        peer.sync();
        server(peer);
    });
    over(socket.0).unwrap()
}

fn over(socket: Socket) -> Result<Client, Error> {
    qmp_blocking::builder().agent().handshake_timeout(PLENTY).connect_over(socket, "peer")
}

#[test]
fn remains_of_others_are_passed_over() {
    let socket = pair(|mut peer| {
        peer.send("{\"return\": {\"half\": ");
        peer.send(
            "1}, \"id\": 0}\n{\"return\": 5, \"id\": 1}\nnonsense\n{\"QM\n{\"return\": {\"cut\": ",
        );
        let sync = peer.receive();
        // The sentinel of the sync is no command to an agent, which says so.
        peer.send("{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\n");
        // A sync of somebody before us, answered late.
        peer.stream().write_all(b"\xff{\"return\": 1234}\n\xff").unwrap();
        let number = id(&sync);
        peer.send(&format!("{{\"return\": {number}, \"id\": {number}}}\n"));
        let command = peer.receive();
        peer.answer(&command, "7");
    });
    let agent = over(socket.0).unwrap();
    let reply = agent.execute("guest-ping").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "7");
}

/// What was sent before the agent opened its port is lost.
#[test]
fn a_sync_that_is_lost_is_sent_again() {
    let socket = pair(|mut peer| {
        peer.receive();
        peer.sync();
        let command = peer.receive();
        peer.answer(&command, "{}");
    });
    let started = Instant::now();
    let agent = over(socket.0).unwrap();
    assert!(started.elapsed() >= Duration::from_secs(2));
    agent.execute("guest-ping").run().unwrap();
}

#[test]
fn a_command_that_is_answered_only_when_it_fails() {
    // The connection ends.
    let agent = connect(|mut peer| {
        peer.receive();
    });
    let reply = agent.execute("guest-shutdown").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "{}");
    // Nothing comes.
    let (stop, stopped) = mpsc::channel::<()>();
    let agent = connect(move |mut peer| {
        peer.receive();
        let _ = stopped.recv();
    });
    let moment = Duration::from_millis(50);
    agent.execute("guest-suspend-ram").timeout(moment).run().unwrap();
    drop(stop);
    // The next is answered.
    let agent = connect(|mut peer| {
        peer.receive();
        let next = peer.receive();
        peer.answer(&next, "1");
    });
    let shutdown = agent.execute("custom").no_success_response().send().unwrap();
    agent.execute("guest-ping").run().unwrap();
    shutdown.recv().unwrap();
    // It fails.
    let agent = connect(|mut peer| {
        let id = id(&peer.receive());
        peer.send(&format!(
            "{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"No\"}}, \"id\": {id}}}\n"
        ));
    });
    let error = agent.execute("guest-suspend-disk").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Answered, "{error}");
}

#[test]
fn a_sync_gives_up_what_is_unanswered() {
    let agent = connect(|mut peer| {
        let (_, _) = (peer.receive(), peer.receive());
        peer.sync();
        let command = peer.receive();
        peer.answer(&command, "9");
    });
    let moment = Duration::from_millis(30);
    let lost = agent.execute("first").send().unwrap();
    let error = agent.execute("second").timeout(moment).run().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    agent.sync().unwrap();
    let error = lost.recv().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unanswered), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    let reply = agent.execute("guest-ping").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "9");
}

#[test]
fn an_overlong_answer_desynchronises_and_a_sync_mends_it() {
    let options = qmp_blocking::Options::agent().longest_message(1000);
    let socket = pair(|mut peer| {
        peer.sync();
        let command = peer.receive();
        peer.answer(&command, &format!("\"{}\"", "x".repeat(100_000)));
        peer.sync();
        let command = peer.receive();
        peer.answer(&command, "8");
    });
    let builder = qmp_blocking::builder().agent().options(options);
    let agent = builder.connect_over(socket.0, "peer").unwrap();
    let error = agent.execute("guest-info").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    let error = agent.execute("guest-info").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().contains("the agent is not in sync"), "{error}");
    agent.sync().unwrap();
    let reply = agent.execute("guest-ping").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "8");
}

#[test]
fn a_monitor_is_not_synced() {
    let monitor = crate::peer::connect(|mut peer| {
        let command = peer.receive();
        peer.answer(&command, "{}");
    });
    let error = monitor.sync().unwrap_err();
    assert!(error.to_string().contains("monitors do not sync"), "{error}");
    monitor.execute("query").run().unwrap();

    let error = handshake(qmp_blocking::builder().agent(), |mut peer| {
        peer.send(GREETING);
        let _ = peer.stream().read_to_end(&mut Vec::new());
    });
    let text = error.unwrap_err().to_string();
    assert!(text.contains("a QMP monitor, not a guest agent"), "{text}");
}

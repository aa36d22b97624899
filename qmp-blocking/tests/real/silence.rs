//! Servers that accept a connection and say nothing.

use std::time::Duration;

use qmp_blocking::{ErrorKind, Outcome};
use rustix::process::Signal;

use crate::server::{Clients, PLENTY, Suite, wait_until};

conformance::on_every_qemu!(
    a_second_client_learns_that_there_is_a_first,
    a_stopped_server_is_named,
    a_monitor_is_no_agent,
    an_agent_does_not_greet,
);

/// Long enough to be noticed, short enough to be waited for.
const SHORT: Duration = Duration::from_millis(150);

fn a_second_client_learns_that_there_is_a_first(suite: &Suite) {
    let mut server = suite.qemu();
    let first = server.client();
    let second = || qmp_blocking::builder().handshake_timeout(SHORT).connect(server.address());
    let error = second().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error:?}");
    let text = error.to_string();
    if cfg!(target_os = "linux") {
        assert!(text.contains("serving another client"), "{text}");
        assert!(text.contains(&format!("pid {} ", server.pid())), "{text}");
        let ours = format!("another connection of this process (pid {})", std::process::id());
        assert!(text.contains(&ours), "{text}");
    }
    assert!(text.contains(&server.address().to_string()), "{text}");
    first.execute("query-status").run().unwrap();

    // One that waits is served when the first leaves.
    let address = server.address();
    let waiting = std::thread::spawn(move || {
        let builder = qmp_blocking::builder().handshake_timeout(PLENTY);
        builder.connect(address).unwrap().execute("query-status").run().unwrap();
    });
    first.execute("query-status").run().unwrap();
    drop(first);
    waiting.join().unwrap();
}

fn a_stopped_server_is_named(suite: &Suite) {
    let mut server = suite.qemu();
    drop(server.client());
    server.signal(Signal::STOP);
    if cfg!(target_os = "linux") {
        wait_until("the server is stopped", || {
            let stat = std::fs::read_to_string(format!("/proc/{}/stat", server.pid())).unwrap();
            stat.contains(") T ")
        });
    }
    let builder = qmp_blocking::builder().handshake_timeout(SHORT);
    let error = builder.connect(server.address()).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    if cfg!(target_os = "linux") {
        let advice = format!("resume it with kill -CONT {}", server.pid());
        assert!(error.to_string().contains(&advice), "{error}");
    }
    server.signal(Signal::CONT);
    server.client().execute("query-status").run().unwrap();
}

fn a_monitor_is_no_agent(suite: &Suite) {
    let mut server = suite.qemu();
    drop(server.client());
    let error = qmp_blocking::connect_agent(server.address()).unwrap_err();
    let text = error.to_string();
    assert!(text.contains("this is a QMP monitor, not a guest agent"), "{text}");
    assert!(text.contains(&server.address().to_string()), "{text}");
    server.client().execute("query-status").run().unwrap();
}

fn an_agent_does_not_greet(suite: &Suite) {
    let mut server = suite.agent(&[]);
    drop(server.agent_client());
    let builder = qmp_blocking::builder().handshake_timeout(SHORT);
    let error = builder.connect(server.address()).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    if cfg!(target_os = "linux") {
        assert!(error.to_string().contains("this socket speaks another protocol"), "{error}");
    }
    server.agent_client().execute("guest-ping").run().unwrap();
}

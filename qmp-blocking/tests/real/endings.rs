//! The ends of connections.

use qmp_blocking::{CloseReason, Error, ErrorKind, Outcome, PendingReply};
use rustix::process::Signal;

use crate::server::{Clients, PLENTY, Suite, names, storage_daemon};
use crate::slow::Slow;

conformance::on_every_qemu!(
    quit_succeeds_and_then_the_connection_is_closed,
    quit_ends_a_storage_daemon,
    a_killed_server_leaves_outcomes_unknown,
    a_terminated_server_says_so_first,
    another_thread_ends_a_wait,
);

fn reason(error: &Error) -> &CloseReason {
    match error.kind() {
        ErrorKind::Disconnected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// The server closes the connection, or resets it: many rounds, to see both.
fn quit_succeeds_and_then_the_connection_is_closed(suite: &Suite) {
    for round in 0..10 {
        let mut server = suite.qemu();
        let qemu = server.client();
        let mut events = qemu.events().subscribe();
        let left = match round % 3 {
            0 => {
                qemu.execute("quit").run().unwrap();
                None
            }
            1 => {
                let answer = qemu.raw(r#"{"execute": "quit", "id": "bye"}"#).run().unwrap();
                assert_eq!(answer, br#"{"return": {}, "id": "bye"}"#);
                None
            }
            _ => {
                let quit = qemu.execute("quit").send().unwrap();
                Some(quit)
            }
        };
        assert!(server.ended().success());
        if let Some(quit) = left {
            quit.recv().unwrap();
        }
        let error = qemu.event().named("NEVER").run().unwrap_err();
        assert!(matches!(reason(&error), CloseReason::Closed), "{error:?}");
        assert!(error.is_disconnected());
        assert_eq!(names(events.by_ref().collect()), ["SHUTDOWN"]);
        assert!(matches!(events.close_reason(), Some(CloseReason::Closed)));
        let error = qemu.execute("query-status").run().unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
        assert!(matches!(reason(&error), CloseReason::Closed), "{error:?}");
        assert!(!qemu.is_ready());
    }
}

fn quit_ends_a_storage_daemon(suite: &Suite) {
    for _ in 0..5 {
        let (mut server, daemon) = storage_daemon(suite, qmp_blocking::builder);
        daemon.execute("quit").run().unwrap();
        assert!(matches!(daemon.closed(), CloseReason::Closed));
        assert!(server.ended().success());
    }
}

fn a_killed_server_leaves_outcomes_unknown(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let slow = Slow::new(server.folder());
    let mut events = qemu.events().subscribe();
    qemu.execute("cont").run().unwrap();
    let saving = slow.command(&qemu).send().unwrap();
    let behind: Vec<PendingReply<'_>> =
        (0..3).map(|_| qemu.execute("query-status").send().unwrap()).collect();
    server.signal(Signal::KILL);
    for sent in [saving].into_iter().chain(behind) {
        let error = sent.recv().unwrap_err();
        assert!(error.is_disconnected() && !error.is_timeout(), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        let text = error.to_string();
        assert!(text.contains("closed the connection with 4 requests unanswered"), "{text}");
        assert!(text.ends_with("the command was sent, and its outcome is unknown"), "{text}");
    }
    let error = qemu.execute("stop").run().unwrap_err();
    assert!(error.is_disconnected(), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert_eq!(names(events.by_ref().collect()), ["RESUME"]);

    server.ended();
    let error = qmp_blocking::connect(server.address()).unwrap_err();
    assert!(error.to_string().contains("socket file is left over"), "{error}");
}

fn a_terminated_server_says_so_first(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    qemu.execute("query-status").run().unwrap();
    let shutdown = qemu.event().named("SHUTDOWN").member("reason", "host-signal").timeout(PLENTY);
    server.signal(Signal::TERM);
    shutdown.run().unwrap();
    assert!(matches!(qemu.closed(), CloseReason::Closed));
}

fn another_thread_ends_a_wait(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let slow = Slow::new(server.folder());
    qemu.execute("cont").run().unwrap();
    let handle = qemu.abort_handle();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            slow.begun();
            handle.abort();
        });
        let error = slow.command(&qemu).run().unwrap_err();
        assert!(matches!(reason(&error), CloseReason::ByUs), "{error:?}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(error.to_string().contains("closed on this side"), "{error}");
    });
    let error = qemu.event().run().unwrap_err();
    let address = server.address();
    assert_eq!(error.to_string(), format!("the connection was closed on this side ({address})"));
    slow.finish();
    server.client().execute("query-status").run().unwrap();
}

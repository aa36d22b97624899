//! Commands that take longer than is waited for.

use std::time::{Duration, Instant};

use qmp_blocking::{ErrorKind, Outcome};
use serde_json::Value;

use crate::server::{Clients, PLENTY, Suite};
use crate::slow::Slow;

conformance::on_every_qemu!(
    a_deadline_leaves_the_connection_usable,
    the_deadline_of_a_connection_is_every_commands,
    a_sent_command_keeps_its_own_deadline,
);

const SHORT: Duration = Duration::from_millis(60);

fn a_deadline_leaves_the_connection_usable(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let slow = Slow::new(server.folder());
    for _ in 0..3 {
        let started = Instant::now();
        let error = slow.command(&qemu).timeout(SHORT).run().unwrap_err();
        assert!(started.elapsed() >= SHORT);
        assert!(error.is_timeout() && !error.is_disconnected(), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert_eq!(error.command(), Some("pmemsave"));
        let ErrorKind::NoReply { waited, .. } = error.kind() else { panic!("{error:?}") };
        assert!(*waited >= SHORT && *waited < PLENTY, "{waited:?}");
        let text = error.to_string();
        assert!(text.starts_with("pmemsave: no answer in "), "{text}");

        let error = qemu.execute("query-status").timeout(SHORT).run().unwrap_err();
        assert!(error.is_timeout(), "it waits behind the slow one: {error}");
        slow.finish();
        // The late answers come now, and are nobody's.
        let status: Value = qemu.execute("query-status").run().unwrap().decode().unwrap();
        assert_eq!(status["running"], false);
    }
}

fn the_deadline_of_a_connection_is_every_commands(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let slow = Slow::new(server.folder());
    qemu.set_timeout(Some(SHORT)).unwrap();
    assert!(slow.command(&qemu).run().unwrap_err().is_timeout());
    let raw = qemu.raw(r#"{"execute":"query-name"}"#).run();
    assert!(raw.unwrap_err().is_timeout());
    std::thread::scope(|scope| {
        scope.spawn(|| slow.finish());
        qemu.execute("query-name").timeout(PLENTY).run().unwrap();
    });
    qemu.set_timeout(None).unwrap();
    let saving = slow.command(&qemu).send().unwrap();
    slow.finish();
    saving.recv().unwrap();
}

fn a_sent_command_keeps_its_own_deadline(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let slow = Slow::new(server.folder());
    let saving = slow.command(&qemu).timeout(SHORT).send().unwrap();
    let status = qemu.execute("query-status").send().unwrap();
    std::thread::sleep(SHORT * 2);
    let error = saving.recv().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    slow.finish();
    status.recv().unwrap();
    // An answer that is there when it is asked for is in time, however late it is asked for.
    let late = qemu.execute("query-status").timeout(SHORT).send().unwrap();
    qemu.execute("query-status").run().unwrap();
    std::thread::sleep(SHORT * 2);
    late.recv().unwrap();
}

//! Commands that know their types.

use qmp_blocking::types::events::Reset;
use qmp_blocking::types::{HumanMonitorCommand, QueryStatus, RunState};
use qmp_blocking::{Command, ErrorKind, Outcome, TypedEvent};
use serde::Serialize;

use crate::server::{Clients, Suite};

conformance::on_every_qemu!(typed_commands_and_events, a_wrong_type_is_told_with_its_place);

/// `query-status` again, its answer mistaken.
#[derive(Serialize)]
struct Mistaken;

impl Command for Mistaken {
    const NAME: &'static str = "query-status";
    type Output = Vec<u32>;
}

fn typed_commands_and_events(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let status = qemu.call(&QueryStatus::new()).run().unwrap();
    assert!(!status.running);
    assert_eq!(status.status, RunState::Prelaunch);
    let print = HumanMonitorCommand::new("print /d 6 * 7");
    assert_eq!(qemu.call(&print).run().unwrap().trim(), "42");
    let sent: Vec<_> = (0..5).map(|_| qemu.call(&QueryStatus::new()).send().unwrap()).collect();
    for sent in sent {
        assert_eq!(sent.recv().unwrap().status, RunState::Prelaunch);
    }
    let reset = qemu.event().named(Reset::NAME);
    qemu.execute("system_reset").run().unwrap();
    let reset: Reset = reset.run().unwrap().decode().unwrap();
    assert!(!reset.guest);
}

fn a_wrong_type_is_told_with_its_place(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let error = qemu.call(&Mistaken).run().unwrap_err();
    let text = error.to_string();
    assert!(matches!(error.kind(), ErrorKind::Decode(_)), "{text}");
    assert_eq!(error.outcome(), Outcome::Answered);
    assert!(text.starts_with("query-status: the answer is not what was expected"), "{text}");
    assert!(text.contains("near `{\"") && text.contains(&server.address().to_string()), "{text}");
    let sent = qemu.call(&Mistaken).send().unwrap();
    assert_eq!(sent.recv().unwrap_err().command(), Some("query-status"));
    let reply = qemu.execute("query-status").run().unwrap();
    let error = reply.decode::<u32>().unwrap_err();
    assert_eq!(error.command(), Some("query-status"));
    assert!(error.to_string().contains("expected u32"), "{error}");
    qemu.call(&QueryStatus::new()).run().unwrap();
}

//! Commands that overtake others.

use qmp_blocking::{Client, ErrorClass, Outcome, PendingReply};
use serde_json::Value;
use std::time::Duration;

use crate::server::{Clients, PLENTY, Server, Suite};
use crate::slow::Slow;

conformance::on_every_qemu!(
    an_out_of_band_command_overtakes_a_slow_one,
    an_eighth_command_waits_for_its_turn,
    many_out_of_band_commands_are_in_flight_beside_seven_others,
    commands_sent_at_once_leave_out_of_band_commands_a_way,
);

fn connect(server: &mut Server) -> Client {
    server.client_of(|| qmp_blocking::builder().out_of_band())
}

fn an_out_of_band_command_overtakes_a_slow_one(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = connect(&mut server);
    let slow = Slow::new(server.folder());
    let saving = slow.command(&qemu).send().unwrap();
    let status = qemu.execute("query-status").send().unwrap();

    let error = qemu.execute("migrate-pause").out_of_band().run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::GenericError), "{error}");
    let yank = qemu.execute("query-yank").out_of_band().run();
    if suite.major() == 5 {
        assert_eq!(yank.unwrap_err().class(), Some(ErrorClass::CommandNotFound));
    } else {
        let instances: Value = yank.unwrap().decode().unwrap();
        assert_eq!(instances[0]["type"], "chardev", "{instances}");
    }
    // Not every command may be run out of band.
    let error = qemu.execute("query-name").out_of_band().run().unwrap_err();
    assert!(error.to_string().contains("does not support OOB"), "{error}");

    slow.finish();
    status.recv().unwrap();
    saving.recv().unwrap();
}

fn an_eighth_command_waits_for_its_turn(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = connect(&mut server);
    let slow = Slow::new(server.folder());
    let mut sent: Vec<PendingReply<'_>> = vec![slow.command(&qemu).send().unwrap()];
    slow.begun();
    for _ in 0..6 {
        sent.push(qemu.execute("query-name").send().unwrap());
    }
    let eighth = qemu.execute("query-name").timeout(Duration::from_millis(50));
    let error = eighth.send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    // Out-of-band commands still get through.
    let error = qemu.execute("migrate-pause").out_of_band().run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Answered, "{error}");

    std::thread::scope(|scope| {
        scope.spawn(|| slow.finish());
        let eighth = qemu.execute("query-status").send().unwrap();
        sent.push(eighth);
    });
    for sent in sent {
        sent.recv().unwrap();
    }
}

fn many_out_of_band_commands_are_in_flight_beside_seven_others(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = connect(&mut server);
    let slow = Slow::new(server.folder());
    let mut in_band: Vec<PendingReply<'_>> = vec![slow.command(&qemu).send().unwrap()];
    slow.begun();
    for _ in 0..6 {
        in_band.push(qemu.execute("query-name").send().unwrap());
    }
    let urgent: Vec<PendingReply<'_>> =
        (0..40).map(|_| qemu.execute("migrate-pause").out_of_band().send().unwrap()).collect();
    for sent in urgent {
        let error = sent.recv().unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::GenericError), "{error}");
    }
    slow.finish();
    for sent in in_band {
        sent.recv().unwrap();
    }
}

/// Nothing has begun yet when they arrive.
fn commands_sent_at_once_leave_out_of_band_commands_a_way(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = connect(&mut server);
    let slow = Slow::new(server.folder());
    for _ in 0..20 {
        let mut sent: Vec<PendingReply<'_>> = vec![slow.command(&qemu).send().unwrap()];
        for _ in 1..7 {
            sent.push(qemu.execute("query-name").send().unwrap());
        }
        let pause = qemu.execute("migrate-pause").out_of_band();
        let error = pause.timeout(PLENTY).run().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Answered, "{error}");
        slow.finish();
        for sent in sent {
            sent.recv().unwrap();
        }
    }
}

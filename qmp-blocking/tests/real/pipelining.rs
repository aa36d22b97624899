//! Many commands in flight.

use std::time::Duration;

use qmp_blocking::{Client, PendingReply};
use serde_json::Value;

use crate::server::{Clients, Suite, wait_until};
use crate::slow::Slow;

conformance::on_every_qemu!(
    answers_go_to_whoever_asked,
    more_commands_than_may_be_in_flight_take_turns,
    an_answer_nobody_waits_for_is_dropped,
    an_answer_is_tried_without_waiting,
);

/// A command whose answer is three times the number.
fn triple(qemu: &Client, number: usize) -> PendingReply<'_> {
    let line = format!("print /d {number} * 3");
    let print = qemu.execute("human-monitor-command");
    print.argument("command-line", &line).send().unwrap()
}

fn answer(sent: PendingReply<'_>) -> usize {
    let answer: Value = sent.recv().unwrap().decode().unwrap();
    answer.as_str().unwrap().trim().parse().unwrap()
}

fn answers_go_to_whoever_asked(suite: &Suite) {
    for out_of_band in [false, true] {
        let mut server = suite.qemu();
        let qemu = server.client_of(|| match out_of_band {
            true => qmp_blocking::builder().out_of_band(),
            false => qmp_blocking::builder(),
        });
        let sent: Vec<PendingReply<'_>> = (0..32).map(|number| triple(&qemu, number)).collect();
        for (number, sent) in sent.into_iter().enumerate().rev() {
            assert_eq!(answer(sent), number * 3);
        }
    }
}

fn more_commands_than_may_be_in_flight_take_turns(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let sent: Vec<PendingReply<'_>> = (0..500).map(|number| triple(&qemu, number)).collect();
    for (number, sent) in sent.into_iter().enumerate() {
        assert_eq!(answer(sent), number * 3);
    }
}

fn an_answer_nobody_waits_for_is_dropped(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let slow = Slow::new(server.folder());
    for round in 0..3 {
        let saving = slow.command(&qemu).send().unwrap();
        for number in 0..10 {
            drop(triple(&qemu, number));
        }
        drop(saving);
        let kept = triple(&qemu, 1000 + round);
        slow.finish();
        assert_eq!(answer(kept), 3000 + round * 3);
    }
    // All of them hold no place any more.
    let sent: Vec<PendingReply<'_>> = (0..64).map(|number| triple(&qemu, number)).collect();
    drop(sent);
    qemu.execute("quit").run().unwrap();
}

fn an_answer_is_tried_without_waiting(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let slow = Slow::new(server.folder());
    let mut saving = slow.command(&qemu).send().unwrap();
    let mut behind = triple(&qemu, 5);
    slow.begun();
    for _ in 0..10 {
        assert!(saving.try_recv().unwrap().is_none());
        assert!(behind.try_recv().unwrap().is_none());
    }
    slow.finish();
    wait_until("the command is answered", || saving.try_recv().unwrap().is_some());
    wait_until("the next is answered", || behind.try_recv().unwrap().is_some());

    let moment = Duration::from_millis(20);
    let mut late = slow.command(&qemu).timeout(moment).send().unwrap();
    let mut error = None;
    wait_until("the deadline passes", || {
        error = late.try_recv().err();
        error.is_some()
    });
    assert!(error.unwrap().is_timeout());
    slow.finish();
    qemu.execute("query-status").run().unwrap();
}

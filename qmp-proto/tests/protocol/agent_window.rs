//! The limit on unanswered bytes of a guest agent: 4095, or one command.

use qmp_proto::{Arguments, Options, Phase, Request, RequestId, SendErrorKind};

use crate::peer::{Observed, Peer, SEVEN, returned, sync_answer};

const LIMIT: usize = 4096;
const FULL: SendErrorKind = SendErrorKind::TooManyBytesInFlight { limit: LIMIT };

/// Sends a command of exactly `length` bytes.
fn write(peer: &mut Peer, token: u32, length: usize) -> Result<RequestId, SendErrorKind> {
    let id = u64::from(token).to_string().len();
    let around = "{\"execute\":\"guest-file-write\",\"arguments\":{\"b\":\"\"},\"id\":}\n".len();
    let text = format!("{{\"b\":\"{}\"}}", "A".repeat(length - around - id));
    let arguments = Arguments::parse(&text).unwrap();
    peer.sent();
    let sent = peer.send(Request::new("guest-file-write").arguments(arguments), token);
    let expected = if sent.is_ok() { length } else { 0 };
    assert_eq!(peer.sent().len(), expected);
    sent
}

fn synced() -> Peer {
    Peer::synced(Options::agent())
}

#[test]
fn commands_are_sent_while_the_unanswered_bytes_stay_below_4096() {
    for first in [60, 1000, 2047, 3000, 4035] {
        let mut peer = synced();
        write(&mut peer, 0, first).unwrap();
        assert_eq!(write(&mut peer, 1, LIMIT - first), Err(FULL));
        assert_eq!(write(&mut peer, 1, 1_000_000), Err(FULL));
        write(&mut peer, 1, LIMIT - 1 - first).unwrap();
        assert_eq!(peer.refusal("guest-ping"), FULL);
        // Each reply makes room for its command's length.
        assert_eq!(peer.feed(returned(0)), [Observed::done(0)]);
        assert_eq!(write(&mut peer, 2, first + 1), Err(FULL));
        write(&mut peer, 2, first).unwrap();
    }
}

#[test]
fn small_commands_are_pipelined() {
    let mut peer = synced();
    for token in 0..64 {
        peer.execute("guest-ping", token);
    }
    assert_eq!(peer.refusal("guest-ping"), SendErrorKind::TooManyInFlight { limit: 64 });
}

#[test]
fn a_command_of_any_length_is_sent_if_nothing_is_unanswered() {
    let mut peer = synced();
    for (length, token) in [(4095, 0), (4096, 1), (100_000, 2), (4_000_000, 3)] {
        write(&mut peer, token, length).unwrap();
        assert_eq!(peer.refusal("guest-ping"), FULL);
        assert_eq!(write(&mut peer, 9, 60), Err(FULL));
        assert_eq!(peer.feed(returned(token)), [Observed::done(token)]);
    }
}

#[test]
fn raw_messages_count_towards_the_limit() {
    let mut peer = synced();
    let long = format!("{{\"execute\": \"x\", \"arguments\": \"{}\"}}", "A".repeat(4000));
    peer.send_raw(&long, 0).unwrap();
    assert_eq!(write(&mut peer, 1, 1000), Err(FULL));
    assert_eq!(peer.send_raw(&long, 1), Err(FULL));
    assert_eq!(peer.feed(returned(0)), [Observed::done(0)]);
    write(&mut peer, 1, 1000).unwrap();
    assert_eq!(peer.send_raw(&long, 2), Err(FULL));
}

#[test]
fn an_invalid_command_is_refused_as_such() {
    let mut peer = synced();
    write(&mut peer, 0, 4095).unwrap();
    assert_eq!(peer.refusal("no name"), SendErrorKind::InvalidName);
    assert_eq!(peer.send(Request::new("x").out_of_band(), 999), Err(SendErrorKind::NoOutOfBand));
}

#[test]
fn a_limit_reached_by_abandoned_commands_is_freed_by_a_sync() {
    let mut peer = synced();
    let first = write(&mut peer, 0, 2000).unwrap();
    let second = write(&mut peer, 1, 2000).unwrap();
    peer.client.abandon(second);
    assert_eq!(write(&mut peer, 2, 1000), Err(FULL));
    peer.client.abandon(first);
    let held = SendErrorKind::HeldByAbandoned { oldest: first };
    assert_eq!(write(&mut peer, 2, 1000), Err(held.clone()));
    assert!(held.to_string().ends_with("sync with an agent again to free them"));
    write(&mut peer, 2, 90).unwrap();
    assert_eq!(write(&mut peer, 3, 1000), Err(FULL), "this one is awaited");

    // A sync is sent in any case.
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(write(&mut peer, 3, 60), Err(SendErrorKind::Phase(Phase::Syncing)));
    assert_eq!(peer.feed(sync_answer(SEVEN + 1)), [Observed::Ready, Observed::unknown(2)]);
    write(&mut peer, 3, 4095).unwrap();
}

#[test]
fn a_later_reply_frees_the_commands_before_it() {
    let mut peer = synced();
    write(&mut peer, 0, 2000).unwrap();
    write(&mut peer, 1, 2000).unwrap();
    assert_eq!(peer.feed(returned(1)), [Observed::done(1), Observed::unknown(0)]);
    write(&mut peer, 2, 4095).unwrap();
}

/// Only the caller knows how long to wait for an error reply.
#[test]
fn a_command_without_success_response_counts_until_it_is_abandoned() {
    for length in [100, 4095] {
        let mut peer = synced();
        let asleep = peer.execute("guest-suspend-ram", 0);
        assert_eq!(write(&mut peer, 1, LIMIT), Err(FULL));
        assert_eq!(write(&mut peer, 1, 4095), Err(FULL));
        peer.client.abandon(asleep);
        write(&mut peer, 1, length).unwrap();
        assert_eq!(write(&mut peer, 2, 4095), Err(FULL));
        assert_eq!(peer.feed(returned(1)), [Observed::done(1)]);
        write(&mut peer, 2, 1_000_000).unwrap();
    }
    // An abandoned command with a success response counts.
    let mut peer = synced();
    let busy = write(&mut peer, 0, 100).unwrap();
    peer.client.abandon(busy);
    assert_eq!(write(&mut peer, 1, 4000), Err(SendErrorKind::HeldByAbandoned { oldest: busy }));
}

#[test]
fn a_monitor_has_no_limit_on_unanswered_bytes() {
    let mut peer: Peer = Peer::ready(Options::monitor().line_end(true), &[]);
    for token in 0..10 {
        write(&mut peer, token, 100_000).unwrap();
    }
}

#[test]
fn the_error_states_the_limit_and_its_reason() {
    assert_eq!(
        FULL.to_string(),
        "this command and the unanswered ones have 4096 bytes or more together, and a guest agent \
         could lose replies"
    );
}

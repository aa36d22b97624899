//! The ends of a connection, and the requests in flight.

use qmp_proto::{Client, NoReplyReason, Options, Phase, ProtocolError, Request, SendErrorKind};

use crate::peer::{GREETING, Observed, Peer, STOP, returned};

fn ready() -> Peer {
    Peer::ready(Options::monitor(), &[])
}

fn expected(token: u32) -> Observed {
    Observed::Unanswered(token, NoReplyReason::AsExpected)
}

/// Checks that the end is reported with this error, now and later.
fn ends<const N: usize>(peer: &mut Peer<N>, outcome: Result<(), ProtocolError>) {
    for _ in 0..2 {
        assert_eq!(peer.client.handle_end(), outcome);
        let error = outcome.err().unwrap_or(ProtocolError::Ended);
        assert_eq!(peer.feed(STOP), [Observed::Error(error)]);
        assert_eq!(peer.phase(), Phase::Ended);
        assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Ended));
    }
}

#[test]
fn an_end_with_nothing_outstanding_is_not_an_error() {
    let mut peer = ready();
    peer.execute("stop", 1);
    peer.feed(returned(0));
    ends(&mut peer, Ok(()));
    assert_eq!(peer.drained(), []);
}

#[test]
fn an_end_in_the_handshake_has_the_phase() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    let phase = |phase| Err(ProtocolError::EndInHandshake { phase });
    ends(&mut peer, phase(Phase::Greeting));

    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    peer.feed(&GREETING[..20]);
    ends(&mut peer, phase(Phase::Greeting));

    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    peer.feed(GREETING);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    ends(&mut peer, phase(Phase::Negotiating));

    let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
    ends(&mut peer, phase(Phase::Unsynced));
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.execute("guest-ping", 1);
    peer.client.sync(&mut peer.wire, 8).unwrap();
    ends(&mut peer, phase(Phase::Syncing));
    assert_eq!(peer.drained(), [Observed::unknown(1)]);
}

#[test]
fn an_end_inside_a_message_has_its_own_error() {
    let mut peer: Peer = Peer::new(Client::negotiated(Options::monitor(), 0));
    assert_eq!(peer.feed("noise"), []);
    ends(&mut peer, Err(ProtocolError::EndInsideMessage));
    for half in ["{", "{\"return\": {}, \"id\": 0", "x"] {
        let mut peer = ready();
        peer.execute("stop", 1);
        assert_eq!(peer.feed(half), []);
        ends(&mut peer, Err(ProtocolError::EndInsideMessage));
        assert_eq!(peer.drained(), [Observed::unknown(1)]);
        assert_eq!(peer.drained(), []);
    }
}

#[test]
fn an_end_with_requests_unanswered_counts_them() {
    let mut peer = ready();
    for token in 1..=4 {
        peer.execute("stop", token);
    }
    let abandoned = peer.execute("stop", 5);
    peer.client.abandon(abandoned);
    let error = ProtocolError::EndWithRequests { count: 4 };
    ends(&mut peer, Err(error));
    let lost = [1, 2, 3, 4].map(Observed::unknown);
    assert_eq!(peer.drained(), lost);
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn the_end_after_quit_is_expected() {
    for raw in [false, true] {
        let mut peer = ready();
        if raw {
            peer.send_raw("{\"execute\": \"quit\", \"id\": 5}", 1).unwrap();
        } else {
            peer.execute("quit", 1);
        }
        ends(&mut peer, Ok(()));
        assert_eq!(peer.drained(), [expected(1)]);
    }
    let mut peer = ready();
    peer.execute("stop", 1);
    peer.execute("quit", 2);
    let error = ProtocolError::EndWithRequests { count: 1 };
    ends(&mut peer, Err(error));
    assert_eq!(peer.drained(), [Observed::unknown(1), expected(2)]);
}

#[test]
fn quit_is_answered_like_any_command_if_its_reply_arrives() {
    let mut peer = ready();
    peer.execute("quit", 1);
    assert_eq!(peer.feed(returned(0)), [Observed::done(1)]);
    ends(&mut peer, Ok(()));
}

#[test]
fn the_end_is_expected_for_commands_without_success_response() {
    for name in
        ["guest-shutdown", "guest-suspend-disk", "guest-suspend-ram", "guest-suspend-hybrid"]
    {
        for raw in [false, true] {
            let mut peer: Peer = Peer::synced(Options::agent());
            if raw {
                peer.send_raw(&format!("{{\"execute\": \"{name}\"}}"), 1).unwrap();
            } else {
                peer.execute(name, 1);
            }
            ends(&mut peer, Ok(()));
            assert_eq!(peer.drained(), [expected(1)]);
        }
    }
    let mut peer = ready();
    peer.send(Request::new("x").no_success_response(), 1).unwrap();
    ends(&mut peer, Ok(()));
    assert_eq!(peer.drained(), [expected(1)]);
}

#[test]
fn a_command_without_success_response_ends_with_a_later_reply_or_an_error() {
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.execute("guest-shutdown", 1);
    peer.execute("guest-ping", 2);
    assert_eq!(peer.feed(returned(1)), [Observed::done(2), expected(1)]);
    peer.execute("guest-shutdown", 3);
    let failure = Observed::Answer(3, Err("GenericError: no".into()));
    assert_eq!(peer.feed(crate::peer::failed(2)), [failure]);
}

#[test]
fn drain_returns_all_unanswered_requests() {
    let mut peer = ready();
    peer.execute("stop", 1);
    peer.execute("quit", 2);
    assert_eq!(peer.drained(), [Observed::unknown(1), expected(2)]);
    ends(&mut peer, Ok(()));
}

#[test]
fn a_message_over_a_limit_ends_a_monitors_connection() {
    let deep = format!("{{\"return\": {}", "[".repeat(16));
    let long = format!("{{\"return\": \"{}", "a".repeat(300));
    let lines = format!("{}{}", STOP, "b".repeat(300));
    for (bad, error) in [
        (&deep, ProtocolError::TooDeep { limit: 16 }),
        (&long, ProtocolError::MessageTooLong { limit: 200 }),
        (&lines, ProtocolError::MessageTooLong { limit: 200 }),
    ] {
        let options = Options::monitor().longest_message(200).deepest_message(16);
        let client = Client::negotiated(options, 0);
        let mut peer: Peer = Peer::new(client);
        peer.execute("stop", 1);
        peer.execute("quit", 2);
        let observed = peer.feed(bad);
        assert_eq!(observed.last(), Some(&Observed::Error(error)));
        assert_eq!(peer.feed("\r\n"), [Observed::Error(error)]);
        assert_eq!(peer.client.handle_end(), Err(error));
        assert_eq!(peer.drained(), [Observed::unknown(1), expected(2)]);
    }
}

#[test]
fn limits_of_zero_refuse_every_message() {
    for limit in [0, 1] {
        let options = Options::monitor().longest_message(limit);
        let mut peer: Peer = Peer::new(Client::monitor(options));
        let error = ProtocolError::MessageTooLong { limit };
        assert_eq!(peer.feed(GREETING), [Observed::Error(error)]);
        let options = Options::monitor().deepest_message(limit);
        let mut peer: Peer = Peer::new(Client::monitor(options));
        let error = ProtocolError::TooDeep { limit };
        assert_eq!(peer.feed(GREETING), [Observed::Error(error)]);
    }
}

#[test]
fn an_object_cut_off_while_brackets_are_counted_ends_the_connection() {
    let pretty = "{\r\n    \"return\": {\r\n    },\r\n    \"id\": 1\r\n}\r\n";
    for broken in ["{\r\n  \"return\": \"a\r\n", "{\"return\": \"a\r\n", "{]"] {
        let mut peer: Peer = Peer::new(Client::negotiated(Options::monitor(), 0));
        assert_eq!(peer.feed(pretty).len(), 1);
        let error = || Observed::Error(ProtocolError::FramingLost);
        assert_eq!(peer.feed(broken), [error()]);
        assert_eq!(peer.feed(pretty), [error()]);
    }
}

#[test]
fn an_invalid_line_is_reported_and_reading_continues() {
    let mut peer = ready();
    peer.execute("stop", 1);
    for (bad, reason) in [
        ("warning: x\r\n", "bytes outside any message"),
        ("42\r\n", "bytes outside any message"),
        ("{\"return\": \"a\u{1}\"}\r\n", "a control character"),
        ("{\"return\": nope}\r\n", "invalid JSON"),
        ("{\"foo\": 1}\r\n", "an object that is not a greeting"),
        ("{\"execute\": \"quit\"}\r\n", "an object that is not a greeting"),
    ] {
        match peer.feed(bad).as_slice() {
            [Observed::Malformed(text)] => assert!(text.starts_with(reason), "{text}"),
            other => panic!("{bad}: {other:?}"),
        }
    }
    assert_eq!(peer.feed(returned(0)), [Observed::done(1)]);
}

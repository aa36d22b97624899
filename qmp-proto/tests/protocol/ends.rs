//! How a connection ends, and what becomes of what is in flight.

use qmp_proto::{Client, NoReplyReason, Options, Phase, ProtocolError, Request, SendErrorKind};

use crate::peer::{GREETING, Peer, STOP, Said, returned};

fn ready() -> Peer {
    Peer::ready(Options::monitor(), &[])
}

fn expected(token: u32) -> Said {
    Said::Unanswered(token, NoReplyReason::AsExpected)
}

/// The end is reported this way now and ever after.
fn ends<const N: usize>(peer: &mut Peer<N>, outcome: Result<(), ProtocolError>) {
    for _ in 0..2 {
        assert_eq!(peer.client.handle_end(), outcome);
        let error = outcome.err().unwrap_or(ProtocolError::Ended);
        assert_eq!(peer.hears(STOP), [Said::Error(error)]);
        assert_eq!(peer.phase(), Phase::Ended);
        assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Ended));
    }
}

#[test]
fn an_end_with_nothing_outstanding_is_no_error() {
    let mut peer = ready();
    peer.execute("stop", 1);
    peer.hears(returned(0));
    ends(&mut peer, Ok(()));
    assert_eq!(peer.drained(), []);
}

#[test]
fn an_end_inside_the_handshake_says_how_far_it_was() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    let phase = |phase| Err(ProtocolError::EndInHandshake { phase });
    ends(&mut peer, phase(Phase::Greeting));

    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    peer.hears(&GREETING[..20]);
    ends(&mut peer, phase(Phase::Greeting));

    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    peer.hears(GREETING);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    ends(&mut peer, phase(Phase::Negotiating));

    let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
    ends(&mut peer, phase(Phase::Unsynced));
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.execute("guest-ping", 1);
    peer.client.sync(&mut peer.wire, 8).unwrap();
    ends(&mut peer, phase(Phase::Syncing));
    assert_eq!(peer.drained(), [Said::unknown(1)]);
}

#[test]
fn an_end_inside_a_message_is_told_apart() {
    let mut peer: Peer = Peer::new(Client::negotiated(Options::monitor(), 0));
    assert_eq!(peer.hears("noise"), []);
    ends(&mut peer, Err(ProtocolError::EndInsideMessage));
    for half in ["{", "{\"return\": {}, \"id\": 0", "x"] {
        let mut peer = ready();
        peer.execute("stop", 1);
        assert_eq!(peer.hears(half), []);
        ends(&mut peer, Err(ProtocolError::EndInsideMessage));
        assert_eq!(peer.drained(), [Said::unknown(1)]);
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
    let lost = [1, 2, 3, 4].map(Said::unknown);
    assert_eq!(peer.drained(), lost);
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn the_end_is_the_answer_to_quit() {
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
    assert_eq!(peer.drained(), [Said::unknown(1), expected(2)]);
}

#[test]
fn quit_is_answered_like_any_command_where_the_answer_arrives() {
    let mut peer = ready();
    peer.execute("quit", 1);
    assert_eq!(peer.hears(returned(0)), [Said::done(1)]);
    ends(&mut peer, Ok(()));
}

#[test]
fn the_end_is_as_expected_for_commands_that_have_no_answer() {
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
fn a_command_without_answer_is_done_when_a_later_one_is_answered_and_can_fail() {
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.execute("guest-shutdown", 1);
    peer.execute("guest-ping", 2);
    assert_eq!(peer.hears(returned(1)), [Said::done(2), expected(1)]);
    peer.execute("guest-shutdown", 3);
    let failure = Said::Answer(3, Err("GenericError: no".into()));
    assert_eq!(peer.hears(crate::peer::failed(2)), [failure]);
}

#[test]
fn our_own_end_gives_everything_back() {
    let mut peer = ready();
    peer.execute("stop", 1);
    peer.execute("quit", 2);
    assert_eq!(peer.drained(), [Said::unknown(1), expected(2)]);
    ends(&mut peer, Ok(()));
}

#[test]
fn what_passes_a_limit_ends_a_monitors_connection_for_good() {
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
        let heard = peer.hears(bad);
        assert_eq!(heard.last(), Some(&Said::Error(error)));
        assert_eq!(peer.hears("\r\n"), [Said::Error(error)]);
        assert_eq!(peer.client.handle_end(), Err(error));
        assert_eq!(peer.drained(), [Said::unknown(1), expected(2)]);
    }
}

#[test]
fn limits_of_nothing_let_nothing_through() {
    for limit in [0, 1] {
        let options = Options::monitor().longest_message(limit);
        let mut peer: Peer = Peer::new(Client::monitor(options));
        let error = ProtocolError::MessageTooLong { limit };
        assert_eq!(peer.hears(GREETING), [Said::Error(error)]);
        let options = Options::monitor().deepest_message(limit);
        let mut peer: Peer = Peer::new(Client::monitor(options));
        let error = ProtocolError::TooDeep { limit };
        assert_eq!(peer.hears(GREETING), [Said::Error(error)]);
    }
}

#[test]
fn an_object_that_breaks_off_where_brackets_are_counted_ends_it_too() {
    let pretty = "{\r\n    \"return\": {\r\n    },\r\n    \"id\": 1\r\n}\r\n";
    for broken in ["{\r\n  \"return\": \"a\r\n", "{\"return\": \"a\r\n", "{]"] {
        let mut peer: Peer = Peer::new(Client::negotiated(Options::monitor(), 0));
        assert_eq!(peer.hears(pretty).len(), 1);
        let error = || Said::Error(ProtocolError::FramingLost);
        assert_eq!(peer.hears(broken), [error()]);
        assert_eq!(peer.hears(pretty), [error()]);
    }
}

#[test]
fn a_bad_line_is_reported_and_reading_goes_on() {
    let mut peer = ready();
    peer.execute("stop", 1);
    for (bad, reason) in [
        ("warning: x\r\n", "bytes outside any message"),
        ("42\r\n", "bytes outside any message"),
        ("{\"return\": \"a\u{1}\"}\r\n", "a control character"),
        ("{\"return\": nope}\r\n", "invalid JSON"),
        ("{\"foo\": 1}\r\n", "an object that is no greeting"),
        ("{\"execute\": \"quit\"}\r\n", "an object that is no greeting"),
    ] {
        match peer.hears(bad).as_slice() {
            [Said::Malformed(text)] => assert!(text.starts_with(reason), "{text}"),
            other => panic!("{bad}: {other:?}"),
        }
    }
    assert_eq!(peer.hears(returned(0)), [Said::done(1)]);
}

//! Greeting and negotiation.

use qmp_proto::{Client, OUT_OF_BAND, Options, Phase, ProtocolError, Request, SendErrorKind};

use crate::peer::{GREETING, Observed, PARSE_ERROR, Peer, SEVEN, STOP, failed, returned};

fn greeted() -> Peer {
    let mut peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.phase(), Phase::Greeting);
    assert_eq!(peer.feed(GREETING), [Observed::Greeting]);
    peer
}

#[test]
fn a_reply_to_the_previous_client_does_not_complete_the_negotiation() {
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    for stale in [
        &returned(0),
        &returned(7),
        &returned("\"libvirt-1\""),
        "{\"return\": {}}\r\n",
        &failed(1),
        PARSE_ERROR,
    ] {
        assert_eq!(peer.feed(stale), [Observed::stray(stale)]);
        assert_eq!(peer.phase(), Phase::Negotiating);
    }
    assert_eq!(peer.feed(returned(SEVEN)), [Observed::Ready]);
    assert_eq!(peer.phase(), Phase::Ready);
}

#[test]
fn replies_before_the_greeting_and_before_the_negotiation_are_stray() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.feed(returned(0)), [Observed::stray(&returned(0))]);
    assert_eq!(peer.feed(GREETING), [Observed::Greeting]);
    assert_eq!(peer.feed(returned(SEVEN)), [Observed::stray(&returned(SEVEN))]);
    assert_eq!(peer.phase(), Phase::Greeted);
}

#[test]
fn an_error_in_place_of_the_greeting_is_reported() {
    let refused = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"too many clients\"}}";
    for end in ["", "\r\n"] {
        let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
        let observed = Observed::ErrorBeforeGreeting("GenericError: too many clients".into());
        assert_eq!(peer.feed([refused, end].concat()), [observed]);
        assert_eq!(peer.phase(), Phase::Greeting);
        let end = ProtocolError::EndInHandshake { phase: Phase::Greeting };
        assert_eq!(peer.client.handle_end(), Err(end));
    }
    // The error may belong to the previous client.
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    for (error, text) in
        [(PARSE_ERROR, "GenericError: JSON parse error"), (&failed(3), "GenericError: no")]
    {
        assert_eq!(peer.feed(error), [Observed::ErrorBeforeGreeting(text.into())]);
    }
    assert_eq!(peer.feed(GREETING), [Observed::Greeting]);
    assert_eq!(peer.feed(PARSE_ERROR), [Observed::stray(PARSE_ERROR)]);
}

#[test]
fn a_capability_that_is_not_a_string_is_not_offered() {
    for capabilities in ["[{\"oob\": false}]", "{\"oob\": true}", "[[\"oob\"]]", "\"oob\""] {
        let greeting = format!("{{\"QMP\": {{\"capabilities\": {capabilities}}}}}\r\n");
        let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
        assert_eq!(peer.feed(greeting), [Observed::Greeting]);
        let refused = peer.client.negotiate(&mut peer.wire, 7, &[OUT_OF_BAND]);
        assert_eq!(refused, Err(SendErrorKind::NotOffered), "{capabilities}");
    }
}

/// The framing is unknown before the first message ends.
#[test]
fn an_invalid_first_message_is_shown_up_to_its_first_invalid_byte() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    let observed = peer.feed("{ ] and more\r\n");
    let Some(Observed::Malformed(text)) = observed.first() else { panic!("{observed:?}") };
    assert!(text.ends_with(" at byte 2: { ]"), "{text}");
}

#[test]
fn events_are_delivered_before_the_greeting_and_inside_the_handshake() {
    let event = || Observed::Event("STOP".into());
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.feed(STOP), [event()]);
    assert_eq!(peer.feed([GREETING, STOP].concat()), [Observed::Greeting, event()]);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    let rest = [STOP, &returned(SEVEN), STOP].concat();
    assert_eq!(peer.feed(rest), [event(), Observed::Ready, event()]);
}

#[test]
fn a_refused_negotiation_can_be_tried_again() {
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[OUT_OF_BAND]).unwrap();
    assert!(!peer.client.is_out_of_band(), "not before it is granted");
    let refused = Observed::HandshakeFailed("GenericError: no".into());
    assert_eq!(peer.feed(failed(SEVEN)), [refused]);
    assert_eq!(peer.phase(), Phase::Greeted);
    assert!(!peer.client.is_out_of_band());
    peer.sent();
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    let sent = format!(r#"{{"execute":"qmp_capabilities","id":{}}}"#, SEVEN + 1);
    assert_eq!(peer.sent(), sent);
    assert_eq!(peer.feed(returned(SEVEN)), [Observed::stray(&returned(SEVEN))]);
    assert_eq!(peer.feed(returned(SEVEN + 1)), [Observed::Ready]);
    assert!(!peer.client.is_out_of_band());
}

#[test]
fn only_offered_capabilities_are_requested() {
    let bare = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.feed(bare), [Observed::Greeting]);
    for enable in [&[OUT_OF_BAND][..], &["x"], &["oob\""]] {
        let refused = peer.client.negotiate(&mut peer.wire, 7, enable);
        assert_eq!(refused, Err(SendErrorKind::NotOffered));
        assert_eq!(peer.sent(), "");
        assert_eq!(peer.phase(), Phase::Greeted);
    }
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[OUT_OF_BAND]).unwrap();
    let sent = format!(
        r#"{{"execute":"qmp_capabilities","arguments":{{"enable":["oob"]}},"id":{SEVEN}}}"#
    );
    assert_eq!(peer.sent(), sent);
    assert_eq!(peer.feed(returned(SEVEN)), [Observed::Ready]);
    assert!(peer.client.is_out_of_band());
}

#[test]
fn after_a_second_greeting_requests_are_lost_and_negotiation_starts_again() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[OUT_OF_BAND]);
    peer.execute("stop", 1);
    let abandoned = peer.execute("cont", 2);
    peer.execute("quit", 3);
    peer.client.abandon(abandoned);
    let observed = peer.feed([GREETING, STOP].concat());
    let event = Observed::Event("STOP".into());
    assert_eq!(observed, [Observed::Restarted, Observed::unknown(1), Observed::unknown(3), event]);
    assert_eq!(peer.client.in_flight(), 0);
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Greeted));
    assert!(!peer.client.is_out_of_band());
    peer.client.negotiate(&mut peer.wire, 9, &[]).unwrap();
    assert_eq!(peer.feed(returned(0)), [Observed::stray(&returned(0))]);
    assert_eq!(peer.feed(returned(SEVEN + 2)), [Observed::Ready]);
    let out_of_band = Request::new("query-yank").out_of_band();
    assert_eq!(peer.send(out_of_band, 4), Err(SendErrorKind::NoOutOfBand));
}

#[test]
fn a_second_greeting_in_the_handshake_requires_another_negotiation() {
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    assert_eq!(peer.feed(GREETING), [Observed::Restarted]);
    assert_eq!(peer.feed(returned(SEVEN)), [Observed::stray(&returned(SEVEN))]);
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    assert_eq!(peer.feed(returned(SEVEN + 1)), [Observed::Ready]);
}

/// QEMU 5.2 and 7.2 sometimes do so, and accept the first negotiation.
#[test]
fn a_server_that_greets_twice_at_once_is_ready_with_the_first_negotiation() {
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    assert_eq!(peer.feed(GREETING), [Observed::Restarted]);
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    assert_eq!(peer.feed(failed(SEVEN)), [Observed::stray(&failed(SEVEN))], "it is stray");
    assert_eq!(peer.feed(returned(SEVEN)), [Observed::Ready]);
    let second = failed(SEVEN + 1);
    assert_eq!(peer.feed(&second), [Observed::stray(&second)], "it has negotiated already");
    assert_eq!(peer.phase(), Phase::Ready);
}

/// The client replies to each greeting, and a server that only writes would not read the replies.
#[test]
fn a_server_that_greets_again_and_again_is_an_error() {
    let mut peer = greeted();
    for nonce in 0..8 {
        peer.client.negotiate(&mut peer.wire, nonce, &[]).unwrap();
        assert_eq!(peer.feed(GREETING), [Observed::Restarted]);
    }
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    let greetings = 8;
    assert_eq!(
        peer.feed(GREETING),
        [Observed::Error(ProtocolError::GreetsWithoutEnd { greetings })]
    );
    assert_eq!(peer.client.phase(), Phase::Ended);

    // A server that replies to the negotiation may restart any number of times.
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    for nonce in 10..100 {
        assert_eq!(peer.feed(GREETING), [Observed::Restarted]);
        peer.client.negotiate(&mut peer.wire, nonce, &[]).unwrap();
        assert_eq!(peer.feed(returned(SEVEN + nonce - 7)), [Observed::Ready]);
    }
}

#[test]
fn every_phase_refuses_the_messages_of_other_phases() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    let negotiate = |peer: &mut Peer| peer.client.negotiate(&mut peer.wire, 7, &[]);
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Greeting)));
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Greeting));
    peer.feed(GREETING);
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Greeted));
    assert_eq!(negotiate(&mut peer), Ok(()));
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Negotiating));
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Negotiating)));
    peer.feed(returned(SEVEN));
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Ready)));
    let sync = peer.client.sync(&mut peer.wire, 7);
    assert_eq!(sync, Err(SendErrorKind::OtherDialect));
    peer.client.handle_end().unwrap();
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Ended)));
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Ended));
}

#[test]
fn a_negotiated_connection_starts_with_unused_ids() {
    let mut seen = Vec::new();
    for nonce in [0x1234_5678_9ABC_DEF0, 0xFEDC_BA98_7654_3210, 1 << 40] {
        let mut peer: Peer = Peer::new(Client::negotiated(Options::monitor(), nonce));
        peer.execute("stop", 1);
        let sent = peer.sent();
        let id = sent.rsplit(':').next().unwrap().trim_end_matches('}');
        let id: u64 = id.parse().unwrap();
        assert!((1 << 51..(1 << 51) + (1 << 50)).contains(&id), "{id}");
        assert!(!seen.contains(&id));
        seen.push(id);
        for stale in 0..64 {
            assert_eq!(peer.feed(returned(stale)), [Observed::stray(&returned(stale))]);
        }
        assert_eq!(peer.feed(returned(id)), [Observed::done(1)]);
        peer.execute("cont", 2);
        assert_eq!(peer.sent(), format!("{{\"execute\":\"cont\",\"id\":{}}}", id + 1));
    }
}

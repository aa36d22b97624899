//! Greeting and negotiation.

use qmp_proto::{Client, OUT_OF_BAND, Options, Phase, ProtocolError, Request, SendErrorKind};

use crate::peer::{GREETING, PARSE_ERROR, Peer, SEVEN, STOP, Said, failed, returned};

fn greeted() -> Peer {
    let mut peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.phase(), Phase::Greeting);
    assert_eq!(peer.hears(GREETING), [Said::Greeting]);
    peer
}

#[test]
fn an_answer_to_the_client_before_us_is_not_the_negotiations() {
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
        assert_eq!(peer.hears(stale), [Said::stray(stale)]);
        assert_eq!(peer.phase(), Phase::Negotiating);
    }
    assert_eq!(peer.hears(returned(SEVEN)), [Said::Ready]);
    assert_eq!(peer.phase(), Phase::Ready);
}

#[test]
fn answers_before_the_greeting_and_before_negotiation_are_stray() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.hears(returned(0)), [Said::stray(&returned(0))]);
    assert_eq!(peer.hears(GREETING), [Said::Greeting]);
    assert_eq!(peer.hears(returned(SEVEN)), [Said::stray(&returned(SEVEN))]);
    assert_eq!(peer.phase(), Phase::Greeted);
}

#[test]
fn an_error_in_the_place_of_a_greeting_is_reported() {
    let refused = "{\"error\": {\"class\": \"GenericError\", \"desc\": \"too many clients\"}}";
    for end in ["", "\r\n"] {
        let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
        let said = Said::ErrorBeforeGreeting("GenericError: too many clients".into());
        assert_eq!(peer.hears([refused, end].concat()), [said]);
        assert_eq!(peer.phase(), Phase::Greeting);
        let end = ProtocolError::EndInHandshake { phase: Phase::Greeting };
        assert_eq!(peer.client.handle_end(), Err(end));
    }
    // It may have been for the client before us.
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    for (error, text) in
        [(PARSE_ERROR, "GenericError: JSON parse error"), (&failed(3), "GenericError: no")]
    {
        assert_eq!(peer.hears(error), [Said::ErrorBeforeGreeting(text.into())]);
    }
    assert_eq!(peer.hears(GREETING), [Said::Greeting]);
    assert_eq!(peer.hears(PARSE_ERROR), [Said::stray(PARSE_ERROR)]);
}

#[test]
fn a_capability_that_is_not_a_string_is_not_offered() {
    for capabilities in ["[{\"oob\": false}]", "{\"oob\": true}", "[[\"oob\"]]", "\"oob\""] {
        let greeting = format!("{{\"QMP\": {{\"capabilities\": {capabilities}}}}}\r\n");
        let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
        assert_eq!(peer.hears(greeting), [Said::Greeting]);
        let refused = peer.client.negotiate(&mut peer.wire, 7, &[OUT_OF_BAND]);
        assert_eq!(refused, Err(SendErrorKind::NotOffered), "{capabilities}");
    }
}

/// Nothing has shown yet where its messages end.
#[test]
fn what_breaks_before_the_first_message_is_over_is_shown_up_to_there() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    let heard = peer.hears("{ ] and more\r\n");
    let Some(Said::Malformed(text)) = heard.first() else { panic!("{heard:?}") };
    assert!(text.ends_with(" at byte 2: { ]"), "{text}");
}

#[test]
fn events_are_delivered_before_the_greeting_and_inside_the_handshake() {
    let event = || Said::Event("STOP".into());
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.hears(STOP), [event()]);
    assert_eq!(peer.hears([GREETING, STOP].concat()), [Said::Greeting, event()]);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    let rest = [STOP, &returned(SEVEN), STOP].concat();
    assert_eq!(peer.hears(rest), [event(), Said::Ready, event()]);
}

#[test]
fn a_refused_negotiation_can_be_tried_again() {
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[OUT_OF_BAND]).unwrap();
    assert!(!peer.client.is_out_of_band(), "not before it is granted");
    let refused = Said::HandshakeFailed("GenericError: no".into());
    assert_eq!(peer.hears(failed(SEVEN)), [refused]);
    assert_eq!(peer.phase(), Phase::Greeted);
    assert!(!peer.client.is_out_of_band());
    peer.sent();
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    let sent = format!(r#"{{"execute":"qmp_capabilities","id":{}}}"#, SEVEN + 1);
    assert_eq!(peer.sent(), sent);
    assert_eq!(peer.hears(returned(SEVEN)), [Said::stray(&returned(SEVEN))]);
    assert_eq!(peer.hears(returned(SEVEN + 1)), [Said::Ready]);
    assert!(!peer.client.is_out_of_band());
}

#[test]
fn only_what_was_offered_is_asked_for() {
    let bare = "{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    assert_eq!(peer.hears(bare), [Said::Greeting]);
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
    assert_eq!(peer.hears(returned(SEVEN)), [Said::Ready]);
    assert!(peer.client.is_out_of_band());
}

#[test]
fn a_second_greeting_loses_what_is_in_flight_and_negotiation_starts_over() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[OUT_OF_BAND]);
    peer.execute("stop", 1);
    let abandoned = peer.execute("cont", 2);
    peer.execute("quit", 3);
    peer.client.abandon(abandoned);
    let heard = peer.hears([GREETING, STOP].concat());
    let event = Said::Event("STOP".into());
    assert_eq!(heard, [Said::Restarted, Said::unknown(1), Said::unknown(3), event]);
    assert_eq!(peer.client.in_flight(), 0);
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Greeted));
    assert!(!peer.client.is_out_of_band());
    peer.client.negotiate(&mut peer.wire, 9, &[]).unwrap();
    assert_eq!(peer.hears(returned(0)), [Said::stray(&returned(0))]);
    assert_eq!(peer.hears(returned(SEVEN + 2)), [Said::Ready]);
    let out_of_band = Request::new("query-yank").out_of_band();
    assert_eq!(peer.send(out_of_band, 4), Err(SendErrorKind::NoOutOfBand));
}

#[test]
fn a_second_greeting_inside_the_handshake_asks_for_another_negotiation() {
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    assert_eq!(peer.hears(GREETING), [Said::Restarted]);
    assert_eq!(peer.hears(returned(SEVEN)), [Said::stray(&returned(SEVEN))]);
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    assert_eq!(peer.hears(returned(SEVEN + 1)), [Said::Ready]);
}

/// QEMU 5.2 and 7.2 do so now and then, and accept the first negotiation.
#[test]
fn a_server_that_greets_twice_at_once_is_ready_with_the_first_negotiation() {
    let mut peer = greeted();
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    assert_eq!(peer.hears(GREETING), [Said::Restarted]);
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    assert_eq!(peer.hears(failed(SEVEN)), [Said::stray(&failed(SEVEN))], "that says nothing");
    assert_eq!(peer.hears(returned(SEVEN)), [Said::Ready]);
    let second = failed(SEVEN + 1);
    assert_eq!(peer.hears(&second), [Said::stray(&second)], "it has negotiated already");
    assert_eq!(peer.phase(), Phase::Ready);
}

/// Each greeting has us say something, which a server that only writes never takes.
#[test]
fn a_server_that_greets_without_end_is_given_up() {
    let mut peer = greeted();
    for nonce in 0..8 {
        peer.client.negotiate(&mut peer.wire, nonce, &[]).unwrap();
        assert_eq!(peer.hears(GREETING), [Said::Restarted]);
    }
    peer.client.negotiate(&mut peer.wire, 8, &[]).unwrap();
    let greetings = 8;
    assert_eq!(peer.hears(GREETING), [Said::Error(ProtocolError::GreetsWithoutEnd { greetings })]);
    assert_eq!(peer.client.phase(), Phase::Ended);

    // One that answers may start anew as often as it likes.
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    for nonce in 10..100 {
        assert_eq!(peer.hears(GREETING), [Said::Restarted]);
        peer.client.negotiate(&mut peer.wire, nonce, &[]).unwrap();
        assert_eq!(peer.hears(returned(SEVEN + nonce - 7)), [Said::Ready]);
    }
}

#[test]
fn every_phase_refuses_what_is_not_its_turn() {
    let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
    let negotiate = |peer: &mut Peer| peer.client.negotiate(&mut peer.wire, 7, &[]);
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Greeting)));
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Greeting));
    peer.hears(GREETING);
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Greeted));
    assert_eq!(negotiate(&mut peer), Ok(()));
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Negotiating));
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Negotiating)));
    peer.hears(returned(SEVEN));
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Ready)));
    let sync = peer.client.sync(&mut peer.wire, 7);
    assert_eq!(sync, Err(SendErrorKind::OtherDialect));
    peer.client.handle_end().unwrap();
    assert_eq!(negotiate(&mut peer), Err(SendErrorKind::Phase(Phase::Ended)));
    assert_eq!(peer.refusal("stop"), SendErrorKind::Phase(Phase::Ended));
}

#[test]
fn a_connection_handed_over_begins_with_ids_nobody_used() {
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
            assert_eq!(peer.hears(returned(stale)), [Said::stray(&returned(stale))]);
        }
        assert_eq!(peer.hears(returned(id)), [Said::done(1)]);
        peer.execute("cont", 2);
        assert_eq!(peer.sent(), format!("{{\"execute\":\"cont\",\"id\":{}}}", id + 1));
    }
}

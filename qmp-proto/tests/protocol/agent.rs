//! Guest agents: syncing, losing sync, and agents that do not return ids.

use qmp_proto::{Client, NoReplyReason, Options, Phase, ProtocolError, SendErrorKind};

use crate::peer::{
    GREETING, Observed, PARSE_ERROR, Peer, SEVEN, STOP, failed, returned, sync_answer,
};

fn syncing() -> Peer {
    let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
    peer.client.sync(&mut peer.wire, 7).unwrap();
    peer
}

#[test]
fn a_sync_discards_the_remains_in_the_agents_parser() {
    let mut peer = syncing();
    assert_eq!(peer.phase(), Phase::Syncing);
    let command = r#"{"execute":"guest-sync-delimited","arguments":{"id":"#;
    assert_eq!(peer.sent(), format!("\u{FF}{command}{SEVEN}}},\"id\":{SEVEN}}}\n"));
    peer.feed(sync_answer(SEVEN));
    peer.execute("guest-ping", 1);
    assert_eq!(peer.sent(), "{\"execute\":\"guest-ping\",\"id\":0}\n");
}

#[test]
fn everything_before_the_sentinel_is_ignored() {
    let right_number = format!("{{\"return\": {SEVEN}, \"id\": {SEVEN}}}\n");
    let left_over: &[&[u8]] = &[
        &returned(0).into_bytes(),
        &failed(0).into_bytes(),
        PARSE_ERROR.as_bytes(),
        STOP.as_bytes(),
        b"login: \n",
        b"42\n{\"foo\": 1}\n{\"return\": \n}\n",
        right_number.as_bytes(),
        b"\xFF\n\xFF\xFF",
        b"\xFF{\"return\": 41}\n",
        &[b"\xFF{\"return\": {}}\n", right_number.as_bytes()].concat(),
        &[b"\xFFnoise\n", right_number.as_bytes()].concat(),
    ];
    let mut unsynced: Peer = Peer::new(Client::agent(Options::agent()));
    let mut peer = syncing();
    for bytes in left_over {
        assert_eq!(unsynced.feed(bytes), [], "{}", bytes.escape_ascii());
        assert_eq!(unsynced.phase(), Phase::Unsynced);
        assert_eq!(peer.feed(bytes), [], "{}", bytes.escape_ascii());
        assert_eq!(peer.phase(), Phase::Syncing);
    }
    assert_eq!(unsynced.feed(sync_answer(SEVEN)), [], "it did not ask");
    assert_eq!(peer.refusal("guest-ping"), SendErrorKind::Phase(Phase::Syncing));
    assert_eq!(peer.feed(sync_answer(SEVEN)), [Observed::Ready]);
}

#[test]
fn a_sentinel_from_before_the_sync_is_not_its_sentinel() {
    let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
    assert_eq!(peer.feed(b"\xFF"), []);
    peer.client.sync(&mut peer.wire, 7).unwrap();
    let bare = format!("{{\"return\": {SEVEN}, \"id\": {SEVEN}}}\n");
    assert_eq!(peer.feed(bare), []);
    assert_eq!(peer.feed(sync_answer(SEVEN)), [Observed::Ready]);
}

#[test]
fn only_the_message_right_after_the_sentinel_is_the_sync_reply() {
    let options = Options::agent().longest_message(100);
    let mut peer: Peer = Peer::new(Client::agent(options));
    peer.client.sync(&mut peer.wire, 7).unwrap();
    let answer = format!("\n{{\"return\": {SEVEN}, \"id\": {SEVEN}}}\n");
    let flood = [b"\xFF", &[b'x'; 200][..], answer.as_bytes()].concat();
    assert_eq!(peer.feed(flood), []);
    assert_eq!(peer.feed(sync_answer(SEVEN)), [Observed::Ready]);
}

#[test]
fn a_message_cut_off_by_the_sentinel_is_discarded() {
    let mut peer = syncing();
    let stale = b"{\"return\": {\"count\": 10, \"buf-b64\": \"AAEC".to_vec();
    assert_eq!(peer.feed([stale, sync_answer(SEVEN)].concat()), [Observed::Ready]);
    let cut = b"{\"return\": {\"buf-b64\": \"AAEC\xFF{\"return\": 1, \"id\": 0}\n";
    peer.execute("guest-ping", 1);
    assert_eq!(peer.feed(cut), [Observed::Answer(1, Ok("1".into()))]);
}

#[test]
fn a_reply_to_an_earlier_sync_does_not_complete_the_current_one() {
    let mut peer = syncing();
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.feed(PARSE_ERROR), []);
    assert_eq!(peer.feed(sync_answer(SEVEN)), []);
    assert_eq!(peer.phase(), Phase::Syncing);
    assert_eq!(peer.feed(failed(SEVEN)), [], "nor an earlier sync's error");
    assert_eq!(peer.feed(sync_answer(SEVEN + 1)), [Observed::Ready]);
}

#[test]
fn a_refused_sync_can_be_tried_again() {
    let mut peer = syncing();
    let refused = Observed::HandshakeFailed("GenericError: no".into());
    assert_eq!(peer.feed(failed(SEVEN)), [refused]);
    assert_eq!(peer.phase(), Phase::Unsynced);
    assert_eq!(peer.refusal("guest-ping"), SendErrorKind::Phase(Phase::Unsynced));
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.feed(sync_answer(SEVEN + 1)), [Observed::Ready]);
}

#[test]
fn a_new_sync_accepts_late_replies_and_frees_unanswered_requests() {
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.execute("guest-fsfreeze-freeze", 1);
    peer.execute("guest-ping", 2);
    let abandoned = peer.execute("guest-ping", 3);
    peer.execute("guest-shutdown", 4);
    peer.execute("guest-ping", 5);
    peer.client.abandon(abandoned);
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.feed(returned(1)), [Observed::done(2), Observed::unknown(1)]);
    assert_eq!(peer.feed(PARSE_ERROR), [], "our own sentinel's doing, not theirs");
    assert_eq!(
        peer.feed(sync_answer(SEVEN + 1)),
        [Observed::Ready, Observed::Unanswered(4, NoReplyReason::AsExpected), Observed::unknown(5)]
    );
    assert_eq!(peer.client.in_flight(), 0);
    assert_eq!(peer.feed(returned(4)), [Observed::stray(&returned(4))]);
}

#[test]
fn noise_in_sync_is_reported() {
    let mut peer: Peer = Peer::synced(Options::agent());
    let noise = Observed::Malformed("bytes outside any message: login:".into());
    assert_eq!(peer.feed("login: \n"), [noise]);
    assert_eq!(peer.phase(), Phase::Ready);
    assert_eq!(peer.feed(PARSE_ERROR), [Observed::stray(PARSE_ERROR)]);
}

#[test]
fn a_message_that_is_too_long_or_too_deep_requires_a_sync_and_keeps_the_connection() {
    let long = format!("{{\"return\": \"{}\"}}\n", "a".repeat(300));
    let deep = format!("{{\"return\": {}1{}}}\n", "[".repeat(16), "]".repeat(16));
    for bad in [&long, &deep] {
        let options = Options::agent().longest_message(200).deepest_message(16);
        let mut peer: Peer = Peer::synced(options);
        peer.execute("guest-ping", 1);
        peer.execute("guest-shutdown", 2);
        let after = [bad, &*returned(0)].concat();
        assert_eq!(
            peer.feed(after),
            [
                Observed::Desynchronised,
                Observed::unknown(1),
                Observed::Unanswered(2, NoReplyReason::AsExpected)
            ]
        );
        assert_eq!(peer.refusal("guest-ping"), SendErrorKind::Phase(Phase::Unsynced));
        assert_eq!(peer.feed(bad), [], "once");
        peer.client.sync(&mut peer.wire, 8).unwrap();
        assert_eq!(peer.feed(bad), []);
        assert_eq!(peer.feed(sync_answer(SEVEN + 1)), [Observed::Ready]);
        peer.execute("guest-ping", 3);
        assert_eq!(peer.feed(returned(0)), [Observed::stray(&returned(0))], "a lost one's");
        assert_eq!(peer.feed(returned(2)), [Observed::done(3)]);
    }
}

#[test]
fn an_endless_line_is_skipped_to_the_sentinel_at_once() {
    let mut peer: Peer = Peer::synced(Options::agent().longest_message(200));
    assert_eq!(peer.feed([b'x'; 201]), [Observed::Desynchronised]);
    for _ in 0..100 {
        assert_eq!(peer.feed([b'x'; 150]), []);
    }
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.feed(sync_answer(SEVEN + 1)), [Observed::Ready]);
}

#[test]
fn a_monitor_in_place_of_an_agent_is_recognised_by_its_greeting() {
    for sync in [false, true] {
        let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
        if sync {
            peer.client.sync(&mut peer.wire, 7).unwrap();
        }
        let error = || Observed::Error(ProtocolError::NotAnAgent);
        assert_eq!(peer.feed(GREETING), [error()]);
        assert_eq!(peer.feed(""), [error()]);
        let again = peer.client.sync(&mut peer.wire, 8);
        assert_eq!(again, Err(SendErrorKind::Phase(Phase::Ended)));
    }
    let mut peer: Peer = Peer::synced(Options::agent());
    let joke = peer.feed(GREETING);
    assert_eq!(joke, [Observed::stray(GREETING)], "a guest cannot end it so");
}

#[test]
fn an_agent_does_not_negotiate() {
    let mut peer: Peer = Peer::synced(Options::agent());
    let refused = peer.client.negotiate(&mut peer.wire, 7, &[]);
    assert_eq!(refused, Err(SendErrorKind::OtherDialect));
}

#[test]
fn an_agent_without_ids_is_recognised_by_its_sync() {
    let mut peer = syncing();
    let bare = format!("\u{FF}{{\"return\": {SEVEN}}}\n");
    let bare: Vec<u8> = bare.chars().map(|it| it as u8).collect();
    assert_eq!(peer.feed(bare), [Observed::Ready]);
    one_at_a_time(peer);
}

#[test]
fn replies_with_ids_are_matched_by_them_also_if_the_options_expect_none() {
    let mut peer: Peer = Peer::synced(Options::agent().echoes_ids(false));
    peer.execute("guest-ping", 1);
    assert_eq!(peer.feed(returned(0)), [Observed::done(1)]);
    peer.execute("guest-ping", 2);
    let late = returned(0);
    assert_eq!(peer.feed(&late), [Observed::stray(&late)], "an answer that came twice");
    assert_eq!(peer.feed(returned(1)), [Observed::done(2)]);
}

#[test]
fn an_agent_without_ids_can_be_configured() {
    one_at_a_time(Peer::synced(Options::agent().echoes_ids(false)));
}

/// Replies are matched by order, and an abandoned request needs a sync before the next.
fn one_at_a_time(mut peer: Peer) {
    peer.execute("guest-ping", 1);
    let refused = SendErrorKind::TooManyInFlight { limit: 1 };
    assert_eq!(peer.refusal("guest-ping"), refused);
    assert_eq!(peer.feed("{\"return\": {}}\n"), [Observed::done(1)]);
    peer.execute("nope", 2);
    let failure = Observed::Answer(2, Err("GenericError: JSON parse error".into()));
    assert_eq!(peer.feed(PARSE_ERROR), [failure]);
    let surplus = "{\"return\": {}}\n";
    assert_eq!(peer.feed(surplus), [Observed::stray(surplus)]);

    let abandoned = peer.execute("guest-ping", 3);
    peer.client.abandon(abandoned);
    let refused = SendErrorKind::HeldByAbandoned { oldest: abandoned };
    assert_eq!(peer.refusal("guest-ping"), refused);
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.feed("{\"return\": {}}\n"), [], "the abandoned one's");
    assert_eq!(peer.feed(sync_answer(SEVEN + 1)), [Observed::Ready]);
    peer.execute("guest-ping", 4);
    assert_eq!(peer.feed("{\"return\": {}}\n"), [Observed::done(4)]);
}

#[test]
fn a_sync_that_does_not_fit_changes_nothing() {
    let mut peer: Peer = Peer::synced(Options::agent());
    let mut memory = [0; 20];
    let mut out = qmp_proto::FixedOutput::new(&mut memory);
    assert_eq!(peer.client.sync(&mut out, 8), Err(SendErrorKind::BufferFull));
    assert_eq!(out.bytes(), b"");
    assert_eq!(peer.phase(), Phase::Ready);
    peer.execute("guest-ping", 1);
    assert_eq!(peer.feed(returned(0)), [Observed::done(1)]);
}

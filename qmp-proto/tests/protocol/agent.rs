//! Guest agents: syncing, losing sync, and agents that give no ids back.

use qmp_proto::{Client, NoReplyReason, Options, Phase, ProtocolError, SendErrorKind};

use crate::peer::{GREETING, PARSE_ERROR, Peer, SEVEN, STOP, Said, failed, returned, sync_answer};

fn syncing() -> Peer {
    let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
    peer.client.sync(&mut peer.wire, 7).unwrap();
    peer
}

#[test]
fn a_sync_voids_what_others_left_in_the_agents_parser() {
    let mut peer = syncing();
    assert_eq!(peer.phase(), Phase::Syncing);
    let command = r#"{"execute":"guest-sync-delimited","arguments":{"id":"#;
    assert_eq!(peer.sent(), format!("\u{FF}{command}{SEVEN}}},\"id\":{SEVEN}}}\n"));
    peer.hears(sync_answer(SEVEN));
    peer.execute("guest-ping", 1);
    assert_eq!(peer.sent(), "{\"execute\":\"guest-ping\",\"id\":0}\n");
}

#[test]
fn nothing_is_believed_before_the_sentinel() {
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
        assert_eq!(unsynced.hears(bytes), [], "{}", bytes.escape_ascii());
        assert_eq!(unsynced.phase(), Phase::Unsynced);
        assert_eq!(peer.hears(bytes), [], "{}", bytes.escape_ascii());
        assert_eq!(peer.phase(), Phase::Syncing);
    }
    assert_eq!(unsynced.hears(sync_answer(SEVEN)), [], "it did not ask");
    assert_eq!(peer.refusal("guest-ping"), SendErrorKind::Phase(Phase::Syncing));
    assert_eq!(peer.hears(sync_answer(SEVEN)), [Said::Ready]);
}

#[test]
fn a_sentinel_from_before_the_sync_is_not_its_sentinel() {
    let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
    assert_eq!(peer.hears(b"\xFF"), []);
    peer.client.sync(&mut peer.wire, 7).unwrap();
    let bare = format!("{{\"return\": {SEVEN}, \"id\": {SEVEN}}}\n");
    assert_eq!(peer.hears(bare), []);
    assert_eq!(peer.hears(sync_answer(SEVEN)), [Said::Ready]);
}

#[test]
fn only_the_message_right_behind_the_sentinel_is_believed() {
    let options = Options::agent().longest_message(100);
    let mut peer: Peer = Peer::new(Client::agent(options));
    peer.client.sync(&mut peer.wire, 7).unwrap();
    let answer = format!("\n{{\"return\": {SEVEN}, \"id\": {SEVEN}}}\n");
    let flood = [b"\xFF", &[b'x'; 200][..], answer.as_bytes()].concat();
    assert_eq!(peer.hears(flood), []);
    assert_eq!(peer.hears(sync_answer(SEVEN)), [Said::Ready]);
}

#[test]
fn a_message_cut_short_by_the_sentinel_is_void() {
    let mut peer = syncing();
    let stale = b"{\"return\": {\"count\": 10, \"buf-b64\": \"AAEC".to_vec();
    assert_eq!(peer.hears([stale, sync_answer(SEVEN)].concat()), [Said::Ready]);
    let cut = b"{\"return\": {\"buf-b64\": \"AAEC\xFF{\"return\": 1, \"id\": 0}\n";
    peer.execute("guest-ping", 1);
    assert_eq!(peer.hears(cut), [Said::Answer(1, Ok("1".into()))]);
}

#[test]
fn an_answer_to_an_earlier_sync_is_not_the_one_that_is_waited_for() {
    let mut peer = syncing();
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.hears(PARSE_ERROR), []);
    assert_eq!(peer.hears(sync_answer(SEVEN)), []);
    assert_eq!(peer.phase(), Phase::Syncing);
    assert_eq!(peer.hears(failed(SEVEN)), [], "nor an earlier sync's error");
    assert_eq!(peer.hears(sync_answer(SEVEN + 1)), [Said::Ready]);
}

#[test]
fn a_refused_sync_can_be_tried_again() {
    let mut peer = syncing();
    let refused = Said::HandshakeFailed("GenericError: no".into());
    assert_eq!(peer.hears(failed(SEVEN)), [refused]);
    assert_eq!(peer.phase(), Phase::Unsynced);
    assert_eq!(peer.refusal("guest-ping"), SendErrorKind::Phase(Phase::Unsynced));
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.hears(sync_answer(SEVEN + 1)), [Said::Ready]);
}

#[test]
fn syncing_again_lets_late_answers_in_and_frees_what_was_never_answered() {
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.execute("guest-fsfreeze-freeze", 1);
    peer.execute("guest-ping", 2);
    let abandoned = peer.execute("guest-ping", 3);
    peer.execute("guest-shutdown", 4);
    peer.execute("guest-ping", 5);
    peer.client.abandon(abandoned);
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.hears(returned(1)), [Said::done(2), Said::unknown(1)]);
    assert_eq!(peer.hears(PARSE_ERROR), [], "our own sentinel's doing, not theirs");
    assert_eq!(
        peer.hears(sync_answer(SEVEN + 1)),
        [Said::Ready, Said::Unanswered(4, NoReplyReason::AsExpected), Said::unknown(5)]
    );
    assert_eq!(peer.client.in_flight(), 0);
    assert_eq!(peer.hears(returned(4)), [Said::stray(&returned(4))]);
}

#[test]
fn noise_in_sync_is_reported() {
    let mut peer: Peer = Peer::synced(Options::agent());
    let noise = Said::Malformed("bytes outside any message: login:".into());
    assert_eq!(peer.hears("login: \n"), [noise]);
    assert_eq!(peer.phase(), Phase::Ready);
    assert_eq!(peer.hears(PARSE_ERROR), [Said::stray(PARSE_ERROR)]);
}

#[test]
fn a_message_that_is_too_long_or_too_deep_costs_the_sync_and_not_the_connection() {
    let long = format!("{{\"return\": \"{}\"}}\n", "a".repeat(300));
    let deep = format!("{{\"return\": {}1{}}}\n", "[".repeat(16), "]".repeat(16));
    for bad in [&long, &deep] {
        let options = Options::agent().longest_message(200).deepest_message(16);
        let mut peer: Peer = Peer::synced(options);
        peer.execute("guest-ping", 1);
        peer.execute("guest-shutdown", 2);
        let after = [bad, &*returned(0)].concat();
        assert_eq!(
            peer.hears(after),
            [
                Said::Desynchronised,
                Said::unknown(1),
                Said::Unanswered(2, NoReplyReason::AsExpected)
            ]
        );
        assert_eq!(peer.refusal("guest-ping"), SendErrorKind::Phase(Phase::Unsynced));
        assert_eq!(peer.hears(bad), [], "once");
        peer.client.sync(&mut peer.wire, 8).unwrap();
        assert_eq!(peer.hears(bad), []);
        assert_eq!(peer.hears(sync_answer(SEVEN + 1)), [Said::Ready]);
        peer.execute("guest-ping", 3);
        assert_eq!(peer.hears(returned(0)), [Said::stray(&returned(0))], "a lost one's");
        assert_eq!(peer.hears(returned(2)), [Said::done(3)]);
    }
}

#[test]
fn a_flood_without_end_is_skipped_to_the_sentinel_at_once() {
    let mut peer: Peer = Peer::synced(Options::agent().longest_message(200));
    assert_eq!(peer.hears([b'x'; 201]), [Said::Desynchronised]);
    for _ in 0..100 {
        assert_eq!(peer.hears([b'x'; 150]), []);
    }
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.hears(sync_answer(SEVEN + 1)), [Said::Ready]);
}

#[test]
fn a_monitor_that_is_taken_for_an_agent_is_recognised_by_its_greeting() {
    for sync in [false, true] {
        let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
        if sync {
            peer.client.sync(&mut peer.wire, 7).unwrap();
        }
        let error = || Said::Error(ProtocolError::NotAnAgent);
        assert_eq!(peer.hears(GREETING), [error()]);
        assert_eq!(peer.hears(""), [error()]);
        let again = peer.client.sync(&mut peer.wire, 8);
        assert_eq!(again, Err(SendErrorKind::Phase(Phase::Ended)));
    }
    let mut peer: Peer = Peer::synced(Options::agent());
    let joke = peer.hears(GREETING);
    assert_eq!(joke, [Said::stray(GREETING)], "a guest cannot end it so");
}

#[test]
fn an_agent_does_not_negotiate() {
    let mut peer: Peer = Peer::synced(Options::agent());
    let refused = peer.client.negotiate(&mut peer.wire, 7, &[]);
    assert_eq!(refused, Err(SendErrorKind::OtherDialect));
}

#[test]
fn an_agent_that_gives_no_ids_back_is_found_out_by_its_sync() {
    let mut peer = syncing();
    let bare = format!("\u{FF}{{\"return\": {SEVEN}}}\n");
    let bare: Vec<u8> = bare.chars().map(|it| it as u8).collect();
    assert_eq!(peer.hears(bare), [Said::Ready]);
    one_at_a_time(peer);
}

#[test]
fn an_agent_that_gives_ids_back_all_the_same_is_matched_by_them() {
    let mut peer: Peer = Peer::synced(Options::agent().echoes_ids(false));
    peer.execute("guest-ping", 1);
    assert_eq!(peer.hears(returned(0)), [Said::done(1)]);
    peer.execute("guest-ping", 2);
    let late = returned(0);
    assert_eq!(peer.hears(&late), [Said::stray(&late)], "an answer that came twice");
    assert_eq!(peer.hears(returned(1)), [Said::done(2)]);
}

#[test]
fn an_agent_that_gives_no_ids_back_can_be_told() {
    one_at_a_time(Peer::synced(Options::agent().echoes_ids(false)));
}

/// Answers are matched by order, and an abandoned request needs a sync before the next.
fn one_at_a_time(mut peer: Peer) {
    peer.execute("guest-ping", 1);
    let refused = SendErrorKind::TooManyInFlight { limit: 1 };
    assert_eq!(peer.refusal("guest-ping"), refused);
    assert_eq!(peer.hears("{\"return\": {}}\n"), [Said::done(1)]);
    peer.execute("nope", 2);
    let failure = Said::Answer(2, Err("GenericError: JSON parse error".into()));
    assert_eq!(peer.hears(PARSE_ERROR), [failure]);
    let surplus = "{\"return\": {}}\n";
    assert_eq!(peer.hears(surplus), [Said::stray(surplus)]);

    let abandoned = peer.execute("guest-ping", 3);
    peer.client.abandon(abandoned);
    let refused = SendErrorKind::HeldByAbandoned { oldest: abandoned };
    assert_eq!(peer.refusal("guest-ping"), refused);
    peer.client.sync(&mut peer.wire, 8).unwrap();
    assert_eq!(peer.hears("{\"return\": {}}\n"), [], "the abandoned one's");
    assert_eq!(peer.hears(sync_answer(SEVEN + 1)), [Said::Ready]);
    peer.execute("guest-ping", 4);
    assert_eq!(peer.hears("{\"return\": {}}\n"), [Said::done(4)]);
}

#[test]
fn a_sync_that_finds_no_room_changes_nothing() {
    let mut peer: Peer = Peer::synced(Options::agent());
    let mut memory = [0; 20];
    let mut out = qmp_proto::FixedOutput::new(&mut memory);
    assert_eq!(peer.client.sync(&mut out, 8), Err(SendErrorKind::BufferFull));
    assert_eq!(out.bytes(), b"");
    assert_eq!(peer.phase(), Phase::Ready);
    peer.execute("guest-ping", 1);
    assert_eq!(peer.hears(returned(0)), [Said::done(1)]);
}

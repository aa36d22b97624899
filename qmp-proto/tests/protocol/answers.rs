//! Matching replies to requests.

use qmp_proto::{Options, ProtocolError};

use crate::peer::{Observed, PARSE_ERROR, Peer, failed, returned};

fn ready() -> Peer {
    Peer::ready(Options::monitor(), &[])
}

fn parse_error() -> Result<String, String> {
    Err("GenericError: JSON parse error".into())
}

#[cfg(feature = "alloc")]
#[test]
fn owned_messages_have_the_whole_text() {
    use crate::peer::{GREETING, STOP};
    use qmp_proto::Received;

    let mut peer = ready();
    peer.execute("stop", 1);
    peer.execute("cont", 2);
    for message in [&*returned(0), &failed(1), GREETING, STOP] {
        let step = peer.client.handle_input(message.as_bytes()).unwrap();
        let used = step.used;
        let owned = match step.received.unwrap() {
            Received::Reply(answer) => match answer.outcome {
                Ok(reply) => reply.into_owned().message().to_vec(),
                Err(failure) => failure.into_owned().message().to_vec(),
            },
            Received::Restarted(greeting) => greeting.into_owned().message().to_vec(),
            Received::Event(event) => event.into_owned().message().to_vec(),
            other => panic!("{other:?}"),
        };
        assert_eq!(owned, message.trim_end().as_bytes());
        peer.client.handle_input(&message.as_bytes()[used..]).unwrap();
    }
}

#[test]
fn a_reply_is_matched_by_its_id() {
    let mut peer = ready();
    peer.execute("stop", 10);
    peer.execute("cont", 11);
    assert_eq!(peer.sent(), r#"{"execute":"stop","id":0}{"execute":"cont","id":1}"#);
    assert_eq!(peer.feed(returned(0)), [Observed::done(10)]);
    let failure = Observed::Answer(11, Err("GenericError: no".into()));
    assert_eq!(peer.feed(failed(1)), [failure]);
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn a_foreign_id_is_never_matched_by_position() {
    let mut peer = ready();
    peer.execute("stop", 1);
    for id in [
        "1",
        "64",
        "-0",
        "0.0",
        "00",
        "0e0",
        "null",
        "\"x\"",
        "\"\"",
        "[0]",
        "{\"id\": 0}",
        "\"0x0\"",
        "18446744073709551616",
        "99999999999999999999999",
        "\"+0\"",
        "\" 0\"",
        "true",
    ] {
        for foreign in [returned(id), failed(id)] {
            match peer.feed(&foreign).as_slice() {
                [Observed::Stray(_) | Observed::Malformed(_)] => {}
                other => panic!("{foreign}: {other:?}"),
            }
        }
    }
    let without = "{\"return\": {}}\r\n";
    assert_eq!(peer.feed(without), [Observed::stray(without)]);
    assert_eq!(peer.feed(returned(0)), [Observed::done(1)]);
}

#[test]
fn an_id_may_be_returned_as_a_string() {
    let mut peer = ready();
    peer.execute("stop", 1);
    assert_eq!(peer.feed(returned("\"0\"")), [Observed::done(1)]);

    let mut peer: Peer = Peer::ready(Options::monitor().string_ids(true), &[]);
    peer.execute("stop", 1);
    peer.execute("cont", 2);
    assert_eq!(peer.sent(), r#"{"execute":"stop","id":"0"}{"execute":"cont","id":"1"}"#);
    assert_eq!(peer.feed(returned("\"0\"")), [Observed::done(1)]);
    assert_eq!(peer.feed(returned(1)), [Observed::done(2)]);
}

#[test]
fn a_duplicate_reply_is_stray_at_any_time() {
    let mut peer = ready();
    peer.execute("stop", 1);
    assert_eq!(peer.feed(returned(0)), [Observed::done(1)]);
    assert_eq!(peer.feed(returned(0)), [Observed::stray(&returned(0))]);
    for (id, token) in (1..100).zip(2..) {
        peer.execute("cont", token);
        assert!(peer.sent().ends_with(&format!("\"id\":{id}}}")));
        for earlier in 0..id {
            assert_eq!(peer.feed(returned(earlier)), [Observed::stray(&returned(earlier))]);
            assert_eq!(peer.feed(failed(earlier)), [Observed::stray(&failed(earlier))]);
        }
        assert_eq!(peer.feed(returned(id)), [Observed::done(token)]);
    }
}

#[test]
fn a_duplicate_reply_is_stray_also_with_out_of_band_execution() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[qmp_proto::OUT_OF_BAND]);
    peer.execute("stop", 1);
    peer.execute("cont", 2);
    assert_eq!(peer.feed(returned(1)), [Observed::done(2)]);
    let abandoned = peer.execute("stop", 3);
    assert_eq!(peer.feed(returned(1)), [Observed::stray(&returned(1))]);
    peer.client.abandon(abandoned);
    assert_eq!(peer.feed(returned(2)), [], "swallowed");
    peer.execute("stop", 4);
    assert_eq!(peer.feed(returned(2)), [Observed::stray(&returned(2))]);
    assert_eq!(
        peer.feed([returned(3), returned(0)].concat()),
        [Observed::done(4), Observed::done(1)]
    );
}

#[test]
fn a_command_ends_with_a_line_feed_only_if_configured() {
    let mut peer: Peer = Peer::ready(Options::monitor().line_end(true), &[]);
    peer.execute("stop", 1);
    assert_eq!(peer.sent(), "{\"execute\":\"stop\",\"id\":0}\n");
    peer.send_raw("{\"execute\": \"stop\"}", 2).unwrap();
    assert_eq!(peer.sent(), "{\"execute\": \"stop\",\"id\":1}\n");
}

#[test]
fn an_error_without_id_and_nothing_in_flight_is_stray() {
    let mut peer = ready();
    assert_eq!(peer.feed(PARSE_ERROR), [Observed::stray(PARSE_ERROR)]);
    peer.execute("stop", 1);
    peer.feed(returned(0));
    assert_eq!(peer.feed(PARSE_ERROR), [Observed::stray(PARSE_ERROR)]);
}

#[test]
fn an_error_without_id_belongs_to_the_only_request() {
    let mut peer = ready();
    peer.execute("stop", 1);
    assert_eq!(peer.feed(PARSE_ERROR), [Observed::Answer(1, parse_error())]);
    assert_eq!(peer.client.in_flight(), 0);
    let abandoned = peer.execute("stop", 2);
    peer.client.abandon(abandoned);
    assert_eq!(peer.feed(PARSE_ERROR), [], "nobody waits for it");
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn an_error_without_id_ends_the_connection_with_several_requests() {
    for abandon in [false, true] {
        let mut peer = ready();
        peer.execute("stop", 1);
        let second = peer.execute("cont", 2);
        if abandon {
            peer.client.abandon(second);
        }
        let error = Observed::Error(ProtocolError::ServerParseError);
        assert_eq!(
            peer.feed([PARSE_ERROR, &returned(0)].concat()),
            [Observed::ServerParseError("GenericError: JSON parse error".into()), error.clone()]
        );
        assert_eq!(peer.feed(returned(1)), [error], "sticky");
        let lost: &[_] = if abandon {
            &[Observed::unknown(1)]
        } else {
            &[Observed::unknown(1), Observed::unknown(2)]
        };
        assert_eq!(peer.drained(), lost);
    }
}

#[test]
fn replies_of_a_monitor_without_ids_are_matched_one_at_a_time() {
    let mut peer: Peer =
        Peer::new(qmp_proto::Client::monitor(Options::monitor().echoes_ids(false)));
    peer.feed(crate::peer::GREETING);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    assert_eq!(peer.feed("{\"return\": {}}\r\n"), [Observed::Ready]);
    peer.execute("stop", 1);
    let limit = qmp_proto::SendErrorKind::TooManyInFlight { limit: 1 };
    assert_eq!(peer.refusal("cont"), limit);
    assert_eq!(peer.feed("{\"return\": {}}\r\n"), [Observed::done(1)]);
    let abandoned = peer.execute("cont", 2);
    peer.client.abandon(abandoned);
    let oldest = qmp_proto::SendErrorKind::HeldByAbandoned { oldest: abandoned };
    assert_eq!(peer.refusal("stop"), oldest);
    assert_eq!(peer.feed("{\"return\": {}}\r\n"), [], "swallowed");
    peer.execute("stop", 3);
    assert_eq!(peer.feed(PARSE_ERROR), [Observed::Answer(3, parse_error())]);
    let surplus = "{\"return\": {}}\r\n";
    assert_eq!(peer.feed(surplus), [Observed::stray(surplus)]);
    peer.execute("cont", 4);
    assert_eq!(peer.feed(returned("null")), [Observed::done(4)], "as good as none");
}

#[test]
fn replies_with_ids_are_matched_by_them_also_if_the_options_expect_none() {
    let mut peer: Peer =
        Peer::new(qmp_proto::Client::monitor(Options::monitor().echoes_ids(false)));
    peer.feed(crate::peer::GREETING);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    for stale in [returned(0), returned("\"libvirt-1\""), failed(3)] {
        assert_eq!(peer.feed(&stale), [Observed::stray(&stale)], "of the client before us");
    }
    assert_eq!(peer.feed(returned(crate::peer::SEVEN)), [Observed::Ready]);
    for (id, token) in (0..3).zip(10..) {
        peer.execute("stop", token);
        for stale in [returned(77), returned("\"libvirt-1\""), failed(77)] {
            assert_eq!(peer.feed(&stale), [Observed::stray(&stale)], "late, or for somebody else");
        }
        let answer = if id == 1 { returned("\"1\"") } else { returned(id) };
        assert_eq!(peer.feed(answer), [Observed::done(token)]);
    }
    peer.execute("stop", 20);
    assert_eq!(peer.feed(failed(3)), [Observed::Answer(20, Err("GenericError: no".into()))]);
}

//! Whose answer it is.

use qmp_proto::{Options, ProtocolError};

use crate::peer::{PARSE_ERROR, Peer, Said, failed, returned};

fn ready() -> Peer {
    Peer::ready(Options::monitor(), &[])
}

fn parse_error() -> Result<String, String> {
    Err("GenericError: JSON parse error".into())
}

#[cfg(feature = "alloc")]
#[test]
fn what_owns_its_text_has_all_of_it() {
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
fn an_answer_finds_its_request_by_id() {
    let mut peer = ready();
    peer.execute("stop", 10);
    peer.execute("cont", 11);
    assert_eq!(peer.sent(), r#"{"execute":"stop","id":0}{"execute":"cont","id":1}"#);
    assert_eq!(peer.hears(returned(0)), [Said::done(10)]);
    let failure = Said::Answer(11, Err("GenericError: no".into()));
    assert_eq!(peer.hears(failed(1)), [failure]);
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
            match peer.hears(&foreign).as_slice() {
                [Said::Stray(_) | Said::Malformed(_)] => {}
                other => panic!("{foreign}: {other:?}"),
            }
        }
    }
    let without = "{\"return\": {}}\r\n";
    assert_eq!(peer.hears(without), [Said::stray(without)]);
    assert_eq!(peer.hears(returned(0)), [Said::done(1)]);
}

#[test]
fn an_id_may_come_back_as_a_string() {
    let mut peer = ready();
    peer.execute("stop", 1);
    assert_eq!(peer.hears(returned("\"0\"")), [Said::done(1)]);

    let mut peer: Peer = Peer::ready(Options::monitor().string_ids(true), &[]);
    peer.execute("stop", 1);
    peer.execute("cont", 2);
    assert_eq!(peer.sent(), r#"{"execute":"stop","id":"0"}{"execute":"cont","id":"1"}"#);
    assert_eq!(peer.hears(returned("\"0\"")), [Said::done(1)]);
    assert_eq!(peer.hears(returned(1)), [Said::done(2)]);
}

#[test]
fn an_answer_that_comes_twice_is_nobodys_however_late() {
    let mut peer = ready();
    peer.execute("stop", 1);
    assert_eq!(peer.hears(returned(0)), [Said::done(1)]);
    assert_eq!(peer.hears(returned(0)), [Said::stray(&returned(0))]);
    for (id, token) in (1..100).zip(2..) {
        peer.execute("cont", token);
        assert!(peer.sent().ends_with(&format!("\"id\":{id}}}")));
        for earlier in 0..id {
            assert_eq!(peer.hears(returned(earlier)), [Said::stray(&returned(earlier))]);
            assert_eq!(peer.hears(failed(earlier)), [Said::stray(&failed(earlier))]);
        }
        assert_eq!(peer.hears(returned(id)), [Said::done(token)]);
    }
}

#[test]
fn an_answer_that_comes_twice_is_nobodys_where_it_may_overtake_too() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[qmp_proto::OUT_OF_BAND]);
    peer.execute("stop", 1);
    peer.execute("cont", 2);
    assert_eq!(peer.hears(returned(1)), [Said::done(2)]);
    let abandoned = peer.execute("stop", 3);
    assert_eq!(peer.hears(returned(1)), [Said::stray(&returned(1))]);
    peer.client.abandon(abandoned);
    assert_eq!(peer.hears(returned(2)), [], "swallowed");
    peer.execute("stop", 4);
    assert_eq!(peer.hears(returned(2)), [Said::stray(&returned(2))]);
    assert_eq!(peer.hears([returned(3), returned(0)].concat()), [Said::done(4), Said::done(1)]);
}

#[test]
fn a_command_ends_with_a_line_feed_only_where_one_is_wanted() {
    let mut peer: Peer = Peer::ready(Options::monitor().line_end(true), &[]);
    peer.execute("stop", 1);
    assert_eq!(peer.sent(), "{\"execute\":\"stop\",\"id\":0}\n");
    peer.send_raw("{\"execute\": \"stop\"}", 2).unwrap();
    assert_eq!(peer.sent(), "{\"execute\": \"stop\",\"id\":1}\n");
}

#[test]
fn an_error_without_id_and_nothing_in_flight_is_stray() {
    let mut peer = ready();
    assert_eq!(peer.hears(PARSE_ERROR), [Said::stray(PARSE_ERROR)]);
    peer.execute("stop", 1);
    peer.hears(returned(0));
    assert_eq!(peer.hears(PARSE_ERROR), [Said::stray(PARSE_ERROR)]);
}

#[test]
fn an_error_without_id_is_the_failure_of_the_only_request() {
    let mut peer = ready();
    peer.execute("stop", 1);
    assert_eq!(peer.hears(PARSE_ERROR), [Said::Answer(1, parse_error())]);
    assert_eq!(peer.client.in_flight(), 0);
    let abandoned = peer.execute("stop", 2);
    peer.client.abandon(abandoned);
    assert_eq!(peer.hears(PARSE_ERROR), [], "nobody waits for it");
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn an_error_without_id_ends_the_connection_when_it_may_be_anyones() {
    for abandon in [false, true] {
        let mut peer = ready();
        peer.execute("stop", 1);
        let second = peer.execute("cont", 2);
        if abandon {
            peer.client.abandon(second);
        }
        let error = Said::Error(ProtocolError::ServerParseError);
        assert_eq!(
            peer.hears([PARSE_ERROR, &returned(0)].concat()),
            [Said::ServerParseError("GenericError: JSON parse error".into()), error.clone()]
        );
        assert_eq!(peer.hears(returned(1)), [error], "sticky");
        let lost: &[_] =
            if abandon { &[Said::unknown(1)] } else { &[Said::unknown(1), Said::unknown(2)] };
        assert_eq!(peer.drained(), lost);
    }
}

#[test]
fn a_monitor_that_gives_no_ids_back_is_matched_by_order_one_at_a_time() {
    let mut peer: Peer =
        Peer::new(qmp_proto::Client::monitor(Options::monitor().echoes_ids(false)));
    peer.hears(crate::peer::GREETING);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    assert_eq!(peer.hears("{\"return\": {}}\r\n"), [Said::Ready]);
    peer.execute("stop", 1);
    let limit = qmp_proto::SendErrorKind::TooManyInFlight { limit: 1 };
    assert_eq!(peer.refusal("cont"), limit);
    assert_eq!(peer.hears("{\"return\": {}}\r\n"), [Said::done(1)]);
    let abandoned = peer.execute("cont", 2);
    peer.client.abandon(abandoned);
    let oldest = qmp_proto::SendErrorKind::HeldByAbandoned { oldest: abandoned };
    assert_eq!(peer.refusal("stop"), oldest);
    assert_eq!(peer.hears("{\"return\": {}}\r\n"), [], "swallowed");
    peer.execute("stop", 3);
    assert_eq!(peer.hears(PARSE_ERROR), [Said::Answer(3, parse_error())]);
    let surplus = "{\"return\": {}}\r\n";
    assert_eq!(peer.hears(surplus), [Said::stray(surplus)]);
    peer.execute("cont", 4);
    assert_eq!(peer.hears(returned("null")), [Said::done(4)], "as good as none");
}

#[test]
fn a_monitor_that_gives_ids_back_all_the_same_is_matched_by_them() {
    let mut peer: Peer =
        Peer::new(qmp_proto::Client::monitor(Options::monitor().echoes_ids(false)));
    peer.hears(crate::peer::GREETING);
    peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
    for stale in [returned(0), returned("\"libvirt-1\""), failed(3)] {
        assert_eq!(peer.hears(&stale), [Said::stray(&stale)], "of the client before us");
    }
    assert_eq!(peer.hears(returned(crate::peer::SEVEN)), [Said::Ready]);
    for (id, token) in (0..3).zip(10..) {
        peer.execute("stop", token);
        for stale in [returned(77), returned("\"libvirt-1\""), failed(77)] {
            assert_eq!(peer.hears(&stale), [Said::stray(&stale)], "late, or for somebody else");
        }
        let answer = if id == 1 { returned("\"1\"") } else { returned(id) };
        assert_eq!(peer.hears(answer), [Said::done(token)]);
    }
    peer.execute("stop", 20);
    assert_eq!(peer.hears(failed(3)), [Said::Answer(20, Err("GenericError: no".into()))]);
}

//! Complete messages of the caller, and restoring their ids.

use qmp_proto::{JsonErrorKind, Options, RawMessage};

use crate::peer::{Observed, Peer, returned};

#[test]
fn only_the_id_of_a_raw_message_is_changed() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    for (id, (raw, sent)) in [
        (r#" { "execute" : "stop" } "#, r#"{"execute" : "stop","id":0}"#),
        (r#"{"id": [1, {"a": null}], "execute": "stop"}"#, r#"{"execute": "stop","id":1}"#),
        (
            r#"{"execute": "x", "\u0069d": "mine", "arguments": {"id": 5}}"#,
            r#"{"execute": "x","arguments": {"id": 5},"id":2}"#,
        ),
        (r#"{"bogus": ",id,"}"#, r#"{"bogus": ",id,","id":3}"#),
        ("{}", r#"{"id":4}"#),
    ]
    .into_iter()
    .enumerate()
    {
        peer.send_raw(raw, id as u32).unwrap();
        assert_eq!(peer.sent(), sent);
    }
    assert_eq!(peer.feed(returned(0)), [Observed::done(0)]);
}

#[test]
fn a_text_that_is_not_exactly_one_message_is_refused() {
    let deep = format!("{{\"id\": {}{}}}", "[".repeat(1024), "]".repeat(1024));
    for (raw, flaw) in [
        ("{\"execute\": \"a\"}{\"execute\": \"b\"}", JsonErrorKind::Trailing),
        ("{\"execute\": \"a\"}}", JsonErrorKind::Trailing),
        ("{\"execute\": \"a\u{1}\"}", JsonErrorKind::ControlCharacter),
        ("{\"execute\": \"a\n\"}", JsonErrorKind::ControlCharacter),
        ("{\"execute\": \"a\", \"execute\": \"b\"}", JsonErrorKind::DuplicateMember),
        ("{\"id\": 1, \"\\u0069d\": 2}", JsonErrorKind::DuplicateMember),
        ("{\"id\": 0e1}", JsonErrorKind::ZeroExponent),
        ("{\"id\": \"\u{FFFF}\"}", JsonErrorKind::Noncharacter),
        (&deep, JsonErrorKind::TooDeep { limit: 1024 }),
        ("{'execute': 'a'}", JsonErrorKind::Syntax),
        ("{", JsonErrorKind::Incomplete),
        ("", JsonErrorKind::Incomplete),
        ("[]", JsonErrorKind::NotAnObject),
        ("\u{FEFF}{}", JsonErrorKind::NotAnObject),
    ] {
        assert_eq!(RawMessage::parse(raw).unwrap_err().kind(), flaw, "{raw}");
    }
}

#[cfg(feature = "alloc")]
#[test]
fn the_callers_id_is_restored_byte_for_byte() {
    use qmp_proto::Received;

    fn sent_back(answer: &str, id: Option<&str>) -> Result<String, String> {
        let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
        peer.send_raw("{\"execute\": \"stop\"}", 1).unwrap();
        let step = peer.client.handle_input(answer.as_bytes()).unwrap();
        let Some(Received::Reply(it)) = step.received else { panic!("{answer}: {step:?}") };
        let message = match it.outcome {
            Ok(reply) => reply.into_owned().message_with_id(id),
            Err(failure) => failure.into_owned().message_with_id(id),
        };
        message
            .map(|message| String::from_utf8(message).unwrap())
            .map_err(|error| error.to_string())
    }

    for id in ["1.0", "null", "[1, {\"a\":  null}]", "\"\\u0041\"", "18446744073709551616"] {
        let raw = format!("{{\"execute\": \"stop\", \"id\": {id}}}");
        let raw = RawMessage::parse(&raw).unwrap();
        let id = raw.id().map(|id| id.as_str());
        let success = sent_back(&returned(0), id).unwrap();
        assert_eq!(success, returned(id.unwrap()).trim_end());
        let error = sent_back(&crate::peer::failed(0), id).unwrap();
        assert_eq!(error, crate::peer::failed(id.unwrap()).trim_end());
    }
    assert_eq!(sent_back(&returned(0), None).unwrap(), "{\"return\": {}}");
    for broken in ["{\"return\": 1 2, \"id\": 0}\r\n", "{\"return\": \"\\uD83D\", \"id\": 0}\r\n"] {
        let passed_on = sent_back(broken, Some("5"));
        assert!(passed_on.is_err(), "{broken}: {passed_on:?}");
    }
}

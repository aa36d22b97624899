//! Replies and events.

use qmp_proto::server::{Options, Response};
use qmp_proto::{
    ErrorClass, JsonErrorKind, OwnedRawJson, RawJson, RawMessage, SendErrorKind, Timestamp,
};

use crate::host::{Host, NEGOTIATE, NEGOTIATE_OOB, Observed};

fn several() -> Host {
    Host::ready(Options::monitor().in_band_limit(4), NEGOTIATE)
}

#[test]
fn tickets_are_used_in_any_order() {
    let mut host = several();
    let observed = host.feed(r#"{"execute":"a","id":1}{"execute":"b","id":"2"}{"execute":"c"}"#);
    let mut tickets: Vec<_> = observed
        .into_iter()
        .map(|observed| match observed {
            Observed::Command(_, ticket) => ticket,
            other => panic!("{other:?}"),
        })
        .collect();
    assert_eq!(host.server.in_flight(), 3);
    let (c, b, a) = (tickets.pop().unwrap(), tickets.pop().unwrap(), tickets.pop().unwrap());
    assert_eq!(b.id().unwrap().as_str(), "\"2\"");
    assert!(c.id().is_none());
    assert_eq!(host.returns(b, "[1,2]"), "{\"return\": [1,2], \"id\": \"2\"}\r\n");
    assert_eq!(
        host.fails(a, "\"no\"\n"),
        "{\"id\": 1, \"error\": {\"class\": \"GenericError\", \"desc\": \"\\\"no\\\"\\n\"}}\r\n"
    );
    assert_eq!(host.returns(c, "{}"), "{\"return\": {}}\r\n");
    assert_eq!(host.server.in_flight(), 0);
}

#[test]
fn a_name_between_apostrophes_is_the_same_name() {
    let mut host = several();
    for twice in [
        &br#"{"execute":"a","arguments":{"b":1,'b':2}}"#[..],
        br#"['a',{"b":1,'b':2}]"#,
        br#"{"b":1,'b':2,"c":tru}"#,
        br#"{"b":1,'b':2,"c":"\x"}"#,
        b"{'\\u0000':1,\"\xC0\x80\":2}",
    ] {
        let observed = host.feed(twice);
        assert!(matches!(&observed[..], [Observed::Rejected(..)]), "{}", twice.escape_ascii());
        assert_eq!(host.output(), crate::host::error("JSON parse error, duplicate key"));
    }
    assert_eq!(host.command(r#"{"execute":"a","arguments":{"b":1,'c':2}}"#).0, "a");
}

#[test]
fn escapes_in_the_names_of_members_are_resolved() {
    let mut host = several();
    let (name, ticket) = host.command(r#"{"\u0065xecute":"a","\u0069d":1,"argumen\u0074s":{}}"#);
    assert_eq!((name.as_str(), ticket.id().unwrap().as_str()), ("a", "1"));
    assert!(!ticket.is_out_of_band());
    host.returns(ticket, "{}");
    assert!(matches!(&host.feed(r#"{"execut\u0066":"a"}"#)[..], [Observed::Rejected(..)]));
    assert!(host.output().contains("QMP input member 'execut\u{66}' is unexpected"));
}

#[test]
fn an_id_is_returned_in_qemus_format() {
    let mut host = several();
    for (id, back) in [
        (r#""\u0041\/\u00e9\n\"""#, r#""A/\u00E9\n\"""#),
        (r#"["é", 1.50, {"\u0062" : null}]"#, r#"["\u00E9", 1.5, {"b": null}]"#),
        ("'x\"'", r#""x\"""#),
    ] {
        let ticket = host.ticket(&format!("{{\"execute\":\"a\",\"id\":{id}}}"));
        assert_eq!(host.returns(ticket, "{}"), format!("{{\"return\": {{}}, \"id\": {back}}}\r\n"));
    }
}

#[test]
fn values_are_written_on_one_line_and_in_ascii() {
    let mut host = several();
    let ticket = host.ticket(r#"{"execute":"a"}"#);
    assert_eq!(
        host.returns(ticket, "{\"a\" :\r\n [1.50 ,\"é\\u00e9\\/\"]\n}"),
        "{\"return\": {\"a\": [1.50, \"\\u00E9\\u00e9\\/\"]}}\r\n"
    );
    let untouched = r#"{"a":[ 1e5,"\u00e9"  ], "a":2}"#;
    let ticket = host.ticket(r#"{"execute":"a"}"#);
    assert_eq!(host.returns(ticket, untouched), format!("{{\"return\": {untouched}}}\r\n"));
}

#[test]
fn an_error_of_another_server_is_forwarded_unchanged() {
    let mut host = several();
    let ticket = host.ticket(r#"{"execute":"a","id":[]}"#);
    let error = r#"{"class":"Odd","desc":"x","data":{"device":"y"}}"#;
    let response = Response::raw_error(RawJson::parse(error).unwrap()).into_owned();
    host.server.answer(&mut host.out, ticket, &response).unwrap();
    assert_eq!(host.output(), format!("{{\"id\": [], \"error\": {error}}}\r\n"));

    let ticket = host.ticket(r#"{"execute":"a"}"#);
    let response = Response::error(ErrorClass::Other("Throttled"), "x".to_string());
    host.server.answer(&mut host.out, ticket, &response).unwrap();
    assert_eq!(host.output(), "{\"error\": {\"class\": \"Throttled\", \"desc\": \"x\"}}\r\n");
}

#[test]
fn a_value_that_is_too_deep_is_refused_with_the_ticket() {
    let mut host = several();
    let deep = |levels: usize| "[".repeat(levels) + "1" + &"]".repeat(levels);
    let (too_deep, deepest) = (deep(1024), deep(1023));
    for raw in [false, true] {
        let response = |text| match (raw, RawJson::parse(text).unwrap()) {
            (true, json) => Response::raw_error(json),
            (false, json) => Response::json(json),
        };
        let ticket = host.ticket(r#"{"execute":"a","id":7}"#);
        let refused = host.server.answer(&mut host.out, ticket, &response(&too_deep)).unwrap_err();
        assert!(
            matches!(refused.reason, SendErrorKind::Json(error) if error.kind() == JsonErrorKind::TooDeep { limit: 1023 })
        );
        assert_eq!(host.output(), "");
        assert_eq!(host.server.in_flight(), 1);
        host.server.answer(&mut host.out, refused.ticket, &response(&deepest)).unwrap();
        assert!(host.output().contains(&deepest));
        assert_eq!(host.server.in_flight(), 0);
    }
}

#[test]
fn events_have_the_given_timestamp() {
    let mut host = several();
    let data = OwnedRawJson::parse(" {\"a\": \"ü\"} ".into()).unwrap();
    let stamp = Timestamp::new(-1, -1);
    host.server.emit(&mut host.out, "A_B", stamp, Some(data.as_json())).unwrap();
    assert_eq!(
        host.output(),
        "{\"timestamp\": {\"seconds\": -1, \"microseconds\": -1}, \"event\": \"A_B\", \"data\": {\"a\": \"\\u00FC\"}}\r\n"
    );
    let raw = r#"{"event":"X","data":"a string"}"#;
    host.server.emit_raw(&mut host.out, RawJson::parse(raw).unwrap()).unwrap();
    assert_eq!(host.output(), format!("{raw}\r\n"));
    let no_object = RawJson::parse("[]").unwrap();
    assert!(host.server.emit(&mut host.out, "X", stamp, Some(no_object)).is_err());
    assert!(host.server.emit_raw(&mut host.out, no_object).is_err());
    assert_eq!(host.output(), "");
}

#[test]
fn pretty_messages_have_the_same_content() {
    let mut host = Host::ready(Options::monitor().pretty(true), NEGOTIATE);
    let ticket = host.ticket(r#"{"execute":"a","id":{"k":[]}}"#);
    assert_eq!(
        host.returns(ticket, "{\"a\":[1]}"),
        "{\r\n    \"return\": {\r\n        \"a\": [\r\n            1\r\n        ]\r\n    },\r\n    \"id\": {\r\n        \"k\": [\r\n        ]\r\n    }\r\n}\r\n"
    );
}

#[test]
fn a_command_is_returned_unchanged_and_can_be_forwarded() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
    let text = r#"{ "exec-oob" : "yank\u002dit", "arguments":{"a" : [1, "é"]}, "id":1.0 }"#;
    let observed = host.feed(format!("\r\n {text}"));
    let [Observed::Command(command, ticket)] = &observed[..] else { panic!("{observed:?}") };
    assert_eq!(command.name(), "yank-it");
    assert_eq!(command.arguments().unwrap().as_str(), r#"{"a" : [1, "é"]}"#);
    assert!(command.is_out_of_band() && ticket.is_out_of_band());
    assert_eq!(ticket.id().unwrap().as_str(), "1");
    assert_eq!(command.message().as_str(), text);
    let raw = RawMessage::parse(command.message().as_str()).unwrap();
    assert_eq!(raw.id().unwrap().as_str(), "1.0");
}

#[test]
fn qemus_extensions_to_json_are_rewritten() {
    let mut host = several();
    let text = b"{'execute':'it\\'s \"x\"','arguments':{'a':'\xC0\x80',\n\"b\":'\\u00e9'}}";
    let observed = host.feed(text);
    let [Observed::Command(command, _)] = &observed[..] else { panic!("{observed:?}") };
    assert_eq!(command.name(), "it's \"x\"");
    assert_eq!(command.arguments().unwrap().as_str(), "{\"a\":\"\\u0000\",\n\"b\":\"\\u00E9\"}");
    RawJson::parse(command.message().as_str()).unwrap();
    let twice = several().feed("{'execute':'x','arguments':{'a\\'':1,\"a'\":2}}");
    assert!(matches!(&twice[..], [Observed::Rejected(..)]), "{twice:?}");
}

#[cfg(feature = "serde")]
#[test]
fn values_are_serialized_and_arguments_decoded() {
    #[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
    struct Pair {
        a: u8,
        #[serde(default)]
        b: Option<String>,
    }
    let mut host = several();
    let observed = host.feed(r#"{"execute":"x","arguments":{"a":1}}{"execute":"y"}"#);
    let [Observed::Command(x, _), Observed::Command(y, _)] = &observed[..] else { panic!() };
    assert_eq!(x.decode::<Pair>().unwrap(), Pair { a: 1, b: None });
    assert!(y.decode::<Pair>().unwrap_err().to_string().contains("missing field"));
    for observed in observed {
        let Observed::Command(_, ticket) = observed else { panic!() };
        let response = Response::value(&Pair { a: 2, b: Some("ß".into()) }).unwrap();
        host.server.answer(&mut host.out, ticket, &response).unwrap();
        assert_eq!(host.output(), "{\"return\": {\"a\": 2, \"b\": \"\\u00DF\"}}\r\n");
    }
    let unserializable = std::collections::BTreeMap::from([((), 1)]);
    assert!(matches!(Response::value(&unserializable), Err(SendErrorKind::Unserializable(_))));
}

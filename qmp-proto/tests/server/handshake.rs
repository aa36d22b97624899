//! Greeting and negotiation.

use qmp_proto::server::{Options, Phase, Rejection, Server};
use qmp_proto::{RawJson, SendErrorKind, Timestamp, Version};

use crate::host::{Host, NEGOTIATE, NEGOTIATE_OOB, Observed};

fn monitor(options: Options) -> Host {
    Host::new(Server::monitor(options))
}

#[test]
fn the_greeting_is_sent_once_and_first() {
    let options =
        Options::monitor().version(Version::new(1, 2, 93)).package("x \"y\" é").out_of_band(false);
    let mut host = monitor(options);
    assert_eq!(host.server.phase(), Phase::Greeting);
    host.server.greet(&mut host.out).unwrap();
    assert_eq!(
        host.output(),
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 93, \"minor\": 2, \"major\": 1}, \"package\": \"x \\\"y\\\" \\u00E9\"}, \"capabilities\": []}}\r\n"
    );
    assert_eq!(host.server.phase(), Phase::Negotiating);
    host.server.greet(&mut host.out).unwrap();
    assert_eq!(host.output(), "");
}

#[test]
fn the_greeting_has_the_format_of_real_servers() {
    for (name, pretty) in [("c-greeting-compact", false), ("c-greeting-pretty", true)] {
        let vector = crate::data::client_vectors().into_iter().find(|it| it.name == name).unwrap();
        let greeting = &vector.expect[0]["greeting"]["version"];
        let package = greeting["package"].as_str().unwrap().to_string();
        let options = Options::monitor().version(Version::new(7, 2, 22)).package(package);
        let mut host = monitor(options.pretty(pretty));
        host.server.greet(&mut host.out).unwrap();
        assert_eq!(host.output(), String::from_utf8_lossy(&vector.input), "{name}");
    }
}

#[test]
fn input_before_the_greeting_is_answered_after_it() {
    let mut host = monitor(Options::monitor());
    assert!(matches!(&host.feed(NEGOTIATE)[..], [Observed::Negotiated(false)]));
    let output = host.output();
    let (greeting, rest) = output.split_once("\r\n").unwrap();
    assert!(
        greeting.starts_with("{\"QMP\": ") && greeting.ends_with("\"capabilities\": [\"oob\"]}}")
    );
    assert_eq!(rest, "{\"return\": {}}\r\n");
}

#[test]
fn the_greeting_of_another_server_is_forwarded_unchanged() {
    let mut host = monitor(Options::monitor());
    let greeting = r#"{"QMP":{"version":{"other":{}},"capabilities":[]},"x":1}"#;
    let number = RawJson::parse("1").unwrap();
    assert!(matches!(host.server.greet_with(&mut host.out, number), Err(SendErrorKind::Json(_))));
    host.server.greet_with(&mut host.out, RawJson::parse(greeting).unwrap()).unwrap();
    assert_eq!(host.output(), format!("{greeting}\r\n"));
    let again = host.server.greet_with(&mut host.out, RawJson::parse(greeting).unwrap());
    assert_eq!(again, Err(SendErrorKind::Greeted));
    host.feed(NEGOTIATE);
    assert_eq!(host.output(), "{\"return\": {}}\r\n", "no greeting of its own");
}

#[test]
fn an_invalid_negotiation_is_refused_and_can_be_tried_again() {
    for (arguments, description) in [
        (r#"{"enable":["oob"]}"#, "Capability oob not available"),
        (r#"{"enable":["oob","é\n"]}"#, "Parameter 'null' does not accept value '\\u00E9\\n'"),
        (r#"{"enable":["oob",1]}"#, "Invalid parameter type for 'enable[1]', expected: string"),
        (r#"{"enable":{}}"#, "Invalid parameter type for 'enable', expected: array"),
        (r#"{"enabl\u0065":1}"#, "Invalid parameter type for 'enable', expected: array"),
        (r#"{"x\u0079":1,"enable":[]}"#, "Parameter 'xy' is unexpected"),
        (r#"{'enable' : [ 'it' ]}"#, "Parameter 'null' does not accept value 'it'"),
    ] {
        let mut host = monitor(Options::monitor().out_of_band(false));
        host.server.greet(&mut host.out).unwrap();
        host.output();
        let message =
            format!("{{\"execute\":\"qmp_capabilities\",\"arguments\":{arguments},\"id\":1}}");
        let observed = host.feed(&message);
        assert!(
            matches!(&observed[..], [Observed::Rejected(Rejection::Handshake, _)]),
            "{observed:?}"
        );
        let error = format!("{{\"class\": \"GenericError\", \"desc\": \"{description}\"}}");
        assert_eq!(host.output(), format!("{{\"id\": 1, \"error\": {error}}}\r\n"));
        assert_eq!(host.server.phase(), Phase::Negotiating);
        assert!(matches!(&host.feed(NEGOTIATE)[..], [Observed::Negotiated(false)]));
    }
}

#[test]
fn capabilities_are_negotiated_only_once() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
    assert!(host.server.is_out_of_band());
    for (message, class, description) in [
        (
            NEGOTIATE,
            "CommandNotFound",
            "Capabilities negotiation is already complete, command ignored",
        ),
        (
            "{\"exec-oob\":\"qmp_capabilities\"}",
            "GenericError",
            "The command qmp_capabilities does not support OOB",
        ),
        (
            "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"x\":1}}",
            "GenericError",
            "Parameter 'x' is unexpected",
        ),
    ] {
        let observed = host.feed(message);
        assert!(
            matches!(&observed[..], [Observed::Rejected(Rejection::Handshake, _)]),
            "{observed:?}"
        );
        let error = format!("{{\"class\": \"{class}\", \"desc\": \"{description}\"}}");
        assert_eq!(host.output(), format!("{{\"error\": {error}}}\r\n"));
    }
    assert!(host.server.is_out_of_band());
    assert_eq!(host.server.phase(), Phase::Ready);
}

#[test]
fn before_the_negotiation_events_and_commands_are_refused() {
    let mut host = monitor(Options::monitor());
    host.server.greet(&mut host.out).unwrap();
    host.output();
    let event = host.server.emit(&mut host.out, "STOP", Timestamp::new(1, 2), None);
    assert_eq!(event, Err(SendErrorKind::NoEvents));
    let observed = host.feed("{\"execute\":\"stop\"}");
    let [Observed::Rejected(Rejection::NotNegotiated, bytes)] = &observed[..] else { panic!() };
    assert_eq!(bytes, "{\"execute\":\"stop\"}");
    assert!(host.output().contains("Expecting capabilities negotiation"));
    assert_eq!(host.server.in_flight(), 0);
}

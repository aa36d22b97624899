//! Greeting and negotiation.

use qmp_proto::server::{Options, Phase, Rejection, Server};
use qmp_proto::{RawJson, SendErrorKind, Timestamp, Version};

use crate::host::{Heard, Host, NEGOTIATE, NEGOTIATE_OOB};

fn monitor(options: Options) -> Host {
    Host::new(Server::monitor(options))
}

#[test]
fn a_client_is_greeted_once_and_first() {
    let options =
        Options::monitor().version(Version::new(1, 2, 93)).package("x \"y\" é").out_of_band(false);
    let mut host = monitor(options);
    assert_eq!(host.server.phase(), Phase::Greeting);
    host.server.greet(&mut host.out).unwrap();
    assert_eq!(
        host.said(),
        "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 93, \"minor\": 2, \"major\": 1}, \"package\": \"x \\\"y\\\" \\u00E9\"}, \"capabilities\": []}}\r\n"
    );
    assert_eq!(host.server.phase(), Phase::Negotiating);
    host.server.greet(&mut host.out).unwrap();
    assert_eq!(host.said(), "");
}

#[test]
fn a_greeting_is_laid_out_as_real_servers_do() {
    for (name, pretty) in [("c-greeting-compact", false), ("c-greeting-pretty", true)] {
        let vector = crate::data::client_vectors().into_iter().find(|it| it.name == name).unwrap();
        let greeting = &vector.expect[0]["greeting"]["version"];
        let package = greeting["package"].as_str().unwrap().to_string();
        let options = Options::monitor().version(Version::new(7, 2, 22)).package(package);
        let mut host = monitor(options.pretty(pretty));
        host.server.greet(&mut host.out).unwrap();
        assert_eq!(host.said(), String::from_utf8_lossy(&vector.input), "{name}");
    }
}

#[test]
fn input_before_the_greeting_is_answered_behind_it() {
    let mut host = monitor(Options::monitor());
    assert!(matches!(&host.hears(NEGOTIATE)[..], [Heard::Negotiated(false)]));
    let said = host.said();
    let (greeting, rest) = said.split_once("\r\n").unwrap();
    assert!(
        greeting.starts_with("{\"QMP\": ") && greeting.ends_with("\"capabilities\": [\"oob\"]}}")
    );
    assert_eq!(rest, "{\"return\": {}}\r\n");
}

#[test]
fn another_server_s_greeting_is_passed_on_untouched() {
    let mut host = monitor(Options::monitor());
    let greeting = r#"{"QMP":{"version":{"other":{}},"capabilities":[]},"x":1}"#;
    let number = RawJson::parse("1").unwrap();
    assert!(matches!(host.server.greet_with(&mut host.out, number), Err(SendErrorKind::Json(_))));
    host.server.greet_with(&mut host.out, RawJson::parse(greeting).unwrap()).unwrap();
    assert_eq!(host.said(), format!("{greeting}\r\n"));
    let again = host.server.greet_with(&mut host.out, RawJson::parse(greeting).unwrap());
    assert_eq!(again, Err(SendErrorKind::Greeted));
    host.hears(NEGOTIATE);
    assert_eq!(host.said(), "{\"return\": {}}\r\n", "no greeting of ours");
}

#[test]
fn what_a_negotiation_cannot_have_is_refused_and_another_can_be_tried() {
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
        host.said();
        let message =
            format!("{{\"execute\":\"qmp_capabilities\",\"arguments\":{arguments},\"id\":1}}");
        let heard = host.hears(&message);
        assert!(matches!(&heard[..], [Heard::Rejected(Rejection::Handshake, _)]), "{heard:?}");
        let error = format!("{{\"class\": \"GenericError\", \"desc\": \"{description}\"}}");
        assert_eq!(host.said(), format!("{{\"id\": 1, \"error\": {error}}}\r\n"));
        assert_eq!(host.server.phase(), Phase::Negotiating);
        assert!(matches!(&host.hears(NEGOTIATE)[..], [Heard::Negotiated(false)]));
    }
}

#[test]
fn a_capability_is_enabled_once_and_for_all() {
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
        let heard = host.hears(message);
        assert!(matches!(&heard[..], [Heard::Rejected(Rejection::Handshake, _)]), "{heard:?}");
        let error = format!("{{\"class\": \"{class}\", \"desc\": \"{description}\"}}");
        assert_eq!(host.said(), format!("{{\"error\": {error}}}\r\n"));
    }
    assert!(host.server.is_out_of_band());
    assert_eq!(host.server.phase(), Phase::Ready);
}

#[test]
fn before_negotiation_there_are_no_events_and_no_commands() {
    let mut host = monitor(Options::monitor());
    host.server.greet(&mut host.out).unwrap();
    host.said();
    let event = host.server.emit(&mut host.out, "STOP", Timestamp::new(1, 2), None);
    assert_eq!(event, Err(SendErrorKind::NoEvents));
    let heard = host.hears("{\"execute\":\"stop\"}");
    let [Heard::Rejected(Rejection::NotNegotiated, bytes)] = &heard[..] else { panic!() };
    assert_eq!(bytes, "{\"execute\":\"stop\"}");
    assert!(host.said().contains("Expecting capabilities negotiation"));
    assert_eq!(host.server.in_flight(), 0);
}

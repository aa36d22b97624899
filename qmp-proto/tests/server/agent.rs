//! Servers that are guest agents.

use qmp_proto::server::{Options, Rejection, Server};
use qmp_proto::{Client, Received, SendErrorKind, Timestamp};

use crate::host::{Host, Observed};

fn sync(number: impl std::fmt::Display) -> String {
    format!("{{\"execute\":\"guest-sync-delimited\",\"arguments\":{{\"id\":{number}}}}}\n")
}

#[test]
fn an_agent_sends_no_greeting_and_ends_lines_with_a_line_feed() {
    let mut host = Host::agent();
    host.server.greet(&mut host.out).unwrap();
    assert_eq!(host.output(), "");
    let ticket = host.ticket("{\"execute\":\"guest-ping\",\"id\":1}");
    assert_eq!(host.returns(ticket, "{}"), "{\"return\": {}, \"id\": 1}\n");
    let event = host.server.emit(&mut host.out, "STOP", Timestamp::new(1, 2), None);
    assert_eq!(event, Err(SendErrorKind::NoEvents));
    // For an agent, the negotiation is a command like any other.
    let (name, _) = host.command("{\"execute\":\"qmp_capabilities\"}");
    assert_eq!(name, "qmp_capabilities");
}

#[test]
fn syncs_are_answered_with_their_number() {
    let mut host = Host::agent();
    for number in [0, i64::MIN, i64::MAX] {
        assert!(matches!(&host.feed(sync(number))[..], [Observed::Synced(it)] if *it == number));
        let out = std::mem::take(&mut host.out);
        assert_eq!(out, [b"\xFF", format!("{{\"return\": {number}}}\n").as_bytes()].concat());
    }
    let plain = "{\"execute\":\"guest-sync\",\"arguments\":{\"id\":5},\"id\":\"x\"}";
    assert!(matches!(&host.feed(plain)[..], [Observed::Synced(5)]));
    assert_eq!(host.output(), "{\"return\": 5, \"id\": \"x\"}\n", "without a sentinel");
    assert_eq!(host.server.in_flight(), 0);
}

#[test]
fn a_sync_without_a_number_is_refused_without_a_sentinel() {
    for (arguments, description) in [
        ("{}", "Parameter 'id' is missing"),
        ("{\"id\":9223372036854775808}", "Invalid parameter type for 'id', expected: integer"),
        ("{\"id\":1.0}", "Invalid parameter type for 'id', expected: integer"),
        ("{\"id\":\"1\"}", "Invalid parameter type for 'id', expected: integer"),
        ("{\"id\":1,\"x\":2}", "Parameter 'x' is unexpected"),
    ] {
        let mut host = Host::agent();
        let message = format!("{{\"execute\":\"guest-sync-delimited\",\"arguments\":{arguments}}}");
        let observed = host.feed(message);
        assert!(
            matches!(&observed[..], [Observed::Rejected(Rejection::Handshake, _)]),
            "{observed:?}"
        );
        assert_eq!(host.output(), crate::host::error(description).replace('\r', ""));
    }
}

#[test]
fn a_sentinel_discards_an_incomplete_message() {
    for begun in [
        "{\"execute\":\"guest-pi",
        "{\"execute\":\"guest-ping\",\"arguments\":{\"a\":[[{",
        "{\"a\":'",
        "{\"a\":\"\\",
        "{\"a\":12",
        "{\"a\":tru",
        "{\"a\":+1,\"b\":\"half",
        "nonsense",
        "\"string",
        "",
    ] {
        let mut host = Host::agent();
        let observed = host.feed([begun.as_bytes(), b"\xFF", sync(7).as_bytes()].concat());
        let (last, rejected) = observed.split_last().unwrap();
        assert!(matches!(last, Observed::Synced(7)), "{begun}: {observed:?}");
        assert!((1..=2).contains(&rejected.len()), "{begun}: {observed:?}");
        assert!(host.out.ends_with(b"\xFF{\"return\": 7}\n"));
        assert!(!host.server.is_inside_message());
    }
}

/// The client syncs after any remains of the last client.
#[test]
fn the_client_syncs_after_any_remains() {
    for begun in ["", "{\"execute\":\"x", "{\"a\":[1,", "noise \u{1}", "{\"execute\":\"slow\"}"] {
        let mut host = Host::new(Server::agent(Options::agent().in_band_limit(2)));
        host.feed(begun);
        let mut client: Client<u32> = Client::agent(qmp_proto::Options::agent());
        let mut commands = Vec::new();
        client.sync(&mut commands, 99).unwrap();
        host.feed(&commands);
        let output = std::mem::take(&mut host.out);
        let step = client.handle_input(&output).unwrap();
        let ready = matches!(step.received, Some(Received::Ready));
        assert!(ready, "{begun}");
    }
}

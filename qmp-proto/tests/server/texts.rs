//! What a person gets to read.

use qmp_proto::server::{Options, Phase, Received, Rejection, Response, Server};
use qmp_proto::{FixedOutput, SendErrorKind};

#[test]
fn each_phase_says_where_the_connection_stands() {
    for (phase, text) in [
        (Phase::Greeting, "the client was not greeted yet"),
        (Phase::Negotiating, "the client has not negotiated capabilities"),
        (Phase::Ready, "the connection is ready"),
    ] {
        assert_eq!(phase.to_string(), text);
    }
}

#[test]
fn an_answer_that_is_not_sent_says_why() {
    let mut host = crate::host::Host::agent();
    let ticket = host.ticket("{\"execute\":\"guest-ping\"}\n");
    let mut out = FixedOutput::new(&mut []);
    let unsent = host.server.answer(&mut out, ticket, &Response::empty()).unwrap_err();
    assert_eq!(unsent.to_string(), SendErrorKind::BufferFull.to_string());
}

#[test]
fn what_was_rejected_is_said_with_the_reason() {
    let mut server: Server = Server::monitor(Options::monitor());
    let step = server.handle_input(&mut Vec::new(), b"GET / HTTP/1.1\r\n").unwrap();
    let Some(Received::Rejected(rejected)) = step.received else { panic!("{step:?}") };
    assert_eq!(rejected.to_string(), "bytes that are no JSON: G");
    for (reason, text) in [
        (Rejection::BeyondLimit, "a message beyond the limits"),
        (Rejection::NotARequest, "a message that is no request"),
        (Rejection::NotNegotiated, "a command before capabilities were negotiated"),
        (Rejection::Handshake, "a handshake that cannot be granted"),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}

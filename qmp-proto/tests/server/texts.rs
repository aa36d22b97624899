//! Texts of errors and phases.

use qmp_proto::server::{Options, Phase, Received, Rejection, Response, Server};
use qmp_proto::{FixedOutput, SendErrorKind};

#[test]
fn each_phase_has_a_text() {
    for (phase, text) in [
        (Phase::Greeting, "the greeting was not sent yet"),
        (Phase::Negotiating, "the client has not negotiated capabilities"),
        (Phase::Ready, "the connection is ready"),
    ] {
        assert_eq!(phase.to_string(), text);
    }
}

#[test]
fn an_unsent_reply_displays_the_reason() {
    let mut host = crate::host::Host::agent();
    let ticket = host.ticket("{\"execute\":\"guest-ping\"}\n");
    let mut out = FixedOutput::new(&mut []);
    let unsent = host.server.answer(&mut out, ticket, &Response::empty()).unwrap_err();
    assert_eq!(unsent.to_string(), SendErrorKind::BufferFull.to_string());
}

#[test]
fn a_rejection_displays_the_reason_and_the_bytes() {
    let mut server: Server = Server::monitor(Options::monitor());
    let step = server.handle_input(&mut Vec::new(), b"GET / HTTP/1.1\r\n").unwrap();
    let Some(Received::Rejected(rejected)) = step.received else { panic!("{step:?}") };
    assert_eq!(rejected.to_string(), "bytes that are not JSON: G");
    for (reason, text) in [
        (Rejection::BeyondLimit, "a message over the limits"),
        (Rejection::NotARequest, "a message that is not a request"),
        (Rejection::NotNegotiated, "a command before the negotiation of capabilities"),
        (Rejection::Handshake, "an invalid handshake"),
    ] {
        assert_eq!(reason.to_string(), text);
    }
}

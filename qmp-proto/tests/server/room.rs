//! Full output buffers.

use qmp_proto::server::{Options, Received, Response, Server};
use qmp_proto::{BufferFull, FixedOutput, RawJson, SendErrorKind, Timestamp};

use crate::host::NEGOTIATE;

/// Sends a message into all buffers that are too small, and into one that is large enough.
fn into_any_room(mut send: impl FnMut(&mut FixedOutput<'_>) -> bool) {
    let mut memory = [0; 4096];
    for room in 0..memory.len() {
        let mut out = FixedOutput::new(&mut memory[..room]);
        if send(&mut out) {
            assert_eq!(out.bytes().len(), room, "it fits as soon as it can");
            return;
        }
        assert_eq!(out.bytes(), b"", "all or nothing");
    }
    panic!("it never fits");
}

#[test]
fn a_reply_that_does_not_fit_is_sent_later_as_a_whole() {
    let mut server: Server = Server::monitor(Options::monitor());
    into_any_room(|out| server.greet(out).is_ok());

    for input in [
        "nonsense ",
        "{\"execute\":1,\"id\":2}",
        "{\"execute\":\"x\"}",
        "{\"execute\":\"qmp_capabilities\",\"arguments\":1}",
        NEGOTIATE,
        "}",
    ] {
        into_any_room(|out| match server.handle_input(out, input.as_bytes()) {
            Ok(step) => {
                assert!(step.received.is_some());
                assert_eq!(step.used, input.trim_end().len(), "{input}");
                true
            }
            Err(BufferFull) => false,
        });
    }
    // Inside a broken message, to which the error reply was sent above.
    let mut server: Server = Server::monitor(Options::monitor());
    let mut rest = Vec::new();
    let step = server.handle_input(&mut rest, b"{\"a\":\x01").unwrap();
    assert_eq!(step.used, 6);
    into_any_room(|out| match server.handle_input(out, b" \"b\" \xFF") {
        Ok(step) => {
            assert_eq!(step.used, 6);
            true
        }
        Err(BufferFull) => false,
    });
}

#[test]
fn a_reply_that_does_not_fit_returns_its_ticket() {
    let mut server: Server = Server::monitor(Options::monitor());
    let mut out = Vec::new();
    server.greet(&mut out).unwrap();
    server.handle_input(&mut out, NEGOTIATE.as_bytes()).unwrap();
    for pretty in [Response::empty(), Response::command_not_found("x\u{1}é")] {
        let step = server.handle_input(&mut out, b"{\"execute\":\"x\",\"id\":\"seven\"}").unwrap();
        let Some(Received::Command(_, ticket)) = step.received else { panic!() };
        let mut ticket = Some(ticket);
        into_any_room(|out| match server.answer(out, ticket.take().unwrap(), &pretty) {
            Ok(()) => true,
            Err(unsent) => {
                assert_eq!(unsent.reason, SendErrorKind::BufferFull);
                ticket = Some(unsent.ticket);
                false
            }
        });
    }
    let data = RawJson::parse("{\"a\": [\"ü\"]}").unwrap();
    into_any_room(|out| server.emit(out, "X", Timestamp::new(1, 2), Some(data)).is_ok());
    into_any_room(|out| server.emit_raw(out, data).is_ok());
}

#[test]
fn pretty_messages_are_also_written_as_a_whole_or_not_at_all() {
    let mut server: Server = Server::monitor(Options::monitor().pretty(true));
    into_any_room(|out| server.greet(out).is_ok());
}

//! A server with its buffers.

use qmp_proto::server::{Options, Phase, Received, Response, Server, Session};
use qmp_proto::{InputBuffer, OutputBuffer, RawJson, Timestamp};

use crate::host::NEGOTIATE;

fn read(session: &mut Session, bytes: &[u8]) {
    session.spare_mut()[..bytes.len()].copy_from_slice(bytes);
    session.advance(bytes.len());
}

fn written(session: &mut Session) -> String {
    let mut written = Vec::new();
    while let Some(outgoing) = session.output_chunk() {
        let count = outgoing.bytes.len().min(5);
        written.extend_from_slice(&outgoing.bytes[..count]);
        session.advance_output(count);
    }
    String::from_utf8(written).unwrap()
}

fn ready(options: Options) -> Session {
    let mut session: Session = Session::new(Server::monitor(options));
    assert!(written(&mut session).starts_with("{\"QMP\": "));
    read(&mut session, NEGOTIATE.as_bytes());
    assert!(matches!(session.receive(), Some((Received::Negotiated { .. }, _))));
    assert_eq!(session.consumed(), NEGOTIATE.as_bytes());
    written(&mut session);
    session
}

#[test]
fn a_command_is_answered_while_it_is_borrowed() {
    let mut session = ready(Options::monitor());
    read(&mut session, b" {\"execute\":\"x\"}{\"execute\":\"y\"}");
    let (received, mut sender) = session.receive().unwrap();
    let Received::Command(command, ticket) = received else { panic!() };
    sender.emit("STOP", Timestamp::new(1, 2), None).unwrap();
    sender.emit_raw(RawJson::parse("{\"event\": \"X\"}").unwrap()).unwrap();
    assert_eq!(command.name(), "x");
    assert_eq!(session.consumed(), b" {\"execute\":\"x\"}");
    assert!(!session.wants_input());
    assert!(session.receive().is_none());

    session.sender().answer(ticket, &Response::empty()).unwrap();
    assert!(session.wants_input());
    let (received, mut sender) = session.receive().unwrap();
    let Received::Command(command, ticket) = received else { panic!() };
    assert_eq!(command.name(), "y");
    sender.leave_unanswered(ticket);
    assert!(session.receive().is_none());
    assert_eq!(session.phase(), Phase::Ready);
    session.output_mut().append(b"exactly\0this").unwrap();
    let output = written(&mut session);
    assert!(
        output.ends_with("{\"event\": \"X\"}\r\n{\"return\": {}}\r\nexactly\0this"),
        "{output}"
    );
}

#[test]
fn the_callers_greeting_is_sent_first() {
    let greeting = RawJson::parse("{\"QMP\":{}}").unwrap();
    let server: Server = Server::monitor(Options::monitor());
    let mut session = Session::greeting_with(server, greeting).unwrap();
    assert_eq!(written(&mut session), "{\"QMP\":{}}\r\n");
    assert!(Session::greeting_with(Server::agent(Options::agent()), greeting).is_err());
}

/// QEMU buffers all output instead.
#[test]
fn a_client_that_does_not_read_is_not_read_from() {
    let mut session = ready(Options::monitor());
    let mut taken = 0;
    for _ in 0..100_000 {
        if !session.wants_input() {
            break;
        }
        read(&mut session, b"x ");
        while session.receive().is_some() {
            taken += 1;
        }
    }
    assert!((1000..99_000).contains(&taken), "{taken}");
    let unsent = session.output().unsent();
    assert!((1024 * 1024..1024 * 1024 + 1000).contains(&unsent), "{unsent}");
    assert!(session.receive().is_none());
    // The caller has to limit events and replies.
    session.sender().emit("STOP", Timestamp::new(1, 2), None).unwrap();
    assert!(session.output().unsent() > unsent);
    session.advance_output(usize::MAX);
    assert!(session.wants_input());
}

#[test]
fn a_long_message_fits_and_its_memory_is_freed() {
    let mut session = ready(Options::monitor().longest_message(100_000));
    let long = format!("{{\"execute\":\"x\",\"id\":\"{}\"}}", "y".repeat(90_000));
    for piece in long.as_bytes().chunks(InputBuffer::LEAST_ROOM) {
        assert!(session.spare_mut().len() >= InputBuffer::LEAST_ROOM);
        assert!(session.receive().is_none());
        read(&mut session, piece);
    }
    let (received, _) = session.receive().unwrap();
    let Received::Command(_, ticket) = received else { panic!() };
    assert_eq!(ticket.id().unwrap().as_str().len(), 90_002);
    for _ in 0..1000 {
        // Input that is read nevertheless stays in the buffer.
        read(&mut session, b" ");
    }
    assert!(session.spare_mut().len() <= 110_000);
}

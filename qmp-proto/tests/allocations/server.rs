//! Allocations of a server: none per command, and no more than the longest message.

use qmp_proto::server::{Options, Received, Response, Server, Session};
use qmp_proto::{ErrorClass, OutputBuffer, RawJson, Timestamp};

use crate::counting::{allocations, most_held};

const NEGOTIATE: &[u8] = b"{\"execute\":\"qmp_capabilities\"}";
const MEBI: usize = 1024 * 1024;

fn read(session: &mut Session, bytes: &[u8]) {
    session.spare_mut()[..bytes.len()].copy_from_slice(bytes);
    session.advance(bytes.len());
}

fn write(session: &mut Session) {
    while let Some(outgoing) = session.output_chunk() {
        let count = outgoing.bytes.len().min(10);
        session.advance_output(count);
    }
}

fn ready(options: Options) -> Session {
    let mut session = Session::new(Server::monitor(options));
    read(&mut session, NEGOTIATE);
    assert!(matches!(session.receive(), Some((Received::Negotiated { .. }, _))));
    write(&mut session);
    session
}

#[test]
fn a_server_allocates_nothing_per_command() {
    let mut session = ready(Options::monitor());
    let value = RawJson::parse(r#"{"running": true, "a": [1, 2.5, "é"]}"#).unwrap();
    let mut exchange = || {
        for (command, answered) in [
            (&b"{\"execute\":\"stop\",\"id\":7}"[..], true),
            (b"{\"execute\":\"x\",\"arguments\":{\"a\":[\"\xC3\xA9\",{}]},\"id\":\"libvirt-1\"}\r\n", true),
            (b"{\"execute\":\"x\",\"id\":\"123e4567-e89b-12d3-a456-426614174000\"}", true),
            (b"{\"execute\":1}", false),
            (b"nonsense ", false),
            (b"{\"a\":\"\x01\"}", false),
        ] {
            read(&mut session, command);
            match session.receive() {
                Some((Received::Command(_, ticket), mut sender)) => {
                    assert!(answered);
                    let response = Response::json(value);
                    sender.answer(ticket, &response).unwrap();
                    sender.emit("STOP", Timestamp::new(1, 2), Some(value)).unwrap();
                }
                Some((Received::Rejected(_), _)) => assert!(!answered),
                other => panic!("{other:?}"),
            }
            assert!(session.receive().is_none());
            write(&mut session);
        }
        read(&mut session, b"{\"execute\":\"x\"}");
        let Some((Received::Command(_, ticket), mut sender)) = session.receive() else { panic!() };
        let response = Response::error(ErrorClass::GenericError, "no \"x\"");
        sender.answer(ticket, &response).unwrap();
        write(&mut session);
    };
    exchange();
    assert_eq!(allocations(|| (0..100).for_each(|_| exchange())), 0);
}

/// Feeds `count` bytes to the session as from a socket, and returns the number of received
/// requests.
fn feed(session: &mut Session, byte: u8, count: usize) -> usize {
    let mut received = 0;
    let mut left = count;
    while left > 0 {
        let room = session.spare_mut();
        let count = left.min(room.len()).min(64 * 1024);
        room[..count].fill(byte);
        session.advance(count);
        left -= count;
        while session.receive().is_some() {
            received += 1;
        }
    }
    received
}

#[test]
fn a_message_without_end_needs_no_more_memory_than_the_limit() {
    for (begin, byte) in [
        (&b"{\"a\":\""[..], b'x'),
        (b"{", b' '),
        (b"[", b'1'),
        (b"[", b'['),
        (b"\"", b'x'),
        (b"", b'x'),
        (b"", b' '),
    ] {
        let mut session = ready(Options::monitor().longest_message(MEBI));
        let most = most_held(|| {
            read(&mut session, begin);
            let received = feed(&mut session, byte, 3 * MEBI);
            assert_eq!(received, usize::from(byte != b' ' || !begin.is_empty()));
        });
        // While a buffer grows, both the old and the new one are allocated.
        assert!(most <= 2 * MEBI + 128 * 1024, "{most} for {}", begin.escape_ascii());
    }
}

#[test]
fn a_long_message_is_not_copied() {
    let mut message = b"{\"execute\":\"x\",\"arguments\":{\"a\":\"".to_vec();
    let around = message.len() - b"{\"a\":\"".len() + b"}".len();
    message.resize(MEBI, b'x');
    message.extend(b"\"}}");
    let mut server: Server = Server::monitor(Options::monitor());
    let mut out = Vec::with_capacity(1024);
    server.handle_input(&mut out, NEGOTIATE).unwrap();
    let count = allocations(|| {
        let step = server.handle_input(&mut out, &message).unwrap();
        let Some(Received::Command(command, ticket)) = step.received else { panic!() };
        assert_eq!(command.arguments().unwrap().as_str().len(), message.len() - around);
        server.answer(&mut out, ticket, &Response::empty()).unwrap();
    });
    assert_eq!(count, 0);
    assert!(out.length() < 1024);
}

#[test]
fn a_waiting_error_reply_needs_no_more_memory_than_its_bytes() {
    let mut server: Server = Server::monitor(Options::monitor());
    let mut out = Vec::with_capacity(1024);
    let negotiate = b"{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}";
    server.handle_input(&mut out, negotiate).unwrap();
    let step = server.handle_input(&mut out, b"{\"execute\":\"x\"}").unwrap();
    let Some(Received::Command(_, ticket)) = step.received else { panic!() };
    let nonsense = [&b"x".repeat(MEBI)[..], b" "].concat();
    let mut refused = 0;
    let most = most_held(|| {
        while server.wants_input() {
            server.handle_input(&mut out, &nonsense).unwrap();
            refused += 1;
        }
    });
    assert_eq!(refused, 8);
    assert!(most <= 8 * 1200 + 1024, "{most}");
    out.clear();
    server.answer(&mut out, ticket, &Response::empty()).unwrap();
    assert_eq!(out.iter().filter(|&&byte| byte == b'\n').count(), 9);
}

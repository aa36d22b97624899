//! A client with its buffers.

use qmp_proto::{
    Client, InputBuffer, Options, OutputBuffer, Phase, ProtocolError, Received, Request, Session,
};

use crate::peer::{GREETING, SEVEN, STOP, returned};

fn read(session: &mut Session<u32>, bytes: &str) {
    session.spare_mut()[..bytes.len()].copy_from_slice(bytes.as_bytes());
    session.advance(bytes.len());
}

#[test]
fn commands_are_sent_while_a_received_message_is_borrowed() {
    let mut session: Session<u32> = Session::new(Client::monitor(Options::monitor()));
    read(&mut session, &[GREETING, STOP].concat());
    let (received, mut sender) = session.receive().unwrap().unwrap();
    let Received::Greeting(greeting) = received else { panic!() };
    sender.negotiate(7, &["oob"]).unwrap();
    assert!(greeting.offers("oob"), "still there");
    assert_eq!(session.phase(), Phase::Negotiating);

    let (received, _) = session.receive().unwrap().unwrap();
    assert!(matches!(received, Received::Event(_)));
    assert_eq!(session.consumed(), format!("\r\n{STOP}").as_bytes());
    assert!(session.receive().unwrap().is_none());

    read(&mut session, &returned(SEVEN));
    let (received, mut sender) = session.receive().unwrap().unwrap();
    assert!(matches!(received, Received::Ready));
    let request = sender.execute(Request::new("stop"), 5).unwrap();
    assert_eq!(sender.abandon(request), Some(5));
    let before = session.output().length();
    session.sender().execute(Request::new("cont"), 7).unwrap();
    assert_eq!(session.output().appended_since(before), br#"{"execute":"cont","id":1}"#);
    read(&mut session, &[returned(0), returned(1)].concat());
    let (received, _) = session.receive().unwrap().unwrap();
    assert!(matches!(received, Received::Reply(answer) if answer.token == 7));
    session.handle_end().unwrap();
    assert_eq!(session.receive().err(), Some(ProtocolError::Ended));
}

#[test]
fn there_is_always_spare_capacity_and_advance_is_clamped_to_it() {
    let mut session: Session<u32> = Session::new(Client::monitor(Options::monitor()));
    for _ in 0..100 {
        assert!(session.spare_mut().len() >= InputBuffer::LEAST_ROOM);
        session.spare_mut()[..100].fill(b' ');
        session.advance(100);
        assert!(session.receive().unwrap().is_none());
    }
    let room = session.spare_mut();
    room.fill(b' ');
    room[0] = b'{';
    session.advance(usize::MAX);
    assert!(session.receive().unwrap().is_none());
    assert!(session.spare_mut().len() >= InputBuffer::LEAST_ROOM);
    assert_eq!(session.advance_output(usize::MAX), None);
    let phase = Phase::Greeting;
    assert_eq!(session.handle_end(), Err(ProtocolError::EndInHandshake { phase }));
}

#[test]
fn the_spare_capacity_for_a_long_message_doubles_up_to_the_limit() {
    const LONGEST: usize = 100_000;
    let options = Options::monitor().longest_message(LONGEST);
    let mut session: Session<u32> = Session::new(Client::monitor(options));
    let (mut held, mut reads) = (0, 0);
    let end = loop {
        let room = session.spare_mut();
        let count = room.len();
        room.fill(b'a');
        if held == 0 {
            room[..2].copy_from_slice(b"{\"");
        }
        session.advance(count);
        (held, reads) = (held + count, reads + 1);
        assert!(held <= LONGEST + InputBuffer::LEAST_ROOM, "{held} bytes");
        match session.receive() {
            Ok(received) => assert!(received.is_none()),
            Err(error) => break error,
        }
    };
    assert_eq!(end, ProtocolError::MessageTooLong { limit: LONGEST });
    assert_eq!(reads, 9, "each twice as long as the one before");
}

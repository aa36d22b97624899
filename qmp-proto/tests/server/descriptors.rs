//! Descriptors, which are integers here.

use qmp_proto::server::{Options, Received, Server, Session};

use crate::host::{Heard, Host, NEGOTIATE, NEGOTIATE_OOB};
use crate::machine::Machine;

#[test]
fn a_descriptor_goes_to_the_command_it_came_with_or_before() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE);
    assert_eq!(host.server.handle_descriptor(5), None);
    assert!(host.hears("{\"execute\":").is_empty());
    let mut ticket = host.ticket("\"getfd\"}");
    assert_eq!(ticket.descriptor(), Some(&5));
    assert_eq!(ticket.take_descriptor(), Some(5));
    assert_eq!(ticket.take_descriptor(), None);
    host.returns(ticket, "{}");
    assert_eq!(host.ticket("{\"execute\":\"getfd\"}").descriptor(), None);
}

#[test]
fn a_descriptor_in_the_middle_of_a_command_is_its() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE);
    assert!(host.hears("{\"execute\":\"getfd\"").is_empty());
    assert_eq!(host.server.handle_descriptor(5), None);
    assert_eq!(host.ticket("}").descriptor(), Some(&5));
}

#[test]
fn a_descriptor_that_was_not_taken_waits_for_the_next_command() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE);
    host.server.handle_descriptor(5);
    let ticket = host.ticket("{\"execute\":\"query-status\"}");
    host.returns(ticket, "{}");
    let ticket = host.ticket("{\"execute\":\"getfd\"}");
    assert_eq!(ticket.descriptor(), Some(&5));
    host.fails(ticket, "arguments");
    // What was refused has had nothing.
    host.hears("nonsense ");
    let ticket = host.ticket("{\"execute\":\"getfd\"}");
    assert_eq!(ticket.descriptor(), Some(&5));
    host.server.leave_unanswered(&mut host.out, ticket);
    assert_eq!(host.server.handle_descriptor(6), Some(5), "until another comes");
    assert_eq!(host.ticket("{\"execute\":\"getfd\"}").descriptor(), Some(&6));
}

#[test]
fn a_newer_descriptor_is_not_replaced_by_an_older() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
    host.server.handle_descriptor(5);
    let slow = host.ticket("{\"execute\":\"slow\"}");
    host.server.handle_descriptor(6);
    host.returns(slow, "{}");
    assert_eq!(host.ticket("{\"execute\":\"getfd\"}").descriptor(), Some(&6));
}

/// With `oob`, QEMU mixes these up.
#[test]
fn two_commands_under_oob_have_each_their_own() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
    host.server.handle_descriptor(5);
    let first = host.hears("{\"execute\":\"getfd\",\"id\":1}");
    host.server.handle_descriptor(6);
    let second = host.hears("{\"execute\":\"getfd\",\"id\":2}");
    let [Heard::Command(_, first)] = &first[..] else { panic!() };
    let [Heard::Command(_, second)] = &second[..] else { panic!() };
    assert_eq!((first.descriptor(), second.descriptor()), (Some(&5), Some(&6)));
}

/// Reads as from a socket: so many bytes, and the descriptor that came with them.
fn read(session: &mut Session<u32>, bytes: &[u8], descriptor: Option<u32>) {
    session.spare_mut()[..bytes.len()].copy_from_slice(bytes);
    match descriptor {
        Some(descriptor) => session.filled_with(bytes.len(), descriptor),
        None => session.advance(bytes.len()),
    }
}

#[test]
fn a_session_keeps_descriptors_with_their_bytes_however_far_it_reads_ahead() {
    for options in [Options::monitor(), Options::monitor().in_band_limit(8)] {
        let mut session: Session<u32> = Session::new(Server::monitor(options));
        let command = |id: u32| {
            format!("{{\"execute\":\"getfd\",\"arguments\":{{\"fdname\":\"f\"}},\"id\":{id}}}\n")
        };
        read(&mut session, NEGOTIATE.as_bytes(), None);
        let mut received = Vec::new();
        for id in 1..=3 {
            // In two pieces, with the first of which the descriptor comes.
            let command = command(id);
            let (head, tail) = command.as_bytes().split_at(30);
            read(&mut session, head, Some(id));
            read(&mut session, tail, None);
        }
        read(&mut session, command(4).as_bytes(), None);
        let mut machine = Machine::default();
        while let Some((it, mut sender)) = session.receive() {
            if let Received::Command(command, mut ticket) = it {
                let done = machine.run(&command, &mut ticket);
                received.push(ticket.id().unwrap().to_string());
                sender.answer(ticket, &done.response).unwrap();
            }
        }
        assert_eq!(received, ["1", "2", "3", "4"]);
        assert_eq!(machine.taken, [1, 2, 3]);
        let said = String::from_utf8_lossy(session.output_chunk().unwrap().bytes).into_owned();
        assert!(said.contains("\"id\": 4, \"error\""), "{said}");
        assert!(said.contains("No file descriptor supplied via SCM_RIGHTS"), "{said}");
    }
}

#[test]
fn a_session_closes_what_nobody_took() {
    use std::rc::Rc;
    let descriptor = Rc::new(());
    let mut session: Session<Rc<()>> = Session::new(Server::monitor(Options::monitor()));
    for _ in 0..3 {
        session.spare_mut()[0] = b' ';
        session.filled_with(1, descriptor.clone());
    }
    assert_eq!(Rc::strong_count(&descriptor), 4);
    assert!(session.receive().is_none());
    assert_eq!(Rc::strong_count(&descriptor), 2, "the last one waits for a command");
    drop(session);
    assert_eq!(Rc::strong_count(&descriptor), 1);
}

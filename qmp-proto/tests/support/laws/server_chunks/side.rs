//! A server's side of a connection: a server by itself, and one with its buffers.

use std::collections::VecDeque;

use qmp_proto::server::{Command, Received, Response, Sender, Server, Session, Ticket};
use qmp_proto::{ErrorClass, InputBuffer, Timestamp};

/// What is done with everything that is received.
type Then<'t> = &'t mut dyn FnMut(&Received<'_, u32>);

pub(super) trait Side {
    /// Takes the next bytes of the stream, with the descriptor that the host was brought.
    fn hears(&mut self, bytes: &[u8], host: &mut Host, then: Then<'_>);
    fn is_inside_message(&self) -> bool;
    /// Has all commands answered that wait.
    fn settles(&mut self, host: &mut Host);
    /// All that was said.
    fn out(&mut self) -> Vec<u8>;
}

/// Answers commands, in one order or the other.
pub(super) struct Host {
    policy: u8,
    descriptor: Option<u32>,
    /// With what to answer, if it is not simply success.
    unanswered: VecDeque<(Ticket<u32>, Option<Response<'static>>)>,
    said: usize,
}

impl Host {
    pub(super) const fn new(policy: u8) -> Self {
        Self { policy, descriptor: None, unanswered: VecDeque::new(), said: 0 }
    }

    /// Brings a descriptor for the next bytes.
    pub(super) fn bring(&mut self, descriptor: u32) {
        self.descriptor = Some(descriptor);
    }

    /// How many messages were of its making.
    pub(super) fn said(&self) -> usize {
        self.said
    }

    fn takes(&mut self, command: &Command<'_>, mut ticket: Ticket<u32>, says: &mut dyn Says) {
        if command.name().starts_with('g') {
            ticket.take_descriptor();
        }
        let response = match command.name().len() % 4 {
            0 => command.arguments().map(|arguments| Response::json(arguments).into_owned()),
            1 => Some(Response::error(ErrorClass::GenericError, command.name().to_string())),
            2 => Some(Response::command_not_found(command.name())),
            _ => None,
        };
        self.said += usize::from(says.emits(command));
        self.unanswered.push_back((ticket, response));
        if self.policy % 4 == 0 {
            self.answers(says);
        }
    }

    fn answers(&mut self, says: &mut dyn Says) {
        loop {
            let next = match self.policy % 4 {
                2 => self.unanswered.pop_back(),
                _ => self.unanswered.pop_front(),
            };
            let Some((ticket, response)) = next else { break };
            if self.policy % 4 == 3 && response.is_none() {
                says.leaves(ticket);
            } else {
                says.answers(ticket, &response.unwrap_or(Response::empty()));
                self.said += 1;
            }
        }
    }
}

/// How a host speaks.
trait Says {
    fn answers(&mut self, ticket: Ticket<u32>, response: &Response<'_>);
    fn leaves(&mut self, ticket: Ticket<u32>);
    /// Tells of a command with an event; whether that could be sent.
    fn emits(&mut self, command: &Command<'_>) -> bool;
}

impl Says for (&mut Server<u32>, &mut Vec<u8>) {
    fn answers(&mut self, ticket: Ticket<u32>, response: &Response<'_>) {
        self.0.answer(self.1, ticket, response).unwrap();
    }

    fn leaves(&mut self, ticket: Ticket<u32>) {
        self.0.leave_unanswered(self.1, ticket);
    }

    fn emits(&mut self, command: &Command<'_>) -> bool {
        self.0.emit(self.1, command.name(), Timestamp::new(-1, 2), command.arguments()).is_ok()
    }
}

impl Says for Sender<'_, u32> {
    fn answers(&mut self, ticket: Ticket<u32>, response: &Response<'_>) {
        self.answer(ticket, response).unwrap();
    }

    fn leaves(&mut self, ticket: Ticket<u32>) {
        self.leave_unanswered(ticket);
    }

    fn emits(&mut self, command: &Command<'_>) -> bool {
        self.emit(command.name(), Timestamp::new(-1, 2), command.arguments()).is_ok()
    }
}

/// A server, and what it has not used yet.
pub(super) struct Bare {
    server: Server<u32>,
    out: Vec<u8>,
    input: Vec<u8>,
    limit: usize,
}

impl Bare {
    pub(super) fn new(mut server: Server<u32>, limit: usize) -> Self {
        let mut out = Vec::new();
        server.greet(&mut out).unwrap();
        out.clear();
        Self { server, out, input: Vec::new(), limit }
    }
}

impl Side for Bare {
    fn hears(&mut self, bytes: &[u8], host: &mut Host, then: Then<'_>) {
        if let Some(descriptor) = host.descriptor.take() {
            self.server.handle_descriptor(descriptor);
        }
        self.input.extend_from_slice(bytes);
        loop {
            if !self.server.wants_input() {
                assert!(self.server.handle_input(&mut self.out, &self.input).unwrap().used == 0);
                host.answers(&mut (&mut self.server, &mut self.out));
                assert!(self.server.wants_input(), "all is answered");
            }
            let step = self.server.handle_input(&mut self.out, &self.input).unwrap();
            let used = step.used;
            assert!(used <= self.input.len());
            let Some(received) = step.received else {
                self.input.drain(..used);
                break;
            };
            assert!(used > 0, "{received:?} comes of nothing");
            then(&received);
            if let Received::Command(command, ticket) = received {
                host.takes(&command, ticket, &mut (&mut self.server, &mut self.out));
            }
            self.input.drain(..used);
        }
        assert!(self.input.len() <= self.limit, "{} bytes are held", self.input.len());
    }

    fn is_inside_message(&self) -> bool {
        self.server.is_inside_message()
    }

    fn settles(&mut self, host: &mut Host) {
        host.answers(&mut (&mut self.server, &mut self.out));
    }

    fn out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

/// A session, which holds the bytes by itself.
pub(super) struct Buffered {
    session: Session<u32>,
    limit: usize,
    unread: usize,
    out: Vec<u8>,
}

impl Buffered {
    pub(super) fn new(server: Server<u32>, limit: usize) -> Self {
        let mut session = Session::new(server);
        let greeting = session.output_chunk().map_or(0, |outgoing| outgoing.bytes.len());
        session.advance_output(greeting);
        Self { session, limit, unread: 0, out: Vec::new() }
    }

    fn receives(&mut self, host: &mut Host, then: Then<'_>) {
        loop {
            let more = match self.session.receive() {
                Some((received, mut sender)) => {
                    then(&received);
                    if let Received::Command(command, ticket) = received {
                        host.takes(&command, ticket, &mut sender);
                    }
                    true
                }
                None => false,
            };
            self.unread -= self.session.consumed().len();
            while let Some(outgoing) = self.session.output_chunk() {
                self.out.extend_from_slice(outgoing.bytes);
                let count = outgoing.bytes.len();
                self.session.advance_output(count);
            }
            if !more {
                if self.session.wants_input() {
                    break;
                }
                host.answers(&mut self.session.sender());
            }
        }
        assert!(self.unread <= self.limit, "{} bytes are held", self.unread);
    }
}

impl Side for Buffered {
    fn hears(&mut self, bytes: &[u8], host: &mut Host, then: Then<'_>) {
        let mut rest = bytes;
        loop {
            let room = self.session.spare_mut();
            assert!(room.len() >= InputBuffer::LEAST_ROOM, "little room");
            assert!(
                room.len() <= 2 * (self.limit + InputBuffer::LEAST_ROOM),
                "{} bytes of room",
                room.len()
            );
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            match host.descriptor.take() {
                Some(descriptor) => self.session.filled_with(count, descriptor),
                None => self.session.advance(count),
            }
            self.unread += count;
            rest = &rest[count..];
            self.receives(host, then);
            if rest.is_empty() {
                return;
            }
        }
    }

    fn is_inside_message(&self) -> bool {
        self.session.server().is_inside_message()
    }

    fn settles(&mut self, host: &mut Host) {
        host.answers(&mut self.session.sender());
    }

    fn out(&mut self) -> Vec<u8> {
        while let Some(outgoing) = self.session.output_chunk() {
            self.out.extend_from_slice(outgoing.bytes);
            let count = outgoing.bytes.len();
            self.session.advance_output(count);
        }
        std::mem::take(&mut self.out)
    }
}

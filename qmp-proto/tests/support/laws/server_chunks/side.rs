//! A server without buffers, and one with buffers.

use std::collections::VecDeque;

use qmp_proto::server::{Command, Received, Response, Sender, Server, Session, Ticket};
use qmp_proto::{ErrorClass, InputBuffer, Timestamp};

/// A callback for everything that is received.
type Then<'t> = &'t mut dyn FnMut(&Received<'_>);

pub(super) trait Side {
    /// Feeds the next bytes of the stream.
    fn feed(&mut self, bytes: &[u8], host: &mut Host, then: Then<'_>);
    fn is_inside_message(&self) -> bool;
    /// Lets the host reply to all waiting commands.
    fn settles(&mut self, host: &mut Host);
    /// Returns all bytes that were sent.
    fn out(&mut self) -> Vec<u8>;
}

/// A host that replies to commands, in one of two orders.
pub(super) struct Host {
    policy: u8,
    /// The unanswered commands, and the replies to them.
    unanswered: VecDeque<(Ticket, Option<Response<'static>>)>,
    sent: usize,
}

impl Host {
    pub(super) const fn new(policy: u8) -> Self {
        Self { policy, unanswered: VecDeque::new(), sent: 0 }
    }

    /// Returns the number of messages that the host has sent.
    pub(super) fn sent(&self) -> usize {
        self.sent
    }

    fn receive(&mut self, command: &Command<'_>, ticket: Ticket, replies: &mut dyn Replies) {
        let response = match command.name().len() % 4 {
            0 => command.arguments().map(|arguments| Response::json(arguments).into_owned()),
            1 => Some(Response::error(ErrorClass::GenericError, command.name().to_string())),
            2 => Some(Response::command_not_found(command.name())),
            _ => None,
        };
        self.sent += usize::from(replies.emits(command));
        self.unanswered.push_back((ticket, response));
        if self.policy % 4 == 0 {
            self.answer(replies);
        }
    }

    fn answer(&mut self, replies: &mut dyn Replies) {
        loop {
            let next = match self.policy % 4 {
                2 => self.unanswered.pop_back(),
                _ => self.unanswered.pop_front(),
            };
            let Some((ticket, response)) = next else { break };
            if self.policy % 4 == 3 && response.is_none() {
                replies.leaves(ticket);
            } else {
                replies.answer(ticket, &response.unwrap_or(Response::empty()));
                self.sent += 1;
            }
        }
    }
}

/// The sending half of a server.
trait Replies {
    fn answer(&mut self, ticket: Ticket, response: &Response<'_>);
    fn leaves(&mut self, ticket: Ticket);
    /// Emits an event for a command, and returns whether it was sent.
    fn emits(&mut self, command: &Command<'_>) -> bool;
}

impl Replies for (&mut Server, &mut Vec<u8>) {
    fn answer(&mut self, ticket: Ticket, response: &Response<'_>) {
        self.0.answer(self.1, ticket, response).unwrap();
    }

    fn leaves(&mut self, ticket: Ticket) {
        self.0.leave_unanswered(self.1, ticket);
    }

    fn emits(&mut self, command: &Command<'_>) -> bool {
        self.0.emit(self.1, command.name(), Timestamp::new(-1, 2), command.arguments()).is_ok()
    }
}

impl Replies for Sender<'_> {
    fn answer(&mut self, ticket: Ticket, response: &Response<'_>) {
        self.answer(ticket, response).unwrap();
    }

    fn leaves(&mut self, ticket: Ticket) {
        self.leave_unanswered(ticket);
    }

    fn emits(&mut self, command: &Command<'_>) -> bool {
        self.emit(command.name(), Timestamp::new(-1, 2), command.arguments()).is_ok()
    }
}

/// A server, and the bytes that it has not used yet.
pub(super) struct Bare {
    server: Server,
    out: Vec<u8>,
    input: Vec<u8>,
    limit: usize,
}

impl Bare {
    pub(super) fn new(mut server: Server, limit: usize) -> Self {
        let mut out = Vec::new();
        server.greet(&mut out).unwrap();
        out.clear();
        Self { server, out, input: Vec::new(), limit }
    }
}

impl Side for Bare {
    fn feed(&mut self, bytes: &[u8], host: &mut Host, then: Then<'_>) {
        self.input.extend_from_slice(bytes);
        loop {
            if !self.server.wants_input() {
                assert!(self.server.handle_input(&mut self.out, &self.input).unwrap().used == 0);
                host.answer(&mut (&mut self.server, &mut self.out));
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
                host.receive(&command, ticket, &mut (&mut self.server, &mut self.out));
            }
            self.input.drain(..used);
        }
        assert!(self.input.len() <= self.limit, "{} bytes are held", self.input.len());
    }

    fn is_inside_message(&self) -> bool {
        self.server.is_inside_message()
    }

    fn settles(&mut self, host: &mut Host) {
        host.answer(&mut (&mut self.server, &mut self.out));
    }

    fn out(&mut self) -> Vec<u8> {
        std::mem::take(&mut self.out)
    }
}

/// A session, which has its own buffers.
pub(super) struct Buffered {
    session: Session,
    limit: usize,
    unread: usize,
    out: Vec<u8>,
}

impl Buffered {
    pub(super) fn new(server: Server, limit: usize) -> Self {
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
                        host.receive(&command, ticket, &mut sender);
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
                host.answer(&mut self.session.sender());
            }
        }
        assert!(self.unread <= self.limit, "{} bytes are held", self.unread);
    }
}

impl Side for Buffered {
    fn feed(&mut self, bytes: &[u8], host: &mut Host, then: Then<'_>) {
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
            self.session.advance(count);
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
        host.answer(&mut self.session.sender());
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

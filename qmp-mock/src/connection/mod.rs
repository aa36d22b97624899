//! A connection to one client.

mod drive;
mod perform;
mod running;

use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use qmp_proto::OutputBuffer;
use qmp_proto::server::{Received, Server, Session, Ticket};
use qmp_sockets::{ReceivedFds, Socket};

use crate::ReceivedCommand;
use crate::reception::HangUp;
use crate::shared::{Arrival, Followed, Injected, Shared};
use running::Running;

pub(crate) struct Connection<'m> {
    shared: &'m Arc<Shared>,
    client: usize,
    socket: Socket,
    wake: UnixStream,
    session: Session,
    arrivals: ReceivedFds,
    /// The number of bytes read, and how many of them were processed.
    read: u64,
    consumed: u64,
    written: u64,
    /// The position at which the stream to the client must end.
    end_at: Option<u64>,
    silent: bool,
    /// The client no longer reads.
    deaf: bool,
    open_gates: HashSet<usize>,
    tickets: HashMap<usize, Ticket>,
    /// The number of commands received.
    commands: usize,
    /// For a replay: maps recorded commands to received ones.
    recorded: HashMap<usize, usize>,
    running: Vec<Running>,
    input_ended: bool,
    ended: bool,
}

/// A message from the client, owned.
enum Said {
    Command(qmp_proto::server::Command<'static>, Ticket),
    Negotiated,
    Rejected(String),
    Nothing,
}

impl<'m> Connection<'m> {
    /// Serves the client until it disconnects or the mock closes the connection.
    pub(crate) fn serve(
        shared: &'m Arc<Shared>,
        arrival: Arrival,
        socket: Socket,
        wake: UnixStream,
    ) {
        let client = arrival.client;
        let mut connection = Self::new(shared, arrival, socket, wake);
        connection.run();
        connection.leave();
        drop(connection);
        shared.leave(client);
    }

    fn new(shared: &'m Arc<Shared>, arrival: Arrival, socket: Socket, wake: UnixStream) -> Self {
        let Arrival { client, reception, open_gates } = arrival;
        let mut session = session(shared, client);
        let greeting = session.output().appended_since(0).to_vec();
        if !reception.bytes_first.is_empty() {
            let unsent = session.output().unsent();
            session.advance_output(unsent);
            for bytes in [&reception.bytes_first, &greeting] {
                // An output that grows never fills up.
                let _ = session.output_mut().append(bytes);
            }
        }
        let end_at = reception.hang_up.map(|hang_up| match hang_up {
            HangUp::At(byte) => byte,
            HangUp::AfterGreeting => session.output().unsent() as u64,
        });
        Self {
            shared,
            client,
            socket,
            wake,
            session,
            arrivals: ReceivedFds::default(),
            read: 0,
            consumed: 0,
            written: 0,
            end_at,
            silent: reception.silent,
            deaf: false,
            open_gates,
            tickets: HashMap::new(),
            commands: 0,
            recorded: HashMap::new(),
            running: Vec::new(),
            input_ended: false,
            ended: false,
        }
    }

    /// Takes all commands that were read, and advances each one before looking at the next.
    fn take_commands(&mut self) {
        while !self.ended && !self.silent {
            let said = match self.session.receive() {
                None => return,
                Some((Received::Command(command, ticket), _)) => {
                    Said::Command(command.into_owned(), ticket)
                }
                Some((Received::Negotiated { .. }, _)) => Said::Negotiated,
                // Clients of an agent begin with this byte.
                Some((Received::Rejected(rejected), _)) if rejected.bytes == b"\xFF" => {
                    Said::Nothing
                }
                Some((Received::Rejected(rejected), _)) => Said::Rejected(rejected.to_string()),
                Some(_) => Said::Nothing,
            };
            self.consumed += self.session.consumed().len() as u64;
            match said {
                Said::Command(command, ticket) => self.take(command, ticket),
                Said::Negotiated => self.negotiated(),
                Said::Rejected(what) => {
                    self.shared.fault(format!("client {} sent {what}", self.client))
                }
                Said::Nothing => {}
            }
            self.go_on();
        }
    }

    fn take(&mut self, command: qmp_proto::server::Command<'static>, ticket: Ticket) {
        let descriptor = self.descriptor(command.name());
        let id = ticket.id().map(|id| id.as_str().to_owned());
        let command = ReceivedCommand::new(command, id, self.client, descriptor);
        let number = self.commands;
        self.commands += 1;
        self.tickets.insert(number, ticket);
        let Followed { acts, recorded } = self.shared.receive(&command);
        if let Some(recorded) = recorded {
            self.recorded.insert(recorded, number);
        }
        self.running.push(Running::new(Some((number, command)), acts));
    }

    fn descriptor(&mut self, name: &str) -> Option<OwnedFd> {
        let only = self.session.server().in_flight() == 1;
        let asked = self.shared.takes_descriptor(name);
        asked.then(|| self.arrivals.take(self.consumed, only)).flatten()
    }

    fn negotiated(&mut self) {
        self.shared.negotiated(self.client);
        let opening = self.shared.lock().replay.as_ref().map(|replay| replay.opening(self.client));
        if let Some(acts) = opening {
            self.running.push(Running::new(None, acts));
        }
    }

    /// Performs what the test has requested, in the order of the requests.
    fn take_injected(&mut self) {
        let Some(injected) = self.shared.injected(self.client) else {
            self.ended = true;
            return;
        };
        for what in injected {
            match what {
                Injected::Event { name, data } => self.emit(&name, data.as_ref()),
                Injected::Bytes(bytes) => self.append(&bytes),
                Injected::HangUp => self.hang_up_after(0),
                Injected::Open(gate) => {
                    self.open_gates.insert(gate);
                }
                Injected::Close(gate) => {
                    self.open_gates.remove(&gate);
                }
            }
            self.go_on();
        }
    }

    /// Returns the number of bytes produced for the client so far.
    fn said(&self) -> u64 {
        self.written + self.session.output().unsent() as u64
    }

    /// Ends the stream this many bytes after what was produced so far, unless it ends earlier.
    fn hang_up_after(&mut self, bytes: u64) {
        let end = self.said() + bytes;
        self.end_at = Some(self.end_at.map_or(end, |earlier| earlier.min(end)));
    }

    fn append(&mut self, bytes: &[u8]) {
        // An output that grows never fills up.
        let _ = self.session.output_mut().append(bytes);
    }
}

fn session(shared: &Shared, client: usize) -> Session {
    let server = || match shared.setup.agent {
        true => Server::agent(shared.setup.options()),
        false => Server::monitor(shared.setup.options()),
    };
    let recorded = shared.lock().replay.as_ref().and_then(|replay| replay.greeting(client));
    let greeting = recorded.or_else(|| shared.setup.greeting.clone());
    match greeting {
        Some(greeting) if !shared.setup.agent => {
            // `Builder::greeting` has checked that it is an object.
            Session::greeting_with(server(), greeting.as_json())
                .unwrap_or_else(|_| Session::new(server()))
        }
        _ => Session::new(server()),
    }
}

//! One client, and what is done for it.

mod drive;
mod perform;

use std::collections::{HashMap, HashSet};
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::Arc;

use qmp_proto::Sink;
use qmp_proto::server::{Received, Server, Session, Ticket};
use qmp_sockets::{Arrivals, Socket};

use crate::ReceivedCommand;
use crate::next_client::HangUp;
use crate::shared::{Arrival, Followed, Injected, Shared};
use perform::Running;

pub(crate) struct Connection<'m> {
    shared: &'m Arc<Shared>,
    client: usize,
    socket: Socket,
    wake: UnixStream,
    session: Session,
    arrivals: Arrivals,
    /// How many bytes were read, and how many of them are done with.
    read: u64,
    consumed: u64,
    written: u64,
    /// Where the stream to the client is to end.
    end_at: Option<u64>,
    silent: bool,
    /// The client does not read any more.
    deaf: bool,
    open_gates: HashSet<usize>,
    tickets: HashMap<usize, Ticket>,
    /// How many commands have come.
    commands: usize,
    /// Of a replay: which command stands for which recorded one.
    recorded: HashMap<usize, usize>,
    running: Vec<Running>,
    input_ended: bool,
    ended: bool,
}

/// What a client said, with nothing borrowed.
enum Said {
    Command(qmp_proto::server::Command<'static>, Ticket),
    Negotiated,
    Rejected(String),
    Nothing,
}

impl<'m> Connection<'m> {
    /// Until the client has left, or was hung up on.
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
        let greeting = session.output().since(0).to_vec();
        if !reception.bytes_first.is_empty() {
            let unsent = session.output().unsent();
            session.sent(unsent);
            for bytes in [&reception.bytes_first, &greeting] {
                // A growing output is never full.
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
            arrivals: Arrivals::default(),
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

    /// All commands that were read, each as far as it goes before the next is looked at.
    fn take_commands(&mut self) {
        while !self.ended && !self.silent {
            let said = match self.session.receive() {
                None => return,
                Some((Received::Command(command, ticket), _)) => {
                    Said::Command(command.into_owned(), ticket)
                }
                Some((Received::Negotiated { .. }, _)) => Said::Negotiated,
                // What an agent's client begins with.
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

    /// What the test wants done now, in the order in which it said so.
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

    /// How many bytes of the stream are said already.
    fn said(&self) -> u64 {
        self.written + self.session.output().unsent() as u64
    }

    /// Ends the stream so many bytes behind what is said already, unless it ends before that.
    fn hang_up_after(&mut self, bytes: u64) {
        let end = self.said() + bytes;
        self.end_at = Some(self.end_at.map_or(end, |earlier| earlier.min(end)));
    }

    fn append(&mut self, bytes: &[u8]) {
        // A growing output is never full.
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
            // Whoever set it has seen that it is an object.
            Session::greeting_with(server(), greeting.as_json())
                .unwrap_or_else(|_| Session::new(server()))
        }
        _ => Session::new(server()),
    }
}

//! A client and a server connected in memory.

use qmp_proto::server::{self, Server};
use qmp_proto::{Client, OUT_OF_BAND, Options, Output, Phase, ProtocolError, Received};

use super::ledger::{Asked, Ledger};
use super::script::{Step, What};
use crate::qemu::{self, Read};

const AGENT: u8 = 0x01;
const WITH_OUT_OF_BAND: u8 = 0x02;
const PRETTY: u8 = 0x04;
const STRING_IDS: u8 = 0x08;
const LINE_END: u8 = 0x10;

pub(super) struct Pair {
    pub(super) client: Client<u32>,
    pub(super) server: Server,
    pub(super) from_client: Output<u32>,
    pub(super) from_server: Vec<u8>,
    /// The bytes that were transferred and not used yet.
    at_client: Vec<u8>,
    at_server: Vec<u8>,
    /// The number of bytes that are transferred at a time.
    carried: usize,
    /// All bytes that the client has sent.
    wire: Vec<u8>,
    pub(super) ledger: Ledger,
}

impl Pair {
    /// Creates both halves, after their handshake.
    pub(super) fn ready(choice: u8) -> Self {
        let has = |flag| choice & flag != 0;
        let line_end = has(AGENT | LINE_END);
        let habits = |options: Options| options.string_ids(has(STRING_IDS)).line_end(line_end);
        let (client, server) = if has(AGENT) {
            let server = Server::agent(server::Options::agent());
            (Client::agent(habits(Options::agent())), server)
        } else {
            let server = Server::monitor(server::Options::monitor().pretty(has(PRETTY)));
            (Client::monitor(habits(Options::monitor())), server)
        };
        let mut pair = Self {
            client,
            server,
            from_client: Output::new(),
            from_server: Vec::new(),
            at_client: Vec::new(),
            at_server: Vec::new(),
            carried: usize::MAX,
            wire: Vec::new(),
            ledger: Ledger::new(has(AGENT)),
        };
        if has(AGENT) {
            pair.take(Step { what: What::Sync, text: "" });
        } else {
            pair.negotiate(has(WITH_OUT_OF_BAND));
        }
        pair.transfer();
        assert_eq!(pair.client.phase(), Phase::Ready);
        pair
    }

    fn negotiate(&mut self, out_of_band: bool) {
        let enable: &[&str] = if out_of_band { &[OUT_OF_BAND] } else { &[] };
        self.server.greet(&mut self.from_server).unwrap();
        let step = self.client.handle_input(&self.from_server).unwrap();
        assert!(matches!(step.received, Some(Received::Greeting(_))));
        self.from_server.drain(..step.used);
        self.client.negotiate(&mut self.from_client, 7, enable).unwrap();
        self.ledger.sent(Asked::Negotiation, false, None);
    }

    /// Sets the number of bytes that [`transfer`](Self::transfer) moves.
    pub(super) fn set_piece_length(&mut self, most: usize) {
        self.carried = most;
    }

    /// Moves bytes in both directions, and feeds them.
    pub(super) fn transfer(&mut self) {
        self.transfer_to_server();
        self.transfer_to_client();
    }

    fn transfer_to_server(&mut self) {
        // The bytes before a descriptor are received before it is transferred.
        self.serve();
        let mut room = self.carried;
        while room > 0 && self.server.wants_input() {
            let Some(outgoing) = self.from_client.chunk() else { break };
            let count = outgoing.bytes.len().min(room);
            self.at_server.extend_from_slice(&outgoing.bytes[..count]);
            self.wire.extend_from_slice(&outgoing.bytes[..count]);
            room -= count;
            if let Some(descriptor) = self.from_client.advance(count) {
                self.ledger.transferred(descriptor);
            }
            self.serve();
        }
    }

    fn serve(&mut self) {
        while self.server.wants_input() {
            let input = std::mem::take(&mut self.at_server);
            let step = self.server.handle_input(&mut self.from_server, &input).unwrap();
            self.at_server.extend_from_slice(&input[step.used..]);
            let Some(received) = step.received else { break };
            assert!(step.used > 0);
            self.ledger.served(received);
        }
    }

    fn transfer_to_client(&mut self) {
        let count = self.from_server.len().min(self.carried);
        self.at_client.extend(self.from_server.drain(..count));
        loop {
            let input = std::mem::take(&mut self.at_client);
            let step = self.client.handle_input(&input).unwrap();
            self.at_client.extend_from_slice(&input[step.used..]);
            let Some(received) = step.received else { break };
            self.ledger.received(received);
        }
    }

    /// Replies to all commands until both halves are idle, and checks the end state.
    pub(super) fn finish(mut self) {
        self.set_piece_length(usize::MAX);
        let mut turns = 200;
        while self.ledger.is_busy() || self.from_client.chunk().is_some() {
            turns -= 1;
            assert!(turns > 0, "it never ends: {:?}", self.ledger);
            self.transfer();
            while self.take_answer() {}
        }
        self.transfer();
        assert_eq!(self.from_server, b"");
        assert_eq!(self.at_client.trim_ascii(), b"", "the client waits for more");
        assert!(!self.server.is_inside_message());
        self.check_wire();
        let expecting = self.ledger.expecting();
        let end = match expecting {
            0 => Ok(()),
            count => Err(ProtocolError::EndWithRequests { count }),
        };
        assert_eq!(self.client.handle_end(), end);
        for lost in self.client.drain() {
            self.ledger.given_back(lost.token);
        }
        self.ledger.close();
    }

    fn take_answer(&mut self) -> bool {
        let any = self.ledger.has_ticket();
        self.take(Step { what: What::AnswerOldest, text: "[\"late\"]" });
        any
    }

    /// Checks that QEMU would read the same number of messages.
    fn check_wire(&self) {
        let mut model = qemu::Server::default();
        let read = model.reads(&self.wire);
        assert!(model.is_between_messages());
        let messages = read.iter().filter(|it| matches!(it, Read::Message(_))).count();
        assert_eq!(messages, self.ledger.requests());
        // The sentinel before each sync.
        assert_eq!(read.len() - messages, self.ledger.syncs());
    }
}

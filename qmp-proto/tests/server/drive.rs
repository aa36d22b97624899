//! Client and server, connected in memory.

use qmp_proto::server::{
    Options, Received as Observed, Response, Server, Session as ServerSession,
};
use qmp_proto::{
    Arguments, Client, Output, RawJson, Received, Request, Session, Timestamp, server::Ticket,
};
use std::collections::VecDeque;

/// The maximum number of steps until both halves are idle.
const STEPS: usize = 100_000;

/// A client, a server, and a wire that transfers a number of bytes at a time.
struct Pair {
    client: Session<u32>,
    server: ServerSession,
    wire: usize,
    /// The commands that are executed.
    running: VecDeque<(String, Ticket)>,
    /// What the client has received.
    got: Vec<String>,
}

impl Pair {
    fn new(client: Client<u32>, server: Server, wire: usize) -> Self {
        let (client, server) = (Session::new(client), ServerSession::new(server));
        Self { client, server, wire, running: VecDeque::new(), got: Vec::new() }
    }

    /// Transfers bytes until both halves are idle.
    fn drive(&mut self) {
        for _ in 0..STEPS {
            if !(self.carry_commands() | self.carry_answers()) {
                return;
            }
        }
        panic!("they never come to rest");
    }

    fn carry_commands(&mut self) -> bool {
        let mut moved = false;
        if self.server.wants_input() {
            if let Some(outgoing) = self.client.output_chunk() {
                moved = true;
                let room = self.server.spare_mut();
                let count = outgoing.bytes.len().min(self.wire).min(room.len());
                room[..count].copy_from_slice(&outgoing.bytes[..count]);
                self.server.advance(count);
                self.client.advance_output(count);
            }
        }
        while let Some((observed, _)) = self.server.receive() {
            moved = true;
            match observed {
                Observed::Command(command, ticket) => {
                    self.running.push_back((command.name().into(), ticket));
                }
                Observed::Rejected(rejected) if rejected.bytes == b"\xFF" => {}
                Observed::Negotiated { .. } | Observed::Synced(_) => {}
                other => panic!("{other:?}"),
            }
        }
        moved
    }

    fn carry_answers(&mut self) -> bool {
        let mut moved = false;
        if let Some(outgoing) = self.server.output_chunk() {
            moved = true;
            let room = self.client.spare_mut();
            let count = outgoing.bytes.len().min(self.wire).min(room.len());
            room[..count].copy_from_slice(&outgoing.bytes[..count]);
            self.client.advance(count);
            self.server.advance_output(count);
        }
        while let Some((received, mut sender)) = self.client.receive().unwrap() {
            moved = true;
            match received {
                Received::Greeting(greeting) => {
                    let enable: &[&str] = if greeting.offers("oob") { &["oob"] } else { &[] };
                    sender.negotiate(7, enable).unwrap();
                }
                Received::Ready => self.got.push("ready".into()),
                Received::Reply(answer) => self.got.push(match answer.outcome {
                    Ok(reply) => format!("{}: {}", answer.token, reply.json().unwrap()),
                    Err(failure) => format!("{}: {failure}", answer.token),
                }),
                Received::Event(event) => self.got.push(event.name().into()),
                other => panic!("{other:?}"),
            }
        }
        moved
    }

    fn got(&mut self) -> Vec<String> {
        self.drive();
        std::mem::take(&mut self.got)
    }

    fn finish(&mut self, name: &str, response: &Response<'_>) {
        let at = self.running.iter().position(|(running, _)| running == name).unwrap();
        let (_, ticket) = self.running.remove(at).unwrap();
        self.server.sender().answer(ticket, response).unwrap();
    }
}

fn monitor(options: Options, wire: usize) -> Pair {
    Pair::new(Client::monitor(qmp_proto::Options::monitor()), Server::monitor(options), wire)
}

const WIRES: [usize; 4] = [1, 7, 64, 4096];

#[test]
fn a_conversation_is_completed_over_any_wire() {
    for wire in WIRES {
        let mut pair = monitor(Options::monitor().out_of_band(false), wire);
        assert_eq!(pair.got(), ["ready"]);
        let arguments = Arguments::parse("{\"a\": [\"é\u{1F600}\"]}").unwrap();
        pair.client.sender().execute(Request::new("one").arguments(arguments), 1).unwrap();
        pair.client.sender().execute(Request::new("two"), 2).unwrap();
        assert_eq!(pair.got(), [""; 0]);
        assert_eq!(pair.running.len(), 1, "one at a time");
        pair.finish("one", &Response::json(RawJson::parse("[\"é\"]").unwrap()));
        pair.server.sender().emit("STOP", Timestamp::new(1, 2), None).unwrap();
        assert_eq!(pair.got(), ["1: [\"\\u00E9\"]", "STOP"]);
        pair.finish("two", &Response::command_not_found("two"));
        assert_eq!(pair.got(), ["2: CommandNotFound: The command two has not been found"]);
        pair.client.handle_end().unwrap();
    }
}

#[test]
fn out_of_band_commands_overtake() {
    for wire in WIRES {
        let mut pair = monitor(Options::monitor(), wire);
        assert_eq!(pair.got(), ["ready"]);
        for token in 0..7 {
            pair.client.sender().execute(Request::new("slow"), token).unwrap();
        }
        pair.client.sender().execute(Request::new("yank").out_of_band(), 9).unwrap();
        pair.drive();
        pair.finish("yank", &Response::empty());
        assert_eq!(pair.got(), ["9: {}"]);
        for token in 0..7 {
            pair.finish("slow", &Response::empty());
            assert_eq!(pair.got(), [format!("{token}: {{}}")]);
        }
    }
}

#[test]
fn an_agent_is_synced_several_times() {
    for wire in WIRES {
        let client = Client::agent(qmp_proto::Options::agent());
        let mut pair = Pair::new(client, Server::agent(Options::agent()), wire);
        for nonce in 0..3 {
            pair.client.sender().sync(nonce).unwrap();
            assert_eq!(pair.got(), ["ready"]);
            pair.client.sender().execute(Request::new("guest-ping"), 1).unwrap();
            pair.drive();
            pair.finish("guest-ping", &Response::empty());
            assert_eq!(pair.got(), ["1: {}"]);
        }
    }
}

#[test]
fn the_client_reads_pretty_messages() {
    for wire in WIRES {
        let mut pair = monitor(Options::monitor().pretty(true), wire);
        assert_eq!(pair.got(), ["ready"]);
        pair.client.sender().execute(Request::new("x"), 1).unwrap();
        pair.drive();
        pair.finish("x", &Response::json(RawJson::parse("{\"a\":[]}").unwrap()));
        let got = pair.got();
        assert_eq!(got.len(), 1);
        assert_eq!(got[0].split_whitespace().collect::<String>(), "1:{\"a\":[]}");
    }
}

#[test]
fn an_output_counts_its_unsent_bytes() {
    use qmp_proto::OutputBuffer;
    let mut output: Output = Output::new();
    output.append(b"abc").unwrap();
    output.advance(1);
    assert_eq!(output.unsent(), 2);
}

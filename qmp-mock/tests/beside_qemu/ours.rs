//! The server half of `qmp-proto`, with the few commands that the tests use.

use qmp_proto::RawJson;
use qmp_proto::server::{Options, Received, Response, Server, Ticket};
use serde_json::{Map, Value};

/// A server whose client has negotiated.
pub(crate) struct Ours {
    server: Server,
    out: Vec<u8>,
    input: Vec<u8>,
    /// Commands that are not answered yet.
    held: Vec<(Ticket, Response<'static>)>,
}

impl Ours {
    pub(crate) fn new(negotiation: &str) -> Self {
        let mut ours = Self {
            server: Server::monitor(Options::monitor()),
            out: Vec::new(),
            input: Vec::new(),
            held: Vec::new(),
        };
        ours.hear(negotiation);
        ours.out.clear();
        ours
    }

    /// Receives bytes. In-band commands are answered once no more can be read.
    pub(crate) fn hear(&mut self, bytes: impl AsRef<[u8]>) {
        self.input.extend_from_slice(bytes.as_ref());
        loop {
            let input = std::mem::take(&mut self.input);
            let step = self.server.handle_input(&mut self.out, &input).unwrap();
            if let Some(Received::Command(command, ticket)) = step.received {
                let text = command.arguments().map_or("{}", |arguments| arguments.as_str());
                let response = answer(command.name(), command.is_out_of_band(), text);
                match ticket.is_out_of_band() {
                    true => self.server.answer(&mut self.out, ticket, &response).unwrap(),
                    false => self.held.push((ticket, response)),
                }
                self.input = input[step.used..].to_vec();
                continue;
            }
            let received = step.received.is_some();
            self.input = input[step.used..].to_vec();
            if !received {
                if self.held.is_empty() {
                    return;
                }
                for (ticket, response) in std::mem::take(&mut self.held) {
                    self.server.answer(&mut self.out, ticket, &response).unwrap();
                }
            }
        }
    }

    /// Returns its output, one message per line.
    pub(crate) fn lines(&mut self) -> Vec<String> {
        let said = String::from_utf8(std::mem::take(&mut self.out)).unwrap();
        said.lines().map(str::to_owned).collect()
    }
}

/// Returns QEMU's reply.
fn answer(name: &str, out_of_band: bool, arguments: &str) -> Response<'static> {
    let value = match name {
        "query-name" => "{}",
        "query-qmp-schema" => "[]",
        "query-yank" => "[]",
        _ => return Response::command_not_found(name),
    };
    if out_of_band && name != "query-yank" {
        return Response::no_out_of_band(name);
    }
    let arguments: Map<String, Value> = serde_json::from_str(arguments).unwrap();
    match arguments.keys().next() {
        Some(unexpected) => {
            let text = format!("Parameter '{unexpected}' is unexpected");
            Response::error(qmp_proto::ErrorClass::GenericError, text)
        }
        None => Response::json(RawJson::parse(value).unwrap()),
    }
}

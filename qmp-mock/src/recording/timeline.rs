//! The messages of client and server in order.

use std::collections::VecDeque;

use qmp_proto::OwnedRawJson;
use qmp_proto::server::{Options, Phase, Received, Response, Server};
use serde::Deserialize;
use serde_json::value::RawValue;

use crate::recording::line::{Direction, Line};

/// A recorded session.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) greeting: Option<OwnedRawJson>,
    pub(super) commands: Vec<Command>,
    pub(super) items: Vec<Timed>,
}

#[derive(Debug)]
pub(super) struct Command {
    pub(super) name: String,
    pub(super) arguments: Option<String>,
}

/// A message and its time in milliseconds.
#[derive(Debug)]
pub(super) struct Timed {
    pub(super) at: u64,
    pub(super) item: Item,
}

#[derive(Debug)]
pub(super) enum Item {
    /// A command, by its number.
    Command(usize),
    /// The negotiation. Events follow only after it.
    Negotiated,
    /// The reply to a command.
    Reply(usize, Response<'static>),
    Event(OwnedRawJson),
    /// The server closed the connection.
    End,
}

impl Timeline {
    pub(super) fn new(lines: &[Line]) -> Result<Self, String> {
        let messages = messages(lines)?;
        let greeting = messages.iter().find_map(|(_, message)| match message {
            Message::Greeting(greeting) => Some(greeting.clone()),
            _ => None,
        });
        let timeline = Self { greeting, commands: Vec::new(), items: Vec::new() };
        Ok(Reading::new(timeline).read(lines, messages))
    }

    /// Only an agent has no greeting.
    pub(super) const fn is_agent(&self) -> bool {
        self.greeting.is_none()
    }

    pub(super) fn offers_out_of_band(&self) -> bool {
        #[derive(Deserialize)]
        struct Greeting {
            #[serde(rename = "QMP")]
            qmp: Qmp,
        }
        #[derive(Deserialize)]
        struct Qmp {
            #[serde(default)]
            capabilities: Vec<String>,
        }
        let greeting = self.greeting.as_ref().map(OwnedRawJson::as_json);
        let greeting =
            greeting.and_then(|text| serde_json::from_str::<Greeting>(text.as_str()).ok());
        greeting.is_some_and(|it| it.qmp.capabilities.iter().any(|capability| capability == "oob"))
    }
}

/// A message of the server, and the number of the line that contains its last byte.
type Messages = VecDeque<(usize, Message)>;

enum Message {
    Greeting(OwnedRawJson),
    Reply { id: Option<String>, response: Response<'static> },
    Event(OwnedRawJson),
}

fn messages(lines: &[Line]) -> Result<Messages, String> {
    let mut stream = Vec::new();
    let mut ends = Vec::new();
    for line in lines {
        if line.direction_is(Direction::ToClient) {
            // An agent sends this byte before its reply to a sync.
            stream.extend(line.bytes.iter().map(|byte| if *byte == 0xFF { b' ' } else { *byte }));
        }
        ends.push(stream.len());
    }
    let mut values = serde_json::Deserializer::from_slice(&stream).into_iter::<&RawValue>();
    let mut messages = Messages::new();
    while let Some(value) = values.next() {
        let text = match value {
            Ok(value) => value.get(),
            // The connection was closed in the middle of a message.
            Err(error) if error.is_eof() => break,
            Err(error) => return Err(format!("the output of the server is not QMP: {error}")),
        };
        let end = values.byte_offset();
        let line = ends.partition_point(|so_far| *so_far < end);
        let message = message(text).ok_or_else(|| format!("not a message of a server: {text}"))?;
        messages.push_back((line, message));
    }
    Ok(messages)
}

fn message(text: &str) -> Option<Message> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow, rename = "QMP")]
        greeting: Option<&'a RawValue>,
        #[serde(borrow)]
        event: Option<&'a RawValue>,
        #[serde(borrow, rename = "return")]
        value: Option<&'a RawValue>,
        #[serde(borrow)]
        error: Option<&'a RawValue>,
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let members: Members<'_> = serde_json::from_str(text).ok()?;
    let own = |raw: &RawValue| OwnedRawJson::parse(raw.get().to_owned()).ok();
    let whole = || OwnedRawJson::parse(text.to_owned()).ok();
    if members.greeting.is_some() {
        return whole().map(Message::Greeting);
    }
    if members.event.is_some() {
        return whole().map(Message::Event);
    }
    let response = match (members.value, members.error) {
        (_, Some(error)) => Response::raw_error(own(error)?.as_json()).into_owned(),
        (Some(value), None) => Response::json(own(value)?.as_json()).into_owned(),
        (None, None) => return None,
    };
    Some(Message::Reply { id: members.id.map(|id| id.get().to_owned()), response })
}

impl Line {
    fn direction_is(&self, direction: Direction) -> bool {
        self.dir == direction
    }
}

/// A session being read: a server of our own reads the client's messages.
struct Reading {
    timeline: Timeline,
    server: Server,
    unread: Vec<u8>,
    /// Requests without a reply: the id and, for a command, its number.
    waiting: VecDeque<(Option<String>, Option<usize>)>,
}

impl Reading {
    fn new(timeline: Timeline) -> Self {
        // The recorded server has limited what is in flight, so this one does not.
        let options =
            |options: Options| options.in_band_limit(usize::MAX).out_of_band_limit(usize::MAX);
        let server = match timeline.is_agent() {
            true => Server::agent(options(Options::agent())),
            false => {
                let offered = timeline.offers_out_of_band();
                Server::monitor(options(Options::monitor().out_of_band(offered)))
            }
        };
        Self { timeline, server, unread: Vec::new(), waiting: VecDeque::new() }
    }

    fn read(mut self, lines: &[Line], mut messages: Messages) -> Timeline {
        for (number, line) in lines.iter().enumerate() {
            if line.direction_is(Direction::ToServer) {
                self.unread.extend_from_slice(&line.bytes);
                self.client_said(line.t);
            }
            while messages.front().is_some_and(|(at, _)| *at <= number) {
                if let Some((_, message)) = messages.pop_front() {
                    self.server_said(line.t, message);
                }
            }
            // A close by the server after the client's own close does not count.
            if line.is_end() && !lines[..number].iter().any(Line::is_close) {
                self.push(line.t, Item::End);
            }
        }
        self.timeline
    }

    fn client_said(&mut self, at: u64) {
        loop {
            // The replies of this server are discarded.
            let mut answers = Vec::new();
            let Ok(step) = self.server.handle_input(&mut answers, &self.unread) else {
                return;
            };
            let text = &self.unread[..step.used];
            let item = match step.received {
                None => {
                    let used = step.used;
                    self.unread.drain(..used);
                    return;
                }
                Some(Received::Command(command, ticket)) => {
                    let number = self.timeline.commands.len();
                    let arguments = command.arguments().map(|it| it.as_str().to_owned());
                    let command = Command { name: command.name().to_owned(), arguments };
                    self.timeline.commands.push(command);
                    let id = ticket.id().map(|id| id.as_str().to_owned());
                    self.waiting.push_back((id, Some(number)));
                    Some(Item::Command(number))
                }
                Some(Received::Negotiated { .. }) => {
                    self.waiting.push_back((id_in(text), None));
                    Some(Item::Negotiated)
                }
                // Our server answers it as the recorded one did.
                Some(_) => {
                    self.waiting.push_back((id_in(text), None));
                    None
                }
            };
            let used = step.used;
            self.unread.drain(..used);
            if let Some(item) = item {
                self.push(at, item);
            }
        }
    }

    fn server_said(&mut self, at: u64, message: Message) {
        match message {
            Message::Greeting(_) => {}
            // No client gets events before it is ready, so the replay's client does not either.
            Message::Event(_) if self.server.phase() != Phase::Ready => {}
            Message::Event(event) => self.push(at, Item::Event(event)),
            Message::Reply { id, response } => {
                let asked = self.waiting.iter().position(|(asked, _)| *asked == id);
                let asked = asked.and_then(|place| self.waiting.remove(place));
                if let Some((_, Some(command))) = asked {
                    self.push(at, Item::Reply(command, response));
                }
            }
        }
    }

    fn push(&mut self, at: u64, item: Item) {
        self.timeline.items.push(Timed { at, item });
    }
}

/// Returns the id of a message that is not replayed as a command.
fn id_in(message: &[u8]) -> Option<String> {
    #[derive(Deserialize)]
    struct Members<'a> {
        #[serde(borrow)]
        id: Option<&'a RawValue>,
    }
    let members: Members<'_> = serde_json::from_slice(message).ok()?;
    members.id.map(|id| id.get().to_owned())
}

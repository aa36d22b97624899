//! Sending one command.

use std::cell::OnceCell;
use std::rc::Rc;
use std::time::Duration;

use qmp_blocking::qmp_driver::Execute;
use qmp_blocking::qmp_proto::{RawMessage, Secrets};
use qmp_blocking::types::describe::{BuiltIn, Kind, Vocabulary};
use qmp_blocking::types::schema::{QuerySchema, Schema};
use qmp_blocking::{Client, Command, Error, ErrorClass, RawJson, Reply, Untyped};
use serde::Deserialize;

use crate::cli::Options;
use crate::exit::Failure;
use crate::request::{Request, nearest_command};
use crate::show;
use crate::waiting;
use crate::words::typing::string;
use crate::words::{Node, Typed, Typing};

/// How long the server may take to describe its types.
const SCHEMA: Duration = Duration::from_secs(5);

/// A connection that commands are sent on.
pub(crate) trait Channel {
    /// The name of the server.
    fn peer(&self) -> String;

    /// Sends a command and waits for its reply.
    fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Reply, Unanswered>;
}

/// A command that is ready to be sent.
pub(crate) struct Outgoing<'o> {
    pub(crate) content: Content<'o>,
    pub(crate) out_of_band: bool,
    #[cfg(unix)]
    pub(crate) descriptor: Option<std::os::fd::OwnedFd>,
    /// A deadline other than that of the connection.
    pub(crate) timeout: Option<Duration>,
}

pub(crate) enum Content<'o> {
    /// A whole message.
    Raw(&'o str),
    /// A command by name, with arguments.
    Words(&'o str, Option<RawJson<'o>>),
}

impl<'o> Outgoing<'o> {
    fn new(content: Content<'o>) -> Self {
        Self {
            content,
            out_of_band: false,
            #[cfg(unix)]
            descriptor: None,
            timeout: None,
        }
    }

    /// The name of the command and the id of the message, for messages about it.
    #[cfg(unix)]
    pub(crate) fn name_and_id(&self) -> (String, Option<String>) {
        match self.content {
            Content::Words(name, _) => (name.to_owned(), None),
            Content::Raw(text) => match RawMessage::parse(text) {
                Ok(message) => {
                    (message.name().to_owned(), message.id().map(|id| id.as_str().to_owned()))
                }
                Err(_) => ("the message".to_owned(), None),
            },
        }
    }

    /// Makes the command of a client, which has one function for messages and one for names.
    pub(crate) fn command<X>(
        self,
        raw: impl FnOnce(&str) -> Execute<Untyped, X>,
        words: impl FnOnce(&str) -> Execute<Untyped, X>,
    ) -> Execute<Untyped, X> {
        let mut command = match self.content {
            Content::Raw(text) => raw(text),
            Content::Words(name, None) => words(name),
            Content::Words(name, Some(json)) => words(name).arguments(json),
        };
        if self.out_of_band {
            command = command.out_of_band();
        }
        #[cfg(unix)]
        if let Some(descriptor) = self.descriptor {
            command = command.descriptor(descriptor);
        }
        match self.timeout {
            Some(timeout) => command.timeout(timeout),
            None => command,
        }
    }
}

/// Why there is no reply.
pub(crate) enum Unanswered {
    Error(Error),
    /// The user did not wait for it, or there was no connection.
    Failure(Failure),
}

impl Channel for Client {
    fn peer(&self) -> String {
        Self::peer(self).to_string()
    }

    fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Reply, Unanswered> {
        let command = outgoing.command(|text| self.raw(text).untyped(), |name| self.execute(name));
        command.run().map_err(Unanswered::Error)
    }
}

/// What the server has told about its types, if it was asked.
pub(crate) type SchemaCache = Rc<OnceCell<Option<Schema>>>;

/// Sends commands on a connection.
pub(crate) struct Sender<'c> {
    /// `None` to send nothing.
    channel: Option<&'c dyn Channel>,
    options: &'c Options,
    agent: bool,
    peer: String,
    schema: SchemaCache,
}

/// The result of a command.
pub(crate) struct Answer {
    /// The whole reply, if the server sent one.
    pub(crate) reply: Option<String>,
    /// The value that the command returned.
    pub(crate) value: Result<String, Failure>,
}

impl Answer {
    const fn failed(failure: Failure) -> Self {
        Self { reply: None, value: Err(failure) }
    }
}

impl<'c> Sender<'c> {
    pub(crate) fn new(channel: &'c dyn Channel, options: &'c Options, agent: bool) -> Self {
        let peer = channel.peer();
        Self { channel: Some(channel), options, agent, peer, schema: SchemaCache::default() }
    }

    /// For commands that are shown instead of sent.
    pub(crate) fn dry(options: &'c Options) -> Self {
        let (peer, schema) = (String::new(), SchemaCache::default());
        Self { channel: None, options, agent: false, peer, schema }
    }

    /// Uses what an earlier sender on the same connection was told.
    pub(crate) fn with_schema(mut self, schema: &SchemaCache) -> Self {
        self.schema = Rc::clone(schema);
        self
    }

    /// Returns the message that would be sent.
    pub(crate) fn message(&self, request: &Request) -> Result<String, Failure> {
        let (name, members) = match request {
            Request::Raw { text, .. } => return Ok(text.clone()),
            Request::Words { name, members, .. } => (name, members),
        };
        let verb = if self.options.oob { "exec-oob" } else { "execute" };
        let name_json = string(name);
        if members.is_empty() {
            return Ok(format!(r#"{{"{verb}": {name_json}}}"#));
        }
        let json = self.arguments(name, members)?;
        // The same check as before sending.
        let message = format!(r#"{{"{verb}": {name_json}, "arguments": {json}}}"#);
        match qmp_blocking::qmp_proto::Arguments::parse(&json) {
            Ok(_) => Ok(message),
            Err(error) => {
                Err(Failure::usage(format!("{name}: its arguments cannot be sent: {error}")))
            }
        }
    }

    /// Sends a command and waits for its reply.
    pub(crate) fn send(&self, request: &Request) -> Answer {
        let Some(channel) = self.channel else {
            return Answer::failed(Failure::usage("not connected"));
        };
        let descriptor = match self.options.fd.as_deref().map(descriptor::open).transpose() {
            Ok(descriptor) => descriptor,
            Err(failure) => return Answer::failed(failure),
        };
        let arguments;
        let (content, id) = match request {
            Request::Raw { text, id, .. } => (Content::Raw(text), id.as_deref()),
            Request::Words { name, members, .. } if members.is_empty() => {
                (Content::Words(name, None), None)
            }
            Request::Words { name, members, is_secret_visible } => {
                arguments = match self.arguments(name, members) {
                    Ok(json) => json,
                    Err(failure) => return Answer::failed(failure),
                };
                if *is_secret_visible {
                    warn_of_secrets(name, &arguments);
                }
                match RawJson::parse(&arguments) {
                    Ok(json) => (Content::Words(name, Some(json)), None),
                    Err(error) => {
                        return Answer::failed(Failure::usage(format!("{name}: {error}")));
                    }
                }
            }
        };
        let is_named = matches!(content, Content::Words(..));
        let mut outgoing = Outgoing::new(content);
        outgoing.out_of_band = self.options.oob && is_named;
        // The deadline of other commands is the connection's.
        outgoing.timeout = self.options.timeout;
        #[cfg(unix)]
        {
            outgoing.descriptor = descriptor;
        }
        #[cfg(not(unix))]
        let _: Option<std::convert::Infallible> = descriptor;
        let name = request.name().to_owned();
        let waiting = waiting::begin(waiting::For::Reply(name, self.peer.clone()));
        let result = channel.exchange(outgoing);
        drop(waiting);
        match result {
            Ok(reply) => answered(reply, id),
            Err(Unanswered::Error(error)) => refused(request.name(), error, id),
            Err(Unanswered::Failure(failure)) => Answer::failed(failure),
        }
    }

    /// Returns the arguments of a command as JSON. Asks the server for types that the built-in
    /// vocabulary does not know.
    fn arguments(&self, name: &str, members: &[(String, Node)]) -> Result<String, Failure> {
        let within = |failure: Failure| failure.within(name);
        let typing = Typing::new(vec![&BuiltIn], &[]);
        let mut typed = typing.arguments(name, members).map_err(|error| within(error.into()))?;
        if !typed.guessed.is_empty() {
            if let Some(better) = self.ask_server(name, members) {
                typed = better.map_err(within)?;
            }
        }
        if typed.guessed.is_empty() {
            return Ok(typed.json);
        }
        let keys = typed.guessed.join(", ");
        let advice = "write KEY:=JSON, or KEY:='\"TEXT\"' for text";
        if self.options.strict_types {
            return Err(Failure::usage(format!("{name}: the type of {keys} is unknown; {advice}")));
        }
        show::tell(format!(
            "warning: {name}: the type of {keys} is unknown, and the text looks like JSON: it is \
             sent as JSON; to be certain {advice}"
        ));
        Ok(typed.json)
    }

    fn ask_server(&self, name: &str, members: &[(String, Node)]) -> Option<Result<Typed, Failure>> {
        let channel = self.channel.filter(|_| !self.agent && !self.options.no_schema)?;
        let (properties, schema);
        let typing = if is_open(name) {
            properties = properties_of(channel, &Node::text_of(members, "driver")?)?;
            Typing::new(vec![&BuiltIn], &properties)
        } else {
            schema = self.schema.get_or_init(|| live_schema(channel)).as_ref()?;
            Typing::new(vec![&BuiltIn, schema], &[])
        };
        Some(typing.arguments(name, members).map_err(Failure::from))
    }
}

/// Asks the server what it has. Its main loop is busy with the reply for up to 50 ms.
pub(crate) fn live_schema(channel: &dyn Channel) -> Option<Schema> {
    ask(channel, QuerySchema::NAME, None)?.decode().ok()
}

fn ask(channel: &dyn Channel, command: &str, arguments: Option<RawJson<'_>>) -> Option<Reply> {
    let _waiting = waiting::begin(waiting::For::Reply(command.to_owned(), channel.peer()));
    let mut outgoing = Outgoing::new(Content::Words(command, arguments));
    outgoing.timeout = Some(SCHEMA);
    channel.exchange(outgoing).ok()
}

/// Whether a command takes members that no schema lists.
fn is_open(command: &str) -> bool {
    match BuiltIn.describe(command).map(|it| it.kind) {
        Some(Kind::Command { arguments, .. }) => arguments.open,
        _ => false,
    }
}

/// Asks for the types of a device's properties.
fn properties_of(channel: &dyn Channel, driver: &str) -> Option<Vec<(String, String)>> {
    #[derive(Deserialize)]
    struct Property {
        name: String,
        #[serde(rename = "type")]
        of: String,
    }
    let arguments = format!(r#"{{"typename": {}}}"#, string(driver));
    let arguments = RawJson::parse(&arguments).ok()?;
    let reply = ask(channel, "device-list-properties", Some(arguments))?;
    let properties: Vec<Property> = reply.decode().ok()?;
    Some(properties.into_iter().map(|it| (it.name, it.of)).collect())
}

pub(crate) fn answered(reply: Reply, id: Option<&str>) -> Answer {
    let value = match reply.json() {
        Ok(json) => json.as_str().to_owned(),
        Err(error) => return Answer::failed(error.into()),
    };
    match reply.into_inner().message_with_id(id) {
        Ok(message) => {
            Answer { reply: Some(String::from_utf8_lossy(&message).into_owned()), value: Ok(value) }
        }
        Err(error) => Answer::failed(Error::from(error).into()),
    }
}

pub(crate) fn refused(name: &str, error: Error, id: Option<&str>) -> Answer {
    let message = error.failure().and_then(|failure| failure.message_with_id(id).ok());
    let is_unknown = matches!(error.class(), Some(ErrorClass::CommandNotFound));
    let mut failure = Failure::from(error);
    if is_unknown {
        if let Some(nearest) = nearest_command(name) {
            failure = failure.and(format!("is {nearest} meant?"));
        }
    }
    Answer {
        reply: message.map(|message| String::from_utf8_lossy(&message).into_owned()),
        value: Err(failure),
    }
}

/// Other users of this machine see the command line.
fn warn_of_secrets(name: &str, json: &str) {
    // A line of the human monitor only may contain one.
    if name != "human-monitor-command" && !Secrets::in_command(name, json).is_empty() {
        show::tell(format!(
            "warning: {name}: a secret on the command line is visible to other users; write \
             KEY=@FILE, or KEY=@- to read it from stdin"
        ));
    }
}

#[cfg(unix)]
mod descriptor {
    use std::fs::{File, OpenOptions};
    use std::os::fd::OwnedFd;

    use crate::exit::Failure;

    /// Opens a file for `--fd FILE[:MODE]`.
    pub(super) fn open(option: &str) -> Result<OwnedFd, Failure> {
        let (path, mode) = match option.rsplit_once(':') {
            Some((path, mode @ ("r" | "w" | "rw"))) => (path, mode),
            _ => (option, "r"),
        };
        let (read, write) = (mode.contains('r'), mode.contains('w'));
        let opened = match (path, write) {
            (path, true) => OpenOptions::new().read(read).write(true).open(path),
            (path, false) => File::open(path),
        };
        let failed = |error| Failure::usage(format!("--fd: cannot open {path}: {error}"));
        opened.map(OwnedFd::from).map_err(failed)
    }
}

#[cfg(not(unix))]
mod descriptor {
    use std::convert::Infallible;

    use crate::exit::Failure;

    pub(super) fn open(_: &str) -> Result<Infallible, Failure> {
        Err(Failure::usage("--fd: file descriptors can be sent on unix systems only"))
    }
}

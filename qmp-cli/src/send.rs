//! Sending one command.

use std::cell::OnceCell;
use std::time::Duration;

use qmp_blocking::qmp_proto::Secrets;
use qmp_blocking::types::describe::{BuiltIn, Kind, Vocabulary};
use qmp_blocking::types::schema::{QuerySchema, Schema};
use qmp_blocking::{Client, Error, ErrorClass, RawJson, Reply};
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

/// Sends commands on a connection.
pub(crate) struct Sender<'c> {
    /// `None` to send nothing.
    client: Option<&'c Client>,
    options: &'c Options,
    agent: bool,
    peer: String,
    schema: OnceCell<Option<Schema>>,
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
    pub(crate) fn new(client: &'c Client, options: &'c Options, agent: bool) -> Self {
        let peer = client.peer().to_string();
        Self { client: Some(client), options, agent, peer, schema: OnceCell::new() }
    }

    /// For commands that are shown instead of sent.
    pub(crate) const fn dry(options: &'c Options) -> Self {
        Self { client: None, options, agent: false, peer: String::new(), schema: OnceCell::new() }
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
        let Some(client) = self.client else {
            return Answer::failed(Failure::usage("not connected"));
        };
        let descriptor = match self.options.fd.as_deref().map(descriptor::open).transpose() {
            Ok(descriptor) => descriptor,
            Err(failure) => return Answer::failed(failure),
        };
        let (command, id) = match request {
            Request::Raw { text, id, .. } => (client.raw(text).untyped(), id.as_deref()),
            Request::Words { name, members, is_secret_visible } => {
                let mut command = client.execute(name);
                if !members.is_empty() {
                    let json = match self.arguments(name, members) {
                        Ok(json) => json,
                        Err(failure) => return Answer::failed(failure),
                    };
                    if *is_secret_visible {
                        warn_of_secrets(name, &json);
                    }
                    command = match RawJson::parse(&json) {
                        Ok(json) => command.arguments(json),
                        Err(error) => {
                            let failure = Failure::usage(format!("{name}: {error}"));
                            return Answer::failed(failure);
                        }
                    };
                }
                if self.options.oob {
                    command = command.out_of_band();
                }
                (command, None)
            }
        };
        let command = match descriptor {
            #[cfg(unix)]
            Some(descriptor) => command.descriptor(descriptor),
            _ => command,
        };
        let name = request.name().to_owned();
        let waiting = waiting::begin(waiting::For::Reply(name, self.peer.clone()));
        let result = command.run();
        drop(waiting);
        match result {
            Ok(reply) => answered(reply, id),
            Err(error) => refused(request.name(), error, id),
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
        let client = self.client.filter(|_| !self.agent && !self.options.no_schema)?;
        let (properties, schema);
        let typing = if is_open(name) {
            properties = properties_of(client, &Node::text_of(members, "driver")?)?;
            Typing::new(vec![&BuiltIn], &properties)
        } else {
            schema = self.schema(client)?;
            Typing::new(vec![&BuiltIn, schema], &[])
        };
        Some(typing.arguments(name, members).map_err(Failure::from))
    }

    fn schema(&self, client: &Client) -> Option<&Schema> {
        self.schema.get_or_init(|| live_schema(client)).as_ref()
    }
}

/// Asks the server what it has. Its main loop is busy with the reply for up to 50 ms.
pub(crate) fn live_schema(client: &Client) -> Option<Schema> {
    let _waiting = begin_asking(client, "query-qmp-schema");
    client.call(&QuerySchema::new()).timeout(SCHEMA).run().ok()
}

fn begin_asking(client: &Client, command: &str) -> waiting::Guard {
    waiting::begin(waiting::For::Reply(command.to_owned(), client.peer().to_string()))
}

/// Whether a command takes members that no schema lists.
fn is_open(command: &str) -> bool {
    match BuiltIn.describe(command).map(|it| it.kind) {
        Some(Kind::Command { arguments, .. }) => arguments.open,
        _ => false,
    }
}

/// Asks for the types of a device's properties.
fn properties_of(client: &Client, driver: &str) -> Option<Vec<(String, String)>> {
    #[derive(Deserialize)]
    struct Property {
        name: String,
        #[serde(rename = "type")]
        of: String,
    }
    let _waiting = begin_asking(client, "device-list-properties");
    let command = client.execute("device-list-properties").argument("typename", driver);
    let reply = command.timeout(SCHEMA).run().ok()?;
    let properties: Vec<Property> = reply.decode().ok()?;
    Some(properties.into_iter().map(|it| (it.name, it.of)).collect())
}

fn answered(reply: Reply, id: Option<&str>) -> Answer {
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

fn refused(name: &str, error: Error, id: Option<&str>) -> Answer {
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

//! Displaying text of a peer: no control character reaches a terminal or a log, and no secret is
//! shown.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::fs;
use std::path::Path;

use qmp_proto::{
    AddressError, ArgumentError, Client, DecodeError, ErrorClass, Escaped, EscapedBytes, Event,
    Expected, JsonStr, Malformed, Options, OwnedEvent, OwnedFailure, OwnedGreeting, OwnedReply,
    RawJson, Received, SendError, SendErrorKind, server,
};

/// Escape sequences, a bell, line ends, C1, a change of direction, a character of no width.
const CONTROLS: &str =
    "\u{1b}[2J\u{7}\r\n2024 ERROR \u{7f}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}";

/// The same text, escaped for a JSON string.
const ESCAPED: &str = r"\u001b[2J\u0007\r\n2024 ERROR \u007f\u009b31m\u202e\u2066\u200b\ufeff";

/// The part of the text that a JSON string may contain unescaped.
const RAW: &str = "\u{7f}\u{9b}31m\u{202e}\u{2066}\u{200b}\u{feff}";

/// The displayed texts and their types.
#[derive(Default)]
struct Displayed {
    types: BTreeSet<&'static str>,
    texts: Vec<String>,
}

impl Displayed {
    fn error<T: Display + Debug>(&mut self, name: &'static str, value: T) {
        self.types.insert(name);
        self.texts.extend([format!("{name} {value}"), format!("{name} {value:?}")]);
    }

    /// `Display` of a value writes the value, including secrets.
    fn value(&mut self, value: RawJson<'_>) {
        self.types.insert("RawJson");
        self.texts.push(value.to_string().replace("hunter2", "shown"));
        self.debug("RawJson", value);
    }

    fn debug<T: Debug>(&mut self, name: &'static str, value: T) {
        self.texts.push(format!("{name} {value:?}"));
    }
}

fn is_control(char: char) -> bool {
    char.is_control()
        || matches!(char, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}')
}

/// Messages of a monitor. The last one is not JSON.
fn messages() -> Vec<String> {
    let mut messages = Vec::new();
    for text in [ESCAPED, RAW] {
        messages.extend([
            format!(
                r#"{{"QMP": {{"version": {{"qemu": {{"micro": "{text}", "minor": 2, "major": 1}}, "package": "{text}"}}, "capabilities": ["{text}"]}}}}"#
            ),
            format!(r#"{{"id": 0, "error": {{"class": "{text}", "desc": "{text} https://me:hunter2@h"}}}}"#),
            format!(r#"{{"return": {{"a": "{text}", "password": "hunter2"}}, "id": 0}}"#),
            format!(r#"{{"event": "{text}", "data": {{"{text}": "{text}", "token": "hunter2"}}}}"#),
            format!(r#"{{"return": "{text} password=hunter2", "id": "{text}"}}"#),
            format!(r#"{{"{text}": {{"password": "hunter2"}}}}"#),
        ]);
    }
    messages.push(format!("{CONTROLS} password: hunter2"));
    messages.push(format!(r#"{{"return": {{"password": "hunter2", "a": "{CONTROLS}"}}}}"#));
    messages
}

/// Lets a client decode each message in each phase.
fn client(displayed: &mut Displayed) {
    for message in messages() {
        for mut client in [
            Client::<u8>::monitor(Options::monitor()),
            Client::negotiated(Options::monitor(), 7),
            Client::agent(Options::agent()),
        ] {
            let mut output = qmp_proto::Output::<qmp_proto::NoDescriptor>::new();
            let _ = client.execute(&mut output, qmp_proto::Request::new("stop"), 1);
            let _ = client.sync(&mut output, 7);
            // The id of the command, if one was sent.
            let sent = String::from_utf8_lossy(output.appended_since(0)).into_owned();
            let id = sent.split_once("\"id\":").and_then(|(_, rest)| rest.split_once('}'));
            let id = format!("\"id\": {}", id.map_or("0", |(id, _)| id));
            let input = message.replace("\"id\": 0", &id) + "\n";
            let mut rest = input.as_bytes();
            while let Ok(step) = client.handle_input(rest) {
                displayed.debug("Step", &step);
                rest = &rest[step.used..];
                match step.received {
                    Some(Received::Reply(answer)) => match answer.outcome {
                        Ok(reply) => reply_and_decoded(displayed, reply.into_owned()),
                        Err(failure) => {
                            displayed.error("Failure", failure);
                            let failure: OwnedFailure = failure.into_owned();
                            displayed.error("ErrorClass", failure.class());
                            displayed.error("OwnedFailure", &failure);
                            displayed.debug("json", failure.json().ok());
                        }
                    },
                    Some(Received::Greeting(greeting)) => {
                        let owned: OwnedGreeting = greeting.into_owned();
                        displayed.debug("OwnedGreeting", owned);
                        displayed.debug("package", greeting.package());
                        displayed.debug("capabilities", greeting.capabilities());
                    }
                    Some(Received::Event(event)) => {
                        let event: Event<'_> = event;
                        let owned: OwnedEvent = event.into_owned();
                        displayed.value(event.data().unwrap().unwrap());
                        displayed.error("DecodeError", owned.decode::<(u8,)>().unwrap_err());
                        displayed.debug("OwnedEvent", owned);
                    }
                    Some(Received::Malformed(malformed)) => {
                        let malformed: Malformed<'_> = malformed;
                        displayed.error("Malformed", malformed);
                    }
                    Some(_) => {}
                    None => break,
                }
            }
            displayed.debug("Client", &client);
            displayed.debug("Output", output.chunk());
        }
    }
}

fn reply_and_decoded(displayed: &mut Displayed, reply: OwnedReply) {
    if let Ok(json) = reply.json() {
        displayed.value(json);
    }
    let error: DecodeError = reply.decode::<Vec<u8>>().unwrap_err();
    displayed.error("DecodeError", error);
    displayed.debug("OwnedReply", reply);
}

/// Lets a server decode each message.
fn server(displayed: &mut Displayed) {
    let commands = messages().into_iter().chain([
        format!(r#"{{"execute": "{ESCAPED}", "arguments": {{"password": "hunter2"}}, "id": "{RAW}"}}"#),
        format!(r#"{{'execute': 'x', 'arguments': {{'password': 'hunter2{CONTROLS}"#),
        format!(r#"{{"execute": "set_password", "arguments": {{"password": "hunter2", "a": 1}}, "{RAW}": 1}}"#),
    ]);
    for message in commands {
        let mut output = qmp_proto::Output::<qmp_proto::NoDescriptor>::new();
        let mut server: server::Server = server::Server::agent(server::Options::agent());
        let input = message + "\n";
        let mut rest = input.as_bytes();
        while let Ok(step) = server.handle_input(&mut output, rest) {
            displayed.debug("server::Step", &step);
            rest = &rest[step.used..];
            match step.received {
                Some(server::Received::Command(command, ticket)) => {
                    if let Some(arguments) = command.arguments() {
                        displayed.debug("arguments", arguments);
                        displayed.error("DecodeError", command.decode::<Vec<u8>>().unwrap_err());
                    }
                    let text = command.message().as_str().to_owned();
                    let raw = qmp_proto::RawMessage::parse(&text).unwrap();
                    displayed.debug("RawMessage", raw);
                    let error = server::Response::error(
                        ErrorClass::Other(CONTROLS),
                        format!("{CONTROLS} at https://me:hunter2@h"),
                    );
                    displayed.debug("Response", &error);
                    let unsent = server.answer(
                        &mut output,
                        ticket,
                        &server::Response::json(RawJson::parse(&text).unwrap()),
                    );
                    displayed.debug("Unsent", unsent.is_err());
                }
                Some(server::Received::Rejected(rejected)) => displayed.error("Rejected", rejected),
                Some(_) => {}
                None => break,
            }
        }
        displayed.debug("Server", &server);
    }
}

fn texts_without_a_peer(displayed: &mut Displayed) {
    let text = format!(r#"{{"password": "hunter2", "a": "{RAW}"}}"#);
    let arguments = qmp_proto::Arguments::parse(&text).unwrap();
    displayed.debug("Arguments", arguments);
    let request: qmp_proto::Request<'_> = qmp_proto::Request::new("x").arguments(arguments);
    displayed.debug("Request", request);
    let value = serde_json::json!({"password": "hunter2"});
    let request: qmp_proto::Request<'_> = qmp_proto::Request::new("x");
    displayed.debug("OwnedArguments", qmp_proto::OwnedArguments::serialize(&value));
    displayed.debug("Request", request);
    let reason = SendErrorKind::Unserializable(CONTROLS.into());
    displayed.error("SendErrorKind", &reason);
    let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
    let mut memory = [0; 300];
    let mut output = qmp_proto::FixedOutput::new(&mut memory);
    let request = qmp_proto::Request::new("x").arguments(arguments);
    client.execute(&mut output, request, ()).map_err(|_| ()).unwrap();
    displayed.debug("FixedOutput", &output);
    let request = qmp_proto::Request::new(CONTROLS);
    let refused: SendError<()> = client.execute(&mut output, request, ()).unwrap_err();
    displayed.error("SendError", refused);
    let error: AddressError = format!("tcp:{CONTROLS}").parse::<qmp_proto::Address>().unwrap_err();
    displayed.error("AddressError", error);
    for error in [
        ArgumentError::missing(CONTROLS),
        ArgumentError::unexpected(CONTROLS),
        ArgumentError::wrong_type(CONTROLS, Expected::Integer),
        ArgumentError::wrong_type(CONTROLS, Expected::Unsigned(64)),
        ArgumentError::wrong_form(CONTROLS, CONTROLS),
        ArgumentError::wrong_value(CONTROLS, CONTROLS),
    ] {
        displayed.error("ArgumentError", error);
    }
    displayed.error("Escaped", Escaped(CONTROLS));
    displayed.error("EscapedBytes", EscapedBytes(CONTROLS.as_bytes()));
    displayed.debug("JsonStr", JsonStr::new(RAW));
}

#[test]
fn no_displayed_text_contains_a_control_character_or_a_secret() {
    let mut displayed = Displayed::default();
    client(&mut displayed);
    server(&mut displayed);
    texts_without_a_peer(&mut displayed);
    for text in &displayed.texts {
        assert!(!text.contains(is_control), "{}", text.escape_default());
        assert!(!text.contains("hunter2"), "{}", text.escape_default());
        let numbers = format!("{:?}", b"hunter2");
        assert!(!text.contains(numbers.trim_matches(['[', ']'])), "{text}");
    }
    let mentioned = displayed.texts.iter().filter(|text| text.contains("2024 ERROR"));
    assert!(mentioned.count() > 20, "the hostile text is escaped, not left out");

    // These contain no text of a peer, document that they display it unchanged, or are for the
    // wire.
    let others = [
        "Address",
        "BodyError",
        "JsonError",
        "JsonErrorKind",
        "BufferFull",
        "MalformedReason",
        "Phase",
        "ProtocolError",
        "Rejection",
        "Timestamp",
        "Version",
        "JsonStr",
        "Unsent",
        "Shown",
        "ParseError",
        "NegotiationError",
        "SyncError",
        "Lossy",
        "InvalidRequest",
        "Repeated",
    ];
    let known: BTreeSet<_> = displayed.types.iter().copied().chain(others).collect();
    for name in declared(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        assert!(known.contains(&*name), "`Display` of {name} is not tested with hostile text");
    }
}

/// The types in the sources that implement `Display`.
fn declared(folder: &Path) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            names.extend(declared(&path));
            continue;
        }
        for line in fs::read_to_string(&path).unwrap().lines() {
            if let (true, Some((_, rest))) =
                (line.starts_with("impl"), line.split_once("Display for "))
            {
                let name = rest.split(|char: char| !char.is_alphanumeric()).next();
                names.extend(name.map(str::to_owned));
            }
        }
    }
    names
}

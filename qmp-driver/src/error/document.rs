//! `docs/errors.md` has every error text, and no other.

use std::collections::BTreeSet;
use std::fmt::{Debug, Display};
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{
    Client, JsonErrorKind, Options, OwnedFailure, Phase, ProtocolError, RawJson, Received, Request,
    RequestId, SendErrorKind,
};
use qmp_sockets::{ConnectRetry, Deadline, Launch, RetryError};

use crate::{
    Address, CloseReason, ConnectError, DecodeError, Error, ErrorKind, LaunchError, server,
};

const WAITED: Duration = Duration::from_secs(1);
const HOLE: char = '…';

fn read(path: &str) -> String {
    let root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/.."));
    fs::read_to_string(root.join(path)).unwrap_or_else(|error| panic!("{path}: {error}"))
}

/// A row of a table: an error text, and when it comes.
#[derive(Debug)]
struct Row {
    section: String,
    /// The number of the table in its section.
    table: usize,
    text: String,
    when: String,
}

fn rows() -> Vec<Row> {
    let (mut section, mut table) = (String::new(), 0);
    let mut rows = Vec::new();
    for line in read("docs/errors.md").lines() {
        if let Some(title) = line.strip_prefix("## ") {
            (section, table) = (title.to_owned(), 0);
        } else if line.starts_with("|---") {
            table += 1;
        } else if let Some(row) = line.strip_prefix("| ").filter(|row| !row.starts_with("text |")) {
            let mut cells = row.split(" | ").map(str::to_owned);
            let (text, when) = (cells.next().unwrap(), cells.next().unwrap());
            rows.push(Row { section: section.clone(), table, text, when });
        }
    }
    assert!(rows.len() > 100, "{}", rows.len());
    rows
}

impl Row {
    /// Returns whether the text is one of this row's, with anything in the place of each `…`.
    fn matches(&self, text: &str) -> bool {
        let mut parts: Vec<_> = self.text.split(HOLE).collect();
        let last = parts.pop().unwrap();
        let Some((first, between)) = parts.split_first() else {
            return last == text;
        };
        let Some(mut rest) = text.strip_prefix(first).and_then(|rest| rest.strip_suffix(last))
        else {
            return false;
        };
        between.iter().all(|part| match rest.find(part) {
            Some(at) => {
                rest = &rest[at + part.len()..];
                true
            }
            None => false,
        })
    }
}

fn word(text: &str) -> &str {
    text.split(|char: char| !char.is_alphanumeric()).next().unwrap()
}

/// Returns the names of the variants that a source declares.
fn variants(source: &str, name: &str) -> BTreeSet<String> {
    let text = read(source);
    let declared = text.split_once(&format!("pub enum {name} {{")).unwrap().1;
    let lines = declared.split_once("\n}").unwrap().0.lines();
    let lines = lines.filter_map(|line| line.strip_prefix("    "));
    lines
        .filter(|line| line.starts_with(char::is_uppercase))
        .map(|line| word(line).to_owned())
        .collect()
}

/// Asserts that each variant has a row with each of its texts, and that there is no other row.
fn check<E: Debug>(
    source: &str,
    name: &str,
    section: (&str, usize),
    samples: Vec<E>,
    text: impl Fn(&E) -> String,
) {
    let rows = rows();
    let rows = rows.iter().filter(|row| (row.section.as_str(), row.table) == section);
    let mut unused: Vec<_> = rows.clone().collect();
    let mut tried = BTreeSet::new();
    for sample in &samples {
        let debug = format!("{sample:?}");
        let variant = word(&debug).to_owned();
        let text = text(sample);
        let of_variant = format!("`{variant}`");
        let mut fitting = rows.clone();
        let found = fitting.find(|row| row.when.starts_with(&of_variant) && row.matches(&text));
        let found = found.unwrap_or_else(|| panic!("{section:?}: no row for {variant}: {text}"));
        unused.retain(|row| !std::ptr::eq(*row, found));
        tried.insert(variant);
    }
    assert_eq!(tried, variants(source, name), "{section:?}: variants that were tried");
    assert!(unused.is_empty(), "{section:?}: rows without an error: {unused:#?}");
}

fn display(error: &impl Display) -> String {
    error.to_string()
}

fn failure() -> OwnedFailure {
    failure_of("in its own words")
}

fn failure_of(description: &str) -> OwnedFailure {
    let line =
        format!("{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"{description}\"}}}}\n");
    let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
    client.execute(&mut Vec::new(), Request::new("stop"), ()).unwrap();
    match client.handle_input(line.as_bytes()).unwrap().received {
        Some(Received::Reply(answer)) => answer.outcome.unwrap_err().into_owned(),
        other => panic!("{other:?}"),
    }
}

fn request() -> RequestId {
    let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
    client.execute(&mut Vec::new(), Request::new("stop"), ()).unwrap()
}

fn io_error() -> io::Error {
    io::Error::from_raw_os_error(libc_number())
}

/// `EIO` on all systems.
const fn libc_number() -> i32 {
    5
}

fn connect_error() -> ConnectError {
    ConnectError::new(&Address::unix("/nowhere/at/all"), io::ErrorKind::NotFound.into())
}

fn decode_error() -> DecodeError {
    RawJson::parse("[\"x\"]").unwrap().decode::<(u8,)>().unwrap_err()
}

#[test]
fn kinds() {
    let advice = || "advice".to_owned();
    let refusal = || SendErrorKind::DescriptorInFlight;
    // A process cannot be made to exit here, but these have no other text than their own.
    let own = ["ProcessExited", "EndedEarly"];
    let mut samples = vec![
        ErrorKind::Address("tcp:x".parse::<Address>().unwrap_err()),
        ErrorKind::Connect(connect_error()),
        ErrorKind::Launch(LaunchError::new("qemu", io_error())),
        ErrorKind::HandshakeTimeout { waited: WAITED, advice: advice() },
        ErrorKind::HandshakeRefused(failure()),
        ErrorKind::HandshakeRefused(failure_of("expected a string")),
        ErrorKind::NotSent(refusal()),
        ErrorKind::Json(RawJson::parse("{").unwrap_err()),
        ErrorKind::DuplicateMember { name: "id".into() },
        ErrorKind::ErrorReply(failure()),
        ErrorKind::NoReply { waited: WAITED, advice: String::new() },
        ErrorKind::NoReply { waited: WAITED, advice: advice() },
        ErrorKind::NotSentInTime { waited: WAITED, refusal: refusal() },
        ErrorKind::TimedOut { waited: WAITED },
        ErrorKind::NoEvent { waited: WAITED, names: Vec::new() },
        ErrorKind::NoEvent { waited: WAITED, names: vec!["STOP".into(), "RESUME".into()] },
        ErrorKind::NoCommand { waited: WAITED },
        ErrorKind::NotReading { unsent: 1 },
        ErrorKind::TooManyUnanswered { unanswered: 1 },
        ErrorKind::Unanswered,
        ErrorKind::Disconnected { reason: CloseReason::Closed, sent: false },
        ErrorKind::Decode(decode_error()),
        ErrorKind::EventsLost { count: 7 },
        ErrorKind::TimeoutsUnsupported,
        ErrorKind::DescriptorsUnsupported,
        ErrorKind::StillConnected,
        ErrorKind::NoAddress,
    ];
    samples.extend(exits());
    assert_eq!(samples.iter().filter(|it| own.contains(&word(&format!("{it:?}")))).count(), 2);
    let source = "qmp-driver/src/error/kind.rs";
    check(source, "ErrorKind", ("ErrorKind", 1), samples, |kind| match kind {
        // The text of a command that was sent is that of the close reason.
        ErrorKind::Disconnected { .. } => {
            let reason = CloseReason::Closed;
            let kind = ErrorKind::Disconnected { reason, sent: false };
            let error = Error::new(kind).in_command("x").to_string();
            error.strip_prefix("x: ").unwrap().to_owned()
        }
        kind => kind.to_string(),
    });
}

/// The errors of two programs that exit.
fn exits() -> [ErrorKind; 2] {
    let launched = Launch::qemu("sh").spawn().unwrap();
    let mut process = launched.process;
    let exited = loop {
        match process.exit_report() {
            Some(exited) => break exited,
            None => std::thread::sleep(Duration::from_millis(5)),
        }
    };
    let address = Address::unix("/nowhere/at/all");
    let deadline = Deadline::after(WAITED * 30);
    let mut retry = ConnectRetry::new(address, deadline);
    let status = exited.status;
    let ended = loop {
        let _ = retry.try_connect();
        match retry.retry(|| Ok(Some(status))) {
            Err(RetryError::Ended(ended)) => break ended,
            other => other.unwrap(),
        }
    };
    [ErrorKind::ProcessExited(exited), ErrorKind::EndedEarly(ended)]
}

#[test]
fn close_reasons() {
    let samples = vec![
        CloseReason::Closed,
        CloseReason::ByUs,
        CloseReason::Protocol(ProtocolError::EndInsideMessage),
        CloseReason::Malformed("nonsense".into()),
        CloseReason::NotParsed(Arc::new(failure())),
        CloseReason::Handshake("no greeting".into()),
        CloseReason::Io(Arc::new(io_error())),
    ];
    let source = "qmp-driver/src/error/close_reason.rs";
    check(source, "CloseReason", ("CloseReason", 1), samples, display);
    let samples = vec![
        server::CloseReason::ByClient,
        server::CloseReason::ByUs,
        server::CloseReason::NotReading { unsent: 1 },
        server::CloseReason::NotJson("GET /".into()),
        server::CloseReason::Io(Arc::new(io_error())),
    ];
    let source = "qmp-driver/src/server/close_reason.rs";
    check(source, "CloseReason", ("CloseReason", 2), samples, display);
}

#[test]
fn reasons_not_to_send() {
    let phases = [
        Phase::Greeting,
        Phase::Greeted,
        Phase::Negotiating,
        Phase::Unsynced,
        Phase::Syncing,
        Phase::Ready,
        Phase::Ended,
    ];
    let mut samples: Vec<_> = phases.map(SendErrorKind::Phase).into();
    samples.extend([
        SendErrorKind::OtherDialect,
        SendErrorKind::TooManyInFlight { limit: 1 },
        SendErrorKind::TooManyBytesInFlight { limit: 4096 },
        SendErrorKind::HeldByAbandoned { oldest: request() },
        SendErrorKind::DescriptorInFlight,
        SendErrorKind::NotOffered,
        SendErrorKind::NoOutOfBand,
        SendErrorKind::InvalidName,
        SendErrorKind::Json(RawJson::parse("{").unwrap_err()),
        SendErrorKind::Unserializable("why".into()),
        SendErrorKind::TooLong,
        SendErrorKind::BufferFull,
        SendErrorKind::Greeted,
        SendErrorKind::NoEvents,
    ]);
    let source = "qmp-proto/src/request/send_error.rs";
    check(source, "SendErrorKind", ("SendErrorKind", 1), samples, display);
}

#[test]
fn json_errors() {
    let samples = vec![
        JsonErrorKind::Incomplete,
        JsonErrorKind::Syntax,
        JsonErrorKind::Trailing,
        JsonErrorKind::ControlCharacter,
        JsonErrorKind::Escape,
        JsonErrorKind::LoneSurrogate,
        JsonErrorKind::Utf8,
        JsonErrorKind::TooDeep { limit: 1 },
        JsonErrorKind::NotAnObject,
        JsonErrorKind::DuplicateMember,
        JsonErrorKind::Noncharacter,
        JsonErrorKind::ZeroExponent,
        JsonErrorKind::TooManyTokens,
        JsonErrorKind::TooManyMembers,
    ];
    let source = "qmp-proto/src/json/error.rs";
    check(source, "JsonErrorKind", ("JsonErrorKind", 1), samples, display);
}

#[test]
fn protocol_errors() {
    let samples = vec![
        ProtocolError::MessageTooLong { limit: 1 },
        ProtocolError::TooDeep { limit: 1 },
        ProtocolError::FramingLost,
        ProtocolError::ServerParseError,
        ProtocolError::NotAnAgent,
        ProtocolError::GreetsWithoutEnd { greetings: 3 },
        ProtocolError::EndInsideMessage,
        ProtocolError::EndInHandshake { phase: Phase::Greeting },
        ProtocolError::EndWithRequests { count: 1 },
        ProtocolError::EndWithRequests { count: 2 },
        ProtocolError::Ended,
    ];
    let source = "qmp-proto/src/client/end.rs";
    check(source, "ProtocolError", ("ProtocolError", 1), samples, display);
}

/// The sources of all error texts.
const SOURCES: [&str; 19] = [
    "qmp-driver/src/error/kind.rs",
    "qmp-driver/src/error/close_reason.rs",
    "qmp-driver/src/server/close_reason.rs",
    "qmp-driver/src/connection/deadlines.rs",
    "qmp-driver/src/connection/lifecycle.rs",
    "qmp-proto/src/request/send_error.rs",
    "qmp-proto/src/json/error.rs",
    "qmp-proto/src/client/end.rs",
    "qmp-proto/src/client/phase.rs",
    "qmp-proto/src/address/parse.rs",
    "qmp-proto/src/address/options.rs",
    "qmp-proto/src/message/raw_json.rs",
    "qmp-proto/src/address/mod.rs",
    "qmp-proto/src/typed/argument_error.rs",
    "qmp-sockets/src/advice.rs",
    "qmp-sockets/src/first_bytes.rs",
    "qmp-sockets/src/launch/error.rs",
    "qmp-sockets/src/connect_retry/mod.rs",
    "qmp-sockets/src/peer/mod.rs",
];

/// What these sources look for in the errors of serde.
const OF_SERDE: [&str; 3] = ["missing field `", "unknown field `", "a borrowed string"];

/// Returns the text literals of a source, with `…` in the place of what is filled in.
fn literals(source: &str) -> Vec<String> {
    let text = read(source);
    let code = text.split("mod tests {").next().unwrap();
    let lines = code.lines().filter(|line| !line.trim_start().starts_with("//"));
    let code: String = lines.flat_map(|line| [line, "\n"]).collect();
    let mut literals = Vec::new();
    let mut rest = code.as_str();
    while let Some(start) = rest.find('"') {
        rest = &rest[start + 1..];
        let mut literal = String::new();
        let mut chars = rest.char_indices();
        while let Some((at, char)) = chars.next() {
            match char {
                '"' => {
                    rest = &rest[at + 1..];
                    break;
                }
                '\\' => match chars.next() {
                    // The text goes on in the next line.
                    Some((at, '\n')) => {
                        let indent = rest[at + 1..].len() - rest[at + 1..].trim_start().len();
                        chars.by_ref().take(indent).for_each(|_| ());
                    }
                    Some((_, escaped)) => literal.push(escaped),
                    None => {}
                },
                '{' => {
                    literal.push(HOLE);
                    chars.by_ref().find(|(_, char)| *char == '}');
                }
                char => literal.push(char),
            }
        }
        literals.push(literal);
    }
    literals
}

/// Returns the fixed parts of a text that are long enough to be looked for.
fn parts(text: &str) -> Vec<&str> {
    let parts = text.split(HOLE).map(|part| part.trim_matches([' ', ';', ':', '.', '(', ')', ',']));
    parts.filter(|part| part.split_whitespace().count() >= 3).collect()
}

#[test]
fn each_text_of_the_sources_is_in_the_document_and_the_reverse() {
    let document: String =
        rows().iter().map(|row| format!("{}\n{}\n", row.text, row.when)).collect();
    let mut all = String::new();
    let mut missing = Vec::new();
    for source in SOURCES {
        for literal in literals(source) {
            missing.extend(
                parts(&literal)
                    .into_iter()
                    .filter(|part| !document.contains(part) && !OF_SERDE.contains(part))
                    .map(|part| format!("{source}: {part}")),
            );
            all.push_str(&literal);
            all.push('\n');
        }
    }
    assert!(missing.is_empty(), "not in the document: {missing:#?}");
    // Other tests compare these, or their text is made of several others.
    const OTHERS: [&str; 7] = [
        "ErrorKind",
        "CloseReason",
        "SendErrorKind",
        "JsonErrorKind",
        "ProtocolError",
        "Silent servers",
        "Decoding",
    ];
    let rows = rows();
    let unknown: Vec<_> = rows
        .iter()
        .filter(|row| !OTHERS.contains(&row.section.as_str()))
        .flat_map(|row| row.text.split("; "))
        .flat_map(|text| text.split(", or "))
        .flat_map(parts)
        .filter(|part| !all.contains(part))
        .collect();
    assert!(unknown.is_empty(), "in no source: {unknown:#?}");
}

//! Errors contain text from servers, guests, programs and processes. It has to be escaped when it
//! is displayed, so that it cannot control a terminal or forge a line in a log.

use std::collections::BTreeSet;
use std::fmt::Display;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{Address, Client, Options, OwnedFailure, Received, Request, SendErrorKind};

use crate::server;
use crate::{CloseReason, ConnectError, Error, ErrorKind};

const HOSTILE: &str = "\u{1b}[2J\u{7}\r\n2024 ERROR \u{7f}\u{9b}31m\u{202e}\u{200b}";
const WAITED: Duration = Duration::from_secs(1);

fn failure() -> OwnedFailure {
    let text = r"\u001b[2J\u0007\r\n2024 ERROR \u007f\u009b31m\u202e\u200b";
    let line = format!("{{\"error\": {{\"class\": \"{text}\u{9b}\", \"desc\": \"{text}\"}}}}\n");
    let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
    client.execute(&mut Vec::new(), Request::new("stop"), ()).unwrap();
    match client.handle_input(line.as_bytes()).unwrap().received {
        Some(Received::Reply(answer)) => answer.outcome.unwrap_err().into_owned(),
        other => panic!("{other:?}"),
    }
}

fn io_error() -> io::Error {
    io::Error::other(HOSTILE)
}

fn connect_error() -> ConnectError {
    ConnectError::new(&Address::unix(HOSTILE), io_error())
}

fn close_reasons() -> Vec<CloseReason> {
    vec![
        CloseReason::Closed,
        CloseReason::ByUs,
        CloseReason::Protocol(qmp_proto::ProtocolError::Ended),
        CloseReason::Malformed(HOSTILE.into()),
        CloseReason::NotParsed(Arc::new(failure())),
        CloseReason::Handshake(HOSTILE.into()),
        CloseReason::Io(Arc::new(io_error())),
    ]
}

fn server_close_reasons() -> Vec<server::CloseReason> {
    vec![
        server::CloseReason::ByClient,
        server::CloseReason::ByUs,
        server::CloseReason::NotReading { unsent: 1 },
        server::CloseReason::NotJson(HOSTILE.into()),
        server::CloseReason::Io(Arc::new(io_error())),
    ]
}

fn kinds() -> Vec<ErrorKind> {
    let json = qmp_proto::OwnedRawJson::parse(format!("\"{}\"", "\u{9b}\u{202e}")).unwrap();
    let mut causes = vec![
        ErrorKind::Address(format!("tcp:{HOSTILE}").parse::<Address>().unwrap_err()),
        ErrorKind::Connect(connect_error()),
        ErrorKind::HandshakeTimeout { waited: WAITED, advice: HOSTILE.into() },
        ErrorKind::HandshakeRefused(failure()),
        ErrorKind::NotSent(SendErrorKind::Unserializable(HOSTILE.into())),
        ErrorKind::Json(qmp_proto::RawJson::parse(HOSTILE).unwrap_err()),
        ErrorKind::DuplicateMember { name: HOSTILE.into() },
        ErrorKind::ErrorReply(failure()),
        ErrorKind::NoReply { waited: WAITED, advice: HOSTILE.into() },
        ErrorKind::NotSentInTime {
            waited: WAITED,
            refusal: SendErrorKind::Unserializable(HOSTILE.into()),
        },
        ErrorKind::NoEvent { waited: WAITED, names: vec![HOSTILE.into()] },
        ErrorKind::NoCommand { waited: WAITED },
        ErrorKind::TimedOut { waited: WAITED },
        ErrorKind::NotReading { unsent: 1 },
        ErrorKind::TooManyUnanswered { unanswered: 1 },
        ErrorKind::Unanswered,
        ErrorKind::Decode(json.as_json().decode::<u8>().unwrap_err()),
        ErrorKind::EventsLost { count: 1 },
        ErrorKind::TimeoutsUnsupported,
        ErrorKind::DescriptorsUnsupported,
        ErrorKind::StillConnected,
        ErrorKind::NoAddress,
    ];
    causes.extend(
        close_reasons().into_iter().map(|reason| ErrorKind::Disconnected { reason, sent: true }),
    );
    #[cfg(unix)]
    causes.push(ErrorKind::Launch(crate::LaunchError::new(HOSTILE, io_error())));
    causes
}

fn is_obeyed(char: char) -> bool {
    char.is_control() || matches!(char, '\u{202e}' | '\u{200b}')
}

fn assert_harmless(shown: &impl Display) {
    let shown = shown.to_string();
    assert!(!shown.contains(is_obeyed), "{}", shown.escape_debug());
}

#[test]
fn nothing_that_an_error_displays_is_obeyed_by_a_terminal() {
    close_reasons().iter().for_each(assert_harmless);
    server_close_reasons().iter().for_each(assert_harmless);
    kinds().iter().for_each(assert_harmless);
    for kind in kinds() {
        let error = Error::new(kind).in_command(HOSTILE).with_peer(&Arc::from(HOSTILE));
        assert_harmless(&error);
        assert_harmless(&format!("{error:?}"));
        assert!(error.to_string().contains("2024 ERROR"), "it is escaped, not left out");
    }
    assert_harmless(&connect_error());
}

#[test]
fn every_error_is_tried() {
    let names = |text: &str, from: &str| -> BTreeSet<String> {
        let variants = text.split_once(from).unwrap().1.split_once("\n}").unwrap().0;
        let lines = variants.lines().filter_map(|line| line.strip_prefix("    "));
        let lines = lines.filter(|line| line.starts_with(char::is_uppercase));
        lines.map(|line| word(line).to_owned()).collect()
    };
    let tried = |shown: Vec<String>| -> BTreeSet<String> {
        shown.iter().map(|shown| word(shown).to_owned()).collect()
    };
    let debug = kinds().iter().map(|kind| format!("{kind:?}")).collect();
    let mut all = names(include_str!("kind.rs"), "pub enum ErrorKind {");
    // `qmp-sockets` creates and tests these.
    assert!(all.remove("ProcessExited") && all.remove("EndedEarly"));
    assert_eq!(tried(debug), all);
    let debug = close_reasons().iter().map(|reason| format!("{reason:?}")).collect();
    assert_eq!(tried(debug), names(include_str!("close_reason.rs"), "pub enum CloseReason {"));
    let debug = server_close_reasons().iter().map(|reason| format!("{reason:?}")).collect();
    assert_eq!(
        tried(debug),
        names(include_str!("../server/close_reason.rs"), "pub enum CloseReason {")
    );

    let known = ["ErrorKind", "CloseReason", "Error", "CloseReason"];
    for name in declared(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/src"))) {
        assert!(known.contains(&&*name), "what `Display` of {name} shows is not tried");
    }
}

fn word(text: &str) -> &str {
    text.split(|char: char| !char.is_alphanumeric()).next().unwrap_or_default()
}

/// Returns the types in the sources that implement `Display`.
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
                names.insert(word(rest).to_owned());
            }
        }
    }
    names
}

//! What is told to `tracing`.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[path = "peer/peer.rs"]
#[allow(dead_code)]
mod peer;

use std::io;
use std::sync::{Arc, Mutex};

use tracing_subscriber::fmt::MakeWriter;
use tracing_subscriber::fmt::format::FmtSpan;

/// Everything that was written.
#[derive(Clone, Default)]
struct Text(Arc<Mutex<Vec<u8>>>);

impl Text {
    fn lines(&self) -> Vec<String> {
        let text = String::from_utf8(self.0.lock().unwrap().clone()).unwrap();
        text.lines().map(str::to_owned).collect()
    }
}

impl io::Write for Text {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'w> MakeWriter<'w> for Text {
    type Writer = Self;

    fn make_writer(&'w self) -> Self {
        self.clone()
    }
}

/// What is told at this level while a client talks to a server.
fn told(level: tracing::Level) -> Vec<String> {
    let text = Text::default();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(level)
        .with_ansi(false)
        .without_time()
        .with_span_events(FmtSpan::CLOSE)
        .with_writer(text.clone())
        .finish();
    tracing::subscriber::with_default(subscriber, || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(talk());
    });
    text.lines()
}

async fn talk() {
    let client = peer::connect(|mut peer| {
        let first = peer.receive().unwrap();
        peer.answer(&first, "{}");
        let second = peer.receive().unwrap();
        let id = peer::id(&second);
        let desc = "no\\u001b[2J\\r\\n INFO forged \u{9b}\u{202e}";
        peer.send(&format!(
            "{{\"id\": {id}, \"error\": {{\"class\": \"GenericError\", \"desc\": \"{desc}\"}}}}\r\n"
        ));
    })
    .await;
    let secret = client.execute("object-add").argument("qom-type", "secret");
    secret.argument("data", "hunter2").await.unwrap();
    client.execute("stop").await.unwrap_err();
    client.closed().await;
}

/// The one line that has all of these.
fn line<'l>(lines: &'l [String], parts: &[&str]) -> &'l str {
    let found: Vec<_> =
        lines.iter().filter(|line| parts.iter().all(|part| line.contains(part))).collect();
    assert_eq!(found.len(), 1, "{parts:?} in {lines:#?}");
    found[0]
}

#[test]
fn spans_errors_and_the_wire_are_told_and_secrets_are_not() {
    let lines = told(tracing::Level::TRACE);
    line(&lines, &["INFO qmp::connection: ready", "peer"]);
    line(&lines, &["INFO qmp::connection: ended", "reason=the server closed"]);
    line(&lines, &["DEBUG command{command=\"stop\" peer=\"peer\"}: qmp::command: failed", "no"]);
    line(&lines, &["DEBUG command{command=\"object-add\"", "answered"]);
    line(&lines, &["DEBUG command{command=\"object-add\"", "close"]);
    line(&lines, &["TRACE", "qmp::wire", "direction=Received", "\"QMP\""]);
    line(&lines, &["TRACE", "qmp::wire", "direction=Sent", "object-add", "\"secret\""]);
    assert!(lines.iter().all(|line| !line.contains("hunter2")), "{lines:#?}");
    let failed = line(&lines, &["qmp::command: failed"]);
    assert!(failed.contains(r"no\u{1b}[2J\r\n INFO forged \u{9b}\u{202e}"), "{failed}");
    let obeyed = |char: char| char.is_control() || char == '\u{202e}';
    assert!(lines.iter().all(|line| !line.contains(obeyed)), "{lines:#?}");
}

#[test]
fn the_wire_is_told_at_its_level_only() {
    let lines = told(tracing::Level::DEBUG);
    assert!(lines.iter().all(|line| !line.contains("qmp::wire")), "{lines:#?}");
    let lines = told(tracing::Level::INFO);
    assert_eq!(lines.len(), 2, "the beginning and the end: {lines:#?}");
}

//! A scripted peer.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

pub(super) const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 9}, \
     \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n";

/// The peer's end. Every method returns `None` once the connection is closed.
pub(super) struct Wire {
    stream: UnixStream,
    unread: Vec<u8>,
    /// Set when the user has seen what it must see.
    enough: Arc<AtomicBool>,
}

impl Wire {
    pub(super) const fn new(stream: UnixStream, enough: Arc<AtomicBool>) -> Self {
        Self { stream, unread: Vec::new(), enough }
    }

    pub(super) fn say(&mut self, bytes: impl AsRef<[u8]>) -> Option<()> {
        self.stream.write_all(bytes.as_ref()).ok()
    }

    /// Sends the bytes this number of times.
    pub(super) fn repeat(&mut self, bytes: &[u8], times: usize) -> Option<()> {
        (0..times).try_for_each(|_| self.say(bytes))
    }

    /// Sends the bytes repeatedly until `enough` is set.
    pub(super) fn forever(&mut self, bytes: impl AsRef<[u8]>) -> Option<()> {
        while !self.enough.load(Ordering::Relaxed) {
            self.say(&bytes)?;
        }
        Some(())
    }

    /// Sends the text byte by byte, until its end or until `enough` is set.
    pub(super) fn drip(&mut self, text: &str, pause: Duration) -> Option<()> {
        for byte in text.bytes() {
            if self.enough.load(Ordering::Relaxed) {
                break;
            }
            self.say([byte])?;
            thread::sleep(pause);
        }
        Some(())
    }

    /// Neither reads nor writes until `enough` is set.
    pub(super) fn idle(&self) {
        while !self.enough.load(Ordering::Relaxed) {
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns the next message.
    pub(super) fn receive(&mut self) -> Option<Value> {
        loop {
            if let Some(message) = self.take_message() {
                return Some(message);
            }
            let mut chunk = [0; 16 * 1024];
            let count = self.stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    fn take_message(&mut self) -> Option<Value> {
        // A long message arrives in many parts; it is not parsed after each.
        if !self.unread.trim_ascii_end().ends_with(b"}") {
            return None;
        }
        let start = self.unread.iter().position(|&byte| byte == b'{')?;
        let mut messages =
            Deserializer::from_slice(&self.unread[start..]).into_iter::<IgnoredAny>();
        messages.next()?.ok()?;
        let end = start + messages.byte_offset();
        let message = serde_json::from_slice(&self.unread[start..end]).unwrap();
        self.unread.drain(..end);
        Some(message)
    }

    /// As a server: greets and answers the negotiation.
    pub(super) fn greet(&mut self) -> Option<()> {
        self.say(GREETING)?;
        let negotiation = self.receive()?;
        self.answer(&negotiation, "{}")
    }

    /// As an agent: answers the sync.
    pub(super) fn sync(&mut self) -> Option<()> {
        let sync = self.receive()?;
        self.say(b"\xff")?;
        self.answer(&sync, &sync["id"].to_string())
    }

    /// As a server: returns the id of the next command.
    pub(super) fn id(&mut self) -> Option<Value> {
        self.receive().map(|mut message| message["id"].take())
    }

    pub(super) fn answer(&mut self, message: &Value, value: &str) -> Option<()> {
        self.say(format!("{{\"return\": {value}, \"id\": {}}}\r\n", message["id"]))
    }

    /// As a server: answers every command with the number in its arguments.
    pub(super) fn echo(&mut self) -> Option<()> {
        loop {
            let message = self.receive()?;
            let number = message["arguments"]["number"].to_string();
            self.answer(&message, &number)?;
        }
    }

    /// As a client: negotiates with these arguments.
    pub(super) fn negotiate(&mut self, arguments: &str) -> Option<()> {
        self.receive()?.get("QMP")?;
        self.say(format!("{{\"execute\": \"qmp_capabilities\"{arguments}}}"))?;
        self.receive()?.get("return").map(drop)
    }

    /// As a client: returns the text of the next error.
    pub(super) fn error(&mut self) -> Option<String> {
        Some(self.receive()?["error"]["desc"].as_str()?.to_owned())
    }

    /// As a client: sends one more command and waits for its reply, skipping earlier replies.
    pub(super) fn stop(&mut self) -> Option<()> {
        self.say("{\"execute\": \"stop\", \"id\": 7}")?;
        while self.receive()?["id"] != 7 {}
        Some(())
    }
}

//! A scripted server at the other end of a socket pair.

mod greetings;
mod turns;

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

pub use greetings::*;
pub use turns::*;

const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 9}, \
     \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n";

/// The server's end.
pub(super) struct Script {
    stream: UnixStream,
    unread: Vec<u8>,
}

/// Runs a server in a thread of its own, and returns the client's end. The server's end is closed
/// when the thread's closure returns.
pub(super) fn serve<T: Send + 'static>(
    script: impl FnOnce(&mut Script) -> T + Send + 'static,
) -> (UnixStream, JoinHandle<T>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || script(&mut Script { stream: theirs, unread: Vec::new() }));
    (ours, server)
}

impl Script {
    /// Sends text unchanged; ignores a client that has disconnected.
    pub(super) fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes());
    }

    /// Returns the next message of the client, or `None` once it has disconnected.
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
        let start = self.unread.iter().position(|&byte| byte == b'{')?;
        let mut messages =
            Deserializer::from_slice(&self.unread[start..]).into_iter::<IgnoredAny>();
        messages.next()?.ok()?;
        let end = start + messages.byte_offset();
        let message = serde_json::from_slice(&self.unread[start..end]).unwrap();
        self.unread.drain(..end);
        Some(message)
    }

    /// Waits until the client has disconnected.
    pub(super) fn wait_for_end(&mut self) {
        while self.receive().is_some() {}
    }

    pub(super) fn answer(&mut self, message: &Value, value: &str) {
        self.send(&format!("{{\"return\": {value}, \"id\": {}}}\r\n", message["id"]));
    }

    pub(super) fn answer_sync(&mut self, sync: &Value) {
        let _ = self.stream.write_all(b"\xff");
        self.answer(sync, &sync["id"].to_string());
    }

    /// Greets and answers the negotiation.
    pub(super) fn greet(&mut self) {
        self.send(GREETING);
        let negotiation = self.receive().unwrap();
        assert_eq!(negotiation["execute"], "qmp_capabilities");
        self.answer(&negotiation, "{}");
    }

    /// Answers every command with the number in its arguments, until the client disconnects.
    pub(super) fn echo(&mut self) {
        while let Some(message) = self.receive() {
            self.answer(&message, &message["arguments"]["number"].to_string());
        }
    }
}

//! A scripted server at the other end of a socket pair.

mod agent_window;
mod greetings;
mod late_reading;
mod neighbours;
mod storm;
mod storm_of_threads;
mod turns;

use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use serde::de::IgnoredAny;
use serde_json::{Deserializer, Value};

pub use agent_window::*;
pub use greetings::*;
pub use late_reading::*;
pub use neighbours::*;
pub use storm::*;
pub use storm_of_threads::*;
pub use turns::*;

const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \"major\": 9}, \
     \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n";

/// The server's end.
pub(super) struct Script {
    stream: UnixStream,
    unread: Vec<u8>,
    ended: bool,
}

/// Runs a server in a thread of its own, and returns the client's end. The server's end is closed
/// when the thread's closure returns.
pub(super) fn serve<T: Send + 'static>(
    script: impl FnOnce(&mut Script) -> T + Send + 'static,
) -> (UnixStream, JoinHandle<T>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let server = thread::spawn(move || script(&mut Script::over(theirs)));
    (ours, server)
}

impl Script {
    pub(super) const fn over(stream: UnixStream) -> Self {
        Self { stream, unread: Vec::new(), ended: false }
    }

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
            let count = match self.stream.read(&mut chunk) {
                Ok(count @ 1..) => count,
                Err(error) if is_timeout(&error) => return None,
                Ok(0) | Err(_) => {
                    self.ended = true;
                    return None;
                }
            };
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    /// The next message, if it comes in time.
    pub(super) fn receive_within(&mut self, limit: Duration) -> Option<Value> {
        if let Some(message) = self.take_message() {
            return Some(message);
        }
        self.stream.set_read_timeout(Some(limit)).unwrap();
        let message = self.receive();
        self.stream.set_read_timeout(None).unwrap();
        message
    }

    /// Whether the client has left.
    pub(super) const fn has_ended(&self) -> bool {
        self.ended
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

    /// Answers a command with the number in it.
    pub(super) fn answer_with_number(&mut self, message: &Value) {
        self.answer(message, &message["arguments"]["number"].to_string());
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
            self.answer_with_number(&message);
        }
    }
}

fn is_timeout(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut)
}

//! A scripted client.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use qmp_driver::Runtime;
use serde_json::Value;

/// The client's end of a connection, for code that may block.
pub(super) struct Raw {
    pub(super) socket: UnixStream,
    unread: Vec<u8>,
}

/// Runs a client in a thread of its own.
pub(super) async fn as_client<R: Runtime, T: Send + 'static>(
    socket: UnixStream,
    run: impl FnOnce(&mut Raw) -> T + Send + 'static,
) -> T {
    R::default().unblock(move || run(&mut Raw { socket, unread: Vec::new() })).await
}

impl Raw {
    pub(super) fn send(&mut self, text: &str) {
        self.socket.write_all(text.as_bytes()).unwrap();
    }

    /// Reads the greeting and negotiates.
    pub(super) fn negotiate(&mut self, arguments: &str) {
        assert!(self.receive().unwrap().get("QMP").is_some());
        self.send(&format!("{{\"execute\": \"qmp_capabilities\"{arguments}}}"));
        assert_eq!(self.receive().unwrap()["return"], serde_json::json!({}));
    }

    /// Returns the next message, or `None` at the end.
    pub(super) fn receive(&mut self) -> Option<Value> {
        loop {
            if let Some(end) = self.unread.iter().position(|byte| *byte == b'\n') {
                let line: Vec<_> = self.unread.drain(..=end).collect();
                return Some(serde_json::from_slice(&line).unwrap());
            }
            let mut chunk = [0; 64 * 1024];
            let count = self.socket.read(&mut chunk).unwrap_or(0);
            if count == 0 {
                assert!(self.unread.is_empty(), "half a message");
                return None;
            }
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    /// Returns the text of the next error.
    pub(super) fn error(&mut self) -> String {
        let message = self.receive().unwrap();
        message["error"]["desc"].as_str().unwrap().to_owned()
    }

    pub(super) fn end_output(&mut self) {
        self.socket.shutdown(Shutdown::Write).unwrap();
    }
}

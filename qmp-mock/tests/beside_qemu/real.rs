//! A real QEMU, with its unchanged bytes.

use std::io::{Read, Write};
use std::net::Shutdown;
use std::os::unix::net::UnixStream;

use conformance::server::{PLENTY, Server};

pub(crate) const NEGOTIATE: &str = r#"{"execute":"qmp_capabilities","id":"ready"}"#;
pub(crate) const NEGOTIATE_OOB: &str =
    r#"{"execute":"qmp_capabilities","arguments":{"enable":["oob"]},"id":"ready"}"#;
const READY: &str = r#"{"return": {}, "id": "ready"}"#;

/// A connection to a monitor, after the negotiation.
pub(crate) struct Real {
    socket: UnixStream,
    unread: Vec<u8>,
}

impl Real {
    pub(crate) fn connect(server: &mut Server, negotiation: &str) -> Self {
        Self::over(server.stream(), negotiation)
    }

    /// Connects to another of its monitors.
    pub(crate) fn over(socket: UnixStream, negotiation: &str) -> Self {
        socket.set_read_timeout(Some(PLENTY)).unwrap();
        let mut real = Self { socket, unread: Vec::new() };
        // Replies to the previous client may come first.
        real.lines_until("{\"QMP\"");
        real.send(negotiation);
        assert_eq!(real.lines_until("\"ready\"").pop().unwrap(), READY);
        real
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.socket.write_all(bytes.as_ref()).unwrap();
    }

    /// Returns the next message, or `None` at the end.
    pub(crate) fn line(&mut self) -> Option<String> {
        loop {
            if let Some(end) = self.unread.iter().position(|&byte| byte == b'\n') {
                let line: Vec<u8> = self.unread.drain(..=end).collect();
                return Some(String::from_utf8(line).unwrap().trim_end().to_owned());
            }
            let mut chunk = [0; 64 * 1024];
            // A server that leaves input unread resets the connection.
            let count = self.socket.read(&mut chunk).unwrap_or(0);
            if count == 0 {
                return None;
            }
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    /// Returns the messages up to and including the first one that contains this text.
    pub(crate) fn lines_until(&mut self, marker: &str) -> Vec<String> {
        let mut lines = Vec::new();
        loop {
            let line = self.line().expect("the server has left");
            let last = line.contains(marker);
            lines.push(line);
            if last {
                return lines;
            }
        }
    }

    pub(crate) fn shut_down(&self, how: Shutdown) {
        self.socket.shutdown(how).unwrap();
    }
}

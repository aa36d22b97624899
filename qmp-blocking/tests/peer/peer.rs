//! The other end.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use qmp_blocking::{Builder, Client, Error, Socket};

/// More than anything takes, on a machine that is busy with something else.
pub(crate) const PLENTY: Duration = Duration::from_secs(30);

pub(crate) const GREETING: &str = "{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 0, \"minor\": 2, \
     \"major\": 9}, \"package\": \"\"}, \"capabilities\": [\"oob\"]}}\r\n";

/// What a server does.
#[derive(Debug)]
pub(crate) struct Peer {
    stream: UnixStream,
    unread: Vec<u8>,
}

impl Peer {
    pub(crate) const fn new(stream: UnixStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next message of the client, without the sentinel and the line end.
    pub(crate) fn receive(&mut self) -> String {
        let message = self.try_receive();
        message.unwrap_or_else(|| panic!("the client has left"))
    }

    /// The same, if the client has not left.
    pub(crate) fn try_receive(&mut self) -> Option<String> {
        loop {
            if let Some(message) = self.take_message() {
                return Some(message);
            }
            let mut chunk = [0; 65536];
            let count = self.stream.read(&mut chunk).unwrap();
            if count == 0 {
                return None;
            }
            self.unread.extend_from_slice(&chunk[..count]);
        }
    }

    fn take_message(&mut self) -> Option<String> {
        // Long messages come in many parts, and are not looked at after each.
        if !self.unread.trim_ascii_end().ends_with(b"}") {
            return None;
        }
        let start = self.unread.iter().position(|&byte| byte == b'{')?;
        let mut messages = serde_json::Deserializer::from_slice(&self.unread[start..])
            .into_iter::<serde::de::IgnoredAny>();
        messages.next()?.ok()?;
        let end = start + messages.byte_offset();
        let message = String::from_utf8(self.unread[start..end].to_vec()).unwrap();
        self.unread.drain(..end);
        Some(message)
    }

    /// Sends text as it is.
    pub(crate) fn send(&mut self, text: &str) {
        self.stream.write_all(text.as_bytes()).unwrap();
    }

    /// Answers a message.
    pub(crate) fn answer(&mut self, message: &str, value: &str) {
        let id = id(message);
        self.send(&format!("{{\"return\": {value}, \"id\": {id}}}\r\n"));
    }

    /// Greets, and answers the negotiation.
    pub(crate) fn greet(&mut self) {
        self.send(GREETING);
        let negotiation = self.receive();
        assert!(negotiation.contains("qmp_capabilities"), "{negotiation}");
        self.answer(&negotiation, "{}");
    }

    /// Answers the sync of an agent.
    pub(crate) fn sync(&mut self) {
        let sync = self.receive();
        let number = id(&sync);
        self.stream.write_all(b"\xff").unwrap();
        self.send(&format!("{{\"return\": {number}, \"id\": {number}}}\n"));
    }

    pub(crate) const fn stream(&mut self) -> &mut UnixStream {
        &mut self.stream
    }
}

/// The id in a message.
pub(crate) fn id(message: &str) -> String {
    let message: serde_json::Value = serde_json::from_str(message).unwrap();
    message["id"].to_string()
}

/// Both ends of a connection: ours, and what a thread does with the other, closed at its end.
pub(crate) fn pair(server: impl FnOnce(Peer) + Send + 'static) -> (Socket, thread::JoinHandle<()>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let peer = Peer::new(theirs);
    (ours.into(), thread::spawn(move || server(peer)))
}

/// A connection that is ready, to a server that goes on like this.
pub(crate) fn connect(server: impl FnOnce(Peer) + Send + 'static) -> Client {
    connect_with(qmp_blocking::builder(), server)
}

pub(crate) fn connect_with(builder: Builder, server: impl FnOnce(Peer) + Send + 'static) -> Client {
    let (socket, _) = pair(|mut peer| {
        peer.greet();
        server(peer);
    });
    builder.connect_over(socket, "peer").unwrap()
}

/// What a handshake with a server comes to.
pub(crate) fn handshake(
    builder: Builder,
    server: impl FnOnce(Peer) + Send + 'static,
) -> Result<Client, Error> {
    builder.connect_over(pair(server).0, "peer")
}

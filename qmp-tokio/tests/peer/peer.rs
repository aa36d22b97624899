//! The other end.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::thread;
use std::time::Duration;

use qmp_tokio::{Builder, Client, SocketTransport, Tokio};

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
    pub(crate) const fn over(stream: UnixStream) -> Self {
        Self { stream, unread: Vec::new() }
    }

    /// The next message of the client, without the sentinel and the line end; `None` once it has
    /// left.
    pub(crate) fn receive(&mut self) -> Option<String> {
        loop {
            if let Some(message) = self.take_message() {
                return Some(message);
            }
            self.read()?;
        }
    }

    /// The same, of at least so many bytes: it is not looked at before.
    pub(crate) fn receive_long(&mut self, length: usize) -> Option<String> {
        while self.unread.len() < length {
            self.read()?;
        }
        self.receive()
    }

    fn read(&mut self) -> Option<()> {
        let mut chunk = [0; 65536];
        let count = self.stream.read(&mut chunk).ok().filter(|count| *count > 0)?;
        self.unread.extend_from_slice(&chunk[..count]);
        Some(())
    }

    fn take_message(&mut self) -> Option<String> {
        let start = self.unread.iter().position(|&byte| byte == b'{')?;
        let mut messages = serde_json::Deserializer::from_slice(&self.unread[start..])
            .into_iter::<serde::de::IgnoredAny>();
        messages.next()?.ok()?;
        let end = start + messages.byte_offset();
        let message = String::from_utf8(self.unread[start..end].to_vec()).unwrap();
        self.unread.drain(..end);
        Some(message)
    }

    /// The messages that the next read brings.
    pub(crate) fn receive_at_once(&mut self) -> Vec<String> {
        let mut messages: Vec<_> = self.receive().into_iter().collect();
        while let Some(message) = self.take_message() {
            messages.push(message);
        }
        messages
    }

    /// Sends text as it is, if the client is still there.
    pub(crate) fn send(&mut self, text: &str) {
        let _ = self.stream.write_all(text.as_bytes());
    }

    /// Answers a message.
    pub(crate) fn answer(&mut self, message: &str, value: &str) {
        self.send(&answer_to(message, value));
    }

    /// Greets, and answers the negotiation.
    pub(crate) fn greet(&mut self) {
        self.send(GREETING);
        let negotiation = self.receive().unwrap();
        assert!(negotiation.contains("qmp_capabilities"), "{negotiation}");
        self.answer(&negotiation, "{}");
    }

    /// Answers the sync of an agent.
    pub(crate) fn sync(&mut self) {
        let sync = self.receive().unwrap();
        self.answer_sync(&sync);
    }

    pub(crate) fn answer_sync(&mut self, sync: &str) {
        let number = id(sync);
        self.stream.write_all(b"\xff").unwrap();
        self.send(&format!("{{\"return\": {number}, \"id\": {number}}}\n"));
    }

    /// Answers every message with the number that it names, until the client leaves.
    pub(crate) fn echo(mut self) {
        while let Some(message) = self.receive() {
            let value: serde_json::Value = serde_json::from_str(&message).unwrap();
            self.answer(&message, &value["arguments"]["number"].to_string());
        }
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

pub(crate) fn answer_to(message: &str, value: &str) -> String {
    format!("{{\"return\": {value}, \"id\": {}}}\r\n", id(message))
}

pub(crate) fn event(name: &str, number: usize) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"{name}\", \
         \"data\": {{\"number\": {number}}}}}\r\n"
    )
}

/// What a thread does with the other end, which is closed when it is done; and ours.
pub(crate) fn pair(server: impl FnOnce(Peer) + Send + 'static) -> SocketTransport {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let peer = Peer::over(theirs);
    thread::spawn(move || server(peer));
    SocketTransport::new(ours).unwrap()
}

/// A client that is ready, of a server that goes on like this.
pub(crate) async fn connect(server: impl FnOnce(Peer) + Send + 'static) -> Client {
    connect_with(qmp_tokio::builder(), server).await
}

pub(crate) async fn connect_with(
    builder: Builder<Tokio>,
    server: impl FnOnce(Peer) + Send + 'static,
) -> Client {
    let transport = pair(|mut peer| {
        peer.greet();
        server(peer);
    });
    builder.connect_over(transport, "peer").await.unwrap()
}

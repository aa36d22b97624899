//! Messages from a client, and the files that come with them.

use std::collections::VecDeque;
use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::{Deserializer, Value};

/// The server's end of a connection.
#[derive(Debug)]
pub(super) struct Stream {
    stream: UnixStream,
    unread: Vec<u8>,
    /// In the order in which they came.
    pub(super) descriptors: VecDeque<OwnedFd>,
}

impl Stream {
    pub(super) const fn new(stream: UnixStream) -> Self {
        Self { stream, unread: Vec::new(), descriptors: VecDeque::new() }
    }

    /// The messages that are whole with the next read; none once the client has left.
    pub(super) fn receive(&mut self) -> Option<Vec<Value>> {
        let mut bytes = [0; 65536];
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut files = RecvAncillaryBuffer::new(&mut space);
        let mut into = [IoSliceMut::new(&mut bytes)];
        let received = recvmsg(&self.stream, &mut into, &mut files, RecvFlags::CMSG_CLOEXEC);
        let count = received.map_or(0, |received| received.bytes);
        for message in files.drain() {
            if let RecvAncillaryMessage::ScmRights(rights) = message {
                self.descriptors.extend(rights);
            }
        }
        self.unread.extend_from_slice(&bytes[..count]);
        (count > 0).then(|| self.messages())
    }

    fn messages(&mut self) -> Vec<Value> {
        // An agent's sentinel is before the first.
        let start = self.unread.iter().position(|&byte| byte == b'{').unwrap_or(self.unread.len());
        let mut values = Deserializer::from_slice(&self.unread[start..]).into_iter();
        let mut messages = Vec::new();
        let mut end = start;
        loop {
            match values.next() {
                Some(Ok(message)) => messages.push(message),
                Some(Err(error)) if error.is_eof() => break,
                Some(Err(error)) => panic!("{error}: {}", self.unread.escape_ascii()),
                None => break,
            }
            end = start + values.byte_offset();
        }
        self.unread.drain(..end);
        messages
    }

    /// Sends it, if the client is still there.
    pub(super) fn send(&mut self, bytes: &[u8]) {
        let _ = self.stream.write_all(bytes);
    }
}

impl Drop for Stream {
    /// Hangs up, whoever else has it open.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

//! The protocol, which is the server half's of `qmp-proto`.

use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use qmp_driver::qmp_proto::server::{Received, Response, Server, Session, Ticket};
use qmp_driver::qmp_proto::{OwnedJson, Timestamp};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;

/// What a server knows and does.
pub(super) trait Role: Send + 'static {
    /// How it speaks with a client that comes.
    fn server(&self) -> Server<OwnedFd>;

    /// Runs a command.
    fn execute(&mut self, name: &str, arguments: &Value, ticket: &mut Ticket<OwnedFd>) -> Done;

    /// Whether that was the last one.
    fn has_quit(&self) -> bool {
        false
    }
}

/// What a command came to.
#[derive(Debug)]
pub(super) struct Done {
    /// What is told before the answer.
    pub(super) event: Option<(&'static str, Option<Value>)>,
    pub(super) response: Response<'static>,
}

impl Done {
    pub(super) fn value(value: &Value) -> Self {
        Response::value(value).unwrap().into()
    }
}

impl From<Response<'static>> for Done {
    fn from(response: Response<'static>) -> Self {
        Self { event: None, response }
    }
}

/// The server's end of a connection.
#[derive(Debug)]
pub(super) struct Connection {
    stream: UnixStream,
    session: Session<OwnedFd>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, server: Server<OwnedFd>) -> Self {
        let mut connection = Self { stream, session: Session::new(server) };
        connection.send();
        connection
    }

    /// Reads what there is, or waits for something. Says whether the client is still there.
    pub(super) fn read(&mut self) -> bool {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut files = RecvAncillaryBuffer::new(&mut space);
        let mut room = [IoSliceMut::new(self.session.room())];
        let received = recvmsg(&self.stream, &mut room, &mut files, RecvFlags::CMSG_CLOEXEC);
        let count = received.map_or(0, |received| received.bytes);
        let file = files.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
            _ => None,
        });
        match file {
            Some(file) => self.session.filled_with(count, file),
            None => self.session.filled(count),
        }
        count > 0
    }

    /// Answers what has been read.
    pub(super) fn answer(&mut self, role: &mut impl Role) {
        while let Some((received, mut sender)) = self.session.receive() {
            let Received::Command(command, mut ticket) = received else {
                continue;
            };
            let arguments = command.decode().unwrap();
            let done = role.execute(command.name(), &arguments, &mut ticket);
            if let Some((name, data)) = done.event {
                let data = data.map(|data| OwnedJson::serialize(&data).unwrap());
                let data = data.as_ref().map(OwnedJson::as_json);
                sender.emit(name, Timestamp::new(1_700_000_000, 5), data).unwrap();
            }
            sender.answer(ticket, &done.response).unwrap();
            if role.has_quit() {
                break;
            }
        }
        self.send();
    }

    /// Sends what there is to send, if the client is still there.
    fn send(&mut self) {
        while let Some(outgoing) = self.session.outgoing() {
            let count = outgoing.bytes.len();
            let _ = self.stream.write_all(outgoing.bytes);
            self.session.sent(count);
        }
    }
}

impl Drop for Connection {
    /// Hangs up, whoever else has it open.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

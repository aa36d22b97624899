//! The protocol, implemented by the server half of `qmp-proto`.

use std::io::{IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::net::Shutdown;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;

use qmp_driver::qmp_proto::server::{Received, Response, Server, Session, Ticket};
use qmp_driver::qmp_proto::{OwnedRawJson, Timestamp};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};
use serde_json::Value;

/// The behaviour of a server.
pub(super) trait Role: Send + 'static {
    /// Creates the protocol state for a new client.
    fn server(&self) -> Server;

    /// Executes a command, which may take the last received file descriptor.
    fn execute(
        &mut self,
        name: &str,
        arguments: &Value,
        ticket: &Ticket,
        file: &mut Option<OwnedFd>,
    ) -> Done;

    /// Whether that command ended the server.
    fn has_quit(&self) -> bool {
        false
    }
}

/// The result of a command.
#[derive(Debug)]
pub(super) struct Done {
    /// Events that are sent before the reply.
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
    session: Session,
    /// The last received file descriptor, until a command takes it.
    file: Option<OwnedFd>,
}

impl Connection {
    pub(super) fn new(stream: UnixStream, server: Server) -> Self {
        let mut connection = Self { stream, session: Session::new(server), file: None };
        connection.send();
        connection
    }

    /// Reads available input, or waits. Returns whether the client is still connected.
    pub(super) fn read(&mut self) -> bool {
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
        let mut files = RecvAncillaryBuffer::new(&mut space);
        let mut room = [IoSliceMut::new(self.session.spare_mut())];
        let received = recvmsg(&self.stream, &mut room, &mut files, RecvFlags::CMSG_CLOEXEC);
        let count = received.map_or(0, |received| received.bytes);
        let file = files.drain().find_map(|message| match message {
            RecvAncillaryMessage::ScmRights(mut rights) => rights.next(),
            _ => None,
        });
        self.file = file.or_else(|| self.file.take());
        self.session.advance(count);
        count > 0
    }

    /// Answers the commands that were read.
    pub(super) fn answer(&mut self, role: &mut impl Role) {
        while let Some((received, mut sender)) = self.session.receive() {
            let Received::Command(command, ticket) = received else {
                continue;
            };
            let arguments = command.decode().unwrap();
            let done = role.execute(command.name(), &arguments, &ticket, &mut self.file);
            if let Some((name, data)) = done.event {
                let data = data.map(|data| OwnedRawJson::serialize(&data).unwrap());
                let data = data.as_ref().map(OwnedRawJson::as_json);
                sender.emit(name, Timestamp::new(1_700_000_000, 5), data).unwrap();
            }
            sender.answer(ticket, &done.response).unwrap();
            if role.has_quit() {
                break;
            }
        }
        self.send();
    }

    /// Sends buffered output if the client is still connected.
    fn send(&mut self) {
        while let Some(outgoing) = self.session.output_chunk() {
            let count = outgoing.bytes.len();
            let _ = self.stream.write_all(outgoing.bytes);
            self.session.advance_output(count);
        }
    }
}

impl Drop for Connection {
    /// Shuts the socket down, even if there are duplicates of it.
    fn drop(&mut self) {
        let _ = self.stream.shutdown(Shutdown::Both);
    }
}

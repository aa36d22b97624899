//! A command to be answered.

use std::fmt;
use std::sync::Arc;

use crate::Error;
use qmp_proto::server::{Command, Response, Ticket};
use qmp_proto::{ArgumentError, DecodeError, ErrorClass, RawJson};
use serde::{Deserialize, Serialize};

use crate::server::connection::Connection;
use crate::server::connection::machine::Queued;

/// A command of a client, which can be answered from any task and in any order.
///
/// If it is dropped without an answer, the client gets an error reply.
///
/// Answering after the connection has ended is not an error: the reply is discarded.
/// [`ClientConnection`](crate::server::ClientConnection) reports the end.
#[must_use = "dropped, the command is answered with an error"]
pub struct Request {
    connection: Arc<Connection>,
    command: Command<'static>,
    /// Taken by the reply.
    ticket: Option<Ticket>,
    /// How many bytes of the stream had been received at its end.
    #[cfg_attr(not(unix), allow(dead_code))]
    end: u64,
}

impl Request {
    pub(super) fn new(connection: Arc<Connection>, queued: Queued) -> Self {
        let Queued { command, ticket, end } = queued;
        Self { connection, command, ticket: Some(ticket), end }
    }

    /// Returns the command's name. The client may send any text.
    pub fn name(&self) -> &str {
        self.command.name()
    }

    /// Returns the arguments, an object, if there are any.
    pub fn arguments(&self) -> Option<RawJson<'_>> {
        self.command.arguments()
    }

    /// Checks the arguments and decodes them as those of a typed command, which may borrow from this;
    /// none count as `{}`. The name is not looked at.
    ///
    /// # Errors
    ///
    /// Returns an error in QEMU's words, for [`return_error`](Self::return_error), if the arguments do not
    /// fit the command.
    ///
    /// ```
    /// # use qmp_driver::{Command, ErrorClass, server::Request};
    /// #[derive(serde::Deserialize)]
    /// struct Balloon {
    ///     value: u64,
    /// }
    ///
    /// impl Command for Balloon {
    ///     const NAME: &'static str = "balloon";
    ///     type Output = qmp_driver::Empty;
    /// }
    ///
    /// fn balloon(request: Request) {
    ///     match request.decode::<Balloon>() {
    ///         Ok(Balloon { value }) => {
    ///             println!("the guest is to have {value} bytes");
    ///             request.return_empty();
    ///         }
    ///         Err(error) => request.return_error(error.class(), &error.to_string()),
    ///     }
    /// }
    /// ```
    pub fn decode<'a, C: qmp_proto::Command + Deserialize<'a>>(
        &'a self,
    ) -> Result<C, ArgumentError> {
        self.command.typed()
    }

    /// Decodes the arguments as any type, which may borrow from this request. Missing arguments are decoded as
    /// `{}`. The depth limit is [`DECODE_DEPTH`](qmp_proto::DECODE_DEPTH) levels.
    ///
    /// # Errors
    ///
    /// Returns an error if they are not a `T` or exceed the depth limit. Report this failure to the
    /// client yourself.
    pub fn decode_as<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        self.command.decode()
    }

    /// Returns whether the command is to be executed out of band (`exec-oob`): immediately, even
    /// while in-band commands wait. If that is not possible, answer with
    /// [`Response::no_out_of_band`].
    pub const fn is_out_of_band(&self) -> bool {
        self.command.is_out_of_band()
    }

    /// Returns the id that the client gave the command, which the reply will contain.
    pub fn id(&self) -> Option<RawJson<'_>> {
        self.ticket.as_ref()?.id()
    }

    /// Returns the whole message. To forward it to another server, use
    /// [`Client::raw`](crate::Client::raw).
    pub fn message(&self) -> RawJson<'_> {
        self.command.message()
    }

    /// Takes the file descriptor that came with the command. Only unix sockets pass file
    /// descriptors. The descriptor is close-on-exec.
    ///
    /// As in QEMU, it may have come with an earlier command that did not take it, and if a message
    /// contains several, all but the first are closed. If a command needs a file descriptor and
    /// there is none, QEMU's error is `No file descriptor supplied via SCM_RIGHTS`.
    #[cfg(unix)]
    pub fn take_descriptor(&mut self) -> Option<crate::Descriptor> {
        self.ticket.as_ref()?;
        let mut machine = self.connection.lock();
        let only = machine.server.in_flight() == 1;
        machine.arrivals.take(self.end, only)
    }

    /// Answers with a value.
    ///
    /// # Errors
    ///
    /// Returns an error if the value cannot be serialized, or has more than 1023 levels. The client
    /// gets an error reply instead.
    pub fn answer<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        match Response::value(value) {
            Ok(response) => self.respond(&response),
            Err(refusal) => {
                let error = self.connection.refused(self.name(), refusal.clone());
                let text = format!("The answer to {} cannot be sent: {refusal}", self.name());
                self.return_error(ErrorClass::GenericError, &text);
                Err(error)
            }
        }
    }

    /// Answers with a value that is already JSON.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not JSON, or has more than 1023 levels. The client gets an error
    /// reply instead.
    pub fn answer_json(self, value: &str) -> Result<(), Error> {
        match RawJson::parse(value) {
            Ok(value) => self.respond(&Response::json(value)),
            Err(error) => {
                let refusal = error.into();
                let error = self.connection.refused(self.name(), refusal);
                let text = format!("The answer to {} is not JSON", self.name());
                self.return_error(ErrorClass::GenericError, &text);
                Err(error)
            }
        }
    }

    /// Answers that the command succeeded, without a value: `{}`.
    pub fn return_empty(self) {
        self.respond_flat(&Response::empty());
    }

    /// Answers with an error.
    pub fn return_error(self, class: ErrorClass<'_>, description: &str) {
        self.respond_flat(&Response::error(class, description));
    }

    /// Answers that the command does not exist.
    pub fn command_not_found(self) {
        let response = Response::command_not_found(self.name());
        self.respond_flat(&response);
    }

    /// Answers with any response.
    ///
    /// # Errors
    ///
    /// Returns an error if the value has more than 1023 levels. The client gets an error reply
    /// instead.
    pub fn respond(mut self, response: &Response<'_>) -> Result<(), Error> {
        match self.ticket.take() {
            Some(ticket) => self.connection.answer(ticket, self.command.name(), response),
            None => Ok(()),
        }
    }

    /// Ends the request without an answer: for commands of a guest agent that have no success
    /// response, such as `guest-shutdown`, and for testing clients.
    pub fn leave_unanswered(mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.connection.with(|machine, after| {
                machine.settle(after, |server, output| server.leave_unanswered(output, ticket));
            });
        }
    }

    /// Answers with a response without nesting, which cannot fail.
    fn respond_flat(self, response: &Response<'_>) {
        let _ = self.respond(response);
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let name = self.command.name();
            let text = format!("The server gave up the command {name} without an answer");
            let response = Response::error(ErrorClass::GenericError, text);
            let _ = self.connection.answer(ticket, name, &response);
        }
    }
}

impl fmt::Debug for Request {
    /// Omits the arguments, which may contain a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("out_of_band", &self.is_out_of_band())
            .field("peer", &self.connection.peer)
            .finish_non_exhaustive()
    }
}

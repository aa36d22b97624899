//! A command that waits for its answer.

use std::fmt;
use std::sync::Arc;

use crate::Error;
use qmp_proto::server::{Command, Response, Ticket};
use qmp_proto::{DecodeError, ErrorClass, Json};
use serde::{Deserialize, Serialize};

use crate::server::connection::Connection;
use crate::server::connection::machine::Queued;

/// A command of a client, and the right to answer it: from any task, in any order.
///
/// One that is dropped is answered with an error that says so, since its client waits.
///
/// To a client that has left meanwhile nothing is said, and that is no error; the end of
/// [`Commands`](crate::server::Commands) tells.
#[must_use = "dropped, the command is answered with an error"]
pub struct Request {
    connection: Arc<Connection>,
    command: Command<'static>,
    /// Taken by the answer.
    ticket: Option<Ticket>,
    /// How many bytes of the stream came up to its end.
    #[cfg_attr(not(unix), allow(dead_code))]
    end: u64,
}

impl Request {
    pub(super) fn new(connection: Arc<Connection>, queued: Queued) -> Self {
        let Queued { command, ticket, end } = queued;
        Self { connection, command, ticket: Some(ticket), end }
    }

    /// The command's name. Any text at all, as the client chose it.
    pub fn name(&self) -> &str {
        self.command.name()
    }

    /// The arguments: an object, or nothing.
    pub fn arguments(&self) -> Option<Json<'_>> {
        self.command.arguments()
    }

    /// Decodes the arguments, which may borrow from this; none count as `{}`. Down to
    /// [`DECODE_DEPTH`](qmp_proto::DECODE_DEPTH) levels.
    ///
    /// # Errors
    ///
    /// If they are not a `T`, or have more levels. To be told to the client, in words of your own.
    pub fn decode<'a, T: Deserialize<'a>>(&'a self) -> Result<T, DecodeError> {
        self.command.decode()
    }

    /// Whether it is to be run at once, beside the in-band commands that wait (`exec-oob`). One
    /// that cannot be run so is answered with [`Response::no_out_of_band`].
    pub const fn is_out_of_band(&self) -> bool {
        self.command.is_out_of_band()
    }

    /// The id that the client gave it, as the answer will carry it.
    pub fn id(&self) -> Option<Json<'_>> {
        self.ticket.as_ref()?.id()
    }

    /// The whole message. A [`Client`](crate::Client) sends it on with
    /// [`raw`](crate::Client::raw).
    pub fn message(&self) -> Json<'_> {
        self.command.message()
    }

    /// Takes the descriptor that came with the command, over unix sockets only; it is closed on
    /// exec.
    ///
    /// As in QEMU, one that came earlier and that no command has taken will do, and of several that
    /// came in one message all but the first are closed. Whoever needs one and finds none says `No
    /// file descriptor supplied via SCM_RIGHTS`.
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
    /// If it cannot be serialized, or has more than 1023 levels. The client gets an error instead.
    pub fn answer<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Error> {
        match Response::value(value) {
            Ok(response) => self.respond(&response),
            Err(refusal) => {
                let error = self.connection.refused(self.name(), refusal.clone());
                let text = format!("The answer to {} cannot be sent: {refusal}", self.name());
                self.fail(ErrorClass::GenericError, &text);
                Err(error)
            }
        }
    }

    /// Answers with a value that is JSON already.
    ///
    /// # Errors
    ///
    /// If it is not, or has more than 1023 levels. The client gets an error instead.
    pub fn answer_json(self, value: &str) -> Result<(), Error> {
        match Json::parse(value) {
            Ok(value) => self.respond(&Response::json(value)),
            Err(error) => {
                let refusal = error.into();
                let error = self.connection.refused(self.name(), refusal);
                let text = format!("The answer to {} is no JSON", self.name());
                self.fail(ErrorClass::GenericError, &text);
                Err(error)
            }
        }
    }

    /// Answers that it is done, of a command that returns nothing: `{}`.
    pub fn done(self) {
        self.respond_flat(&Response::empty());
    }

    /// Answers with an error.
    pub fn fail(self, class: ErrorClass<'_>, description: &str) {
        self.respond_flat(&Response::error(class, description));
    }

    /// Answers that there is no such command.
    pub fn not_found(self) {
        let response = Response::command_not_found(self.name());
        self.respond_flat(&response);
    }

    /// Answers with whatever there is to answer.
    ///
    /// # Errors
    ///
    /// If the value has more than 1023 levels. The client gets an error instead.
    pub fn respond(mut self, response: &Response<'_>) -> Result<(), Error> {
        match self.ticket.take() {
            Some(ticket) => self.connection.answer(ticket, self.command.name(), response),
            None => Ok(()),
        }
    }

    /// Ends it without an answer: for those commands of a guest agent that answer only when they
    /// fail, such as `guest-shutdown`, and for servers that are to misbehave.
    pub fn leave_unanswered(mut self) {
        if let Some(ticket) = self.ticket.take() {
            self.connection.with(|machine, after| {
                machine.settle(after, |server, output| server.leave_unanswered(output, ticket));
            });
        }
    }

    /// With one that has no levels, which cannot fail.
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
    /// Not the arguments: they may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Request")
            .field("name", &self.name())
            .field("id", &self.id())
            .field("out_of_band", &self.is_out_of_band())
            .field("peer", &self.connection.peer)
            .finish_non_exhaustive()
    }
}

//! A command that waits for its answer.

use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};

use qmp_proto::server::{Command, Ticket};
use qmp_proto::{DecodeError, Json};
use serde::Deserialize;

/// A command of a client, and the right to answer it: through its
/// [`Connection`](crate::server::Connection), in any order.
///
/// One that is dropped is answered, by the next call, with an error that says so, since its client
/// waits.
#[must_use = "dropped, the command is answered with an error"]
pub struct Request {
    command: Command<'static>,
    /// Taken by the answer.
    ticket: Option<Ticket>,
    /// How many bytes of the stream came up to its end.
    end: u64,
    given_up: Arc<GivenUp>,
}

/// Tickets of requests that were dropped, with their commands' names, on the way back to their
/// connection.
#[derive(Debug, Default)]
pub(super) struct GivenUp(Mutex<Vec<(Ticket, String)>>);

impl GivenUp {
    pub(super) fn take(&self) -> Vec<(Ticket, String)> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Request {
    pub(super) const fn new(
        command: Command<'static>,
        ticket: Ticket,
        end: u64,
        given_up: Arc<GivenUp>,
    ) -> Self {
        Self { command, ticket: Some(ticket), end, given_up }
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
    /// that cannot be run so is answered with
    /// [`Response::no_out_of_band`](crate::server::Response::no_out_of_band).
    pub const fn is_out_of_band(&self) -> bool {
        self.command.is_out_of_band()
    }

    /// The id that the client gave it, as the answer will carry it.
    pub fn id(&self) -> Option<Json<'_>> {
        self.ticket.as_ref()?.id()
    }

    /// The whole message. A client sends it on with [`raw`](crate::Connection::raw).
    pub fn message(&self) -> Json<'_> {
        self.command.message()
    }

    pub(super) fn belongs_to(&self, given_up: &Arc<GivenUp>) -> bool {
        Arc::ptr_eq(&self.given_up, given_up)
    }

    #[cfg(unix)]
    pub(super) const fn end(&self) -> u64 {
        self.end
    }

    pub(super) const fn take_ticket(&mut self) -> Option<Ticket> {
        self.ticket.take()
    }
}

impl Drop for Request {
    fn drop(&mut self) {
        if let Some(ticket) = self.ticket.take() {
            let mut given_up = self.given_up.0.lock().unwrap_or_else(PoisonError::into_inner);
            given_up.push((ticket, self.command.name().to_owned()));
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
            .field("end", &self.end)
            .finish_non_exhaustive()
    }
}

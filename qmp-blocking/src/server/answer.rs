//! Answers.

use qmp_proto::server::{Response, Ticket};
use qmp_proto::{ErrorClass, Json, Refusal};
use qmp_sockets::{Cause, Error};
use serde::Serialize;

use crate::server::{Connection, Request};
use crate::stream::Stream;

impl<S: Stream> Connection<S> {
    /// Answers with a value.
    ///
    /// # Errors
    ///
    /// If it cannot be serialized, or has more than 1023 levels; the client gets an error instead.
    /// And if the command came on another connection.
    pub fn answer<T: Serialize + ?Sized>(
        &mut self,
        request: Request,
        value: &T,
    ) -> Result<(), Error> {
        match Response::value(value) {
            Ok(response) => self.respond(request, &response),
            Err(refusal) => self.apologize(request, refusal),
        }
    }

    /// Answers with a value that is JSON already.
    ///
    /// # Errors
    ///
    /// If it is not, or has more than 1023 levels; the client gets an error instead. And if the
    /// command came on another connection.
    pub fn answer_json(&mut self, request: Request, value: &str) -> Result<(), Error> {
        match Json::parse(value) {
            Ok(value) => self.respond(request, &Response::json(value)),
            Err(error) => self.apologize(request, error.into()),
        }
    }

    /// Answers that it is done, of a command that returns nothing: `{}`.
    ///
    /// # Errors
    ///
    /// If the command came on another connection.
    pub fn done(&mut self, request: Request) -> Result<(), Error> {
        self.respond(request, &Response::empty())
    }

    /// Answers with an error.
    ///
    /// # Errors
    ///
    /// If the command came on another connection.
    pub fn fail(
        &mut self,
        request: Request,
        class: ErrorClass<'_>,
        description: &str,
    ) -> Result<(), Error> {
        self.respond(request, &Response::error(class, description))
    }

    /// Answers that there is no such command.
    ///
    /// # Errors
    ///
    /// If the command came on another connection.
    pub fn not_found(&mut self, request: Request) -> Result<(), Error> {
        let response = Response::command_not_found(request.name());
        self.respond(request, &response)
    }

    /// Answers with whatever there is to answer. What cannot be written at once is written by the
    /// next call.
    ///
    /// # Errors
    ///
    /// If the value has more than 1023 levels; the client gets an error instead. And if the command
    /// came on another connection.
    pub fn respond(&mut self, mut request: Request, response: &Response<'_>) -> Result<(), Error> {
        let Some(ticket) = self.ticket(&mut request)? else {
            return Ok(());
        };
        let refusal = self.send_answer(ticket, request.name(), response);
        self.answer_given_up();
        self.write_now();
        refusal.map_or(Ok(()), |refusal| Err(self.refused(request.name(), refusal)))
    }

    /// Ends a command without an answer: for those of a guest agent that answer only when they fail,
    /// such as `guest-shutdown`, and for servers that are to misbehave.
    ///
    /// # Errors
    ///
    /// If the command came on another connection.
    pub fn leave_unanswered(&mut self, mut request: Request) -> Result<(), Error> {
        if let Some(ticket) = self.ticket(&mut request)? {
            self.session.sender().leave_unanswered(ticket);
            self.write_now();
        }
        Ok(())
    }

    /// Takes the descriptor that came with a command, over unix sockets only; it is closed on exec.
    ///
    /// As in QEMU, one that came earlier and that no command has taken will do, and of several that
    /// came in one message all but the first are closed. Whoever needs one and finds none says `No
    /// file descriptor supplied via SCM_RIGHTS`.
    #[cfg(unix)]
    pub fn take_descriptor(&mut self, request: &Request) -> Option<std::os::fd::OwnedFd> {
        let only = self.in_flight() == 1;
        let ours = request.belongs_to(&self.given_up);
        ours.then(|| self.arrivals.take(request.end(), only)).flatten()
    }

    /// Answers those whose requests were dropped.
    pub(super) fn answer_given_up(&mut self) {
        for (ticket, name) in self.given_up.take() {
            let text = format!("The server gave up the command {name} without an answer");
            let response = Response::error(ErrorClass::GenericError, text);
            let _ = self.send_answer(ticket, &name, &response);
        }
    }

    /// If the answer cannot be sent the client is told so instead, for it waits.
    fn send_answer(
        &mut self,
        ticket: Ticket,
        command: &str,
        response: &Response<'_>,
    ) -> Option<Refusal> {
        let unsent = self.session.sender().answer(ticket, response).err()?;
        let text = format!("The answer to {command} cannot be sent: {}", unsent.reason);
        let apology = Response::error(ErrorClass::GenericError, text);
        // This one is flat, and a growing output is never full.
        let _ = self.session.sender().answer(unsent.ticket, &apology);
        Some(unsent.reason)
    }

    fn apologize(&mut self, request: Request, refusal: Refusal) -> Result<(), Error> {
        let error = self.refused(request.name(), refusal.clone());
        let text = format!("The answer to {} cannot be sent: {refusal}", request.name());
        self.fail(request, ErrorClass::GenericError, &text)?;
        Err(error)
    }

    fn ticket(&self, request: &mut Request) -> Result<Option<Ticket>, Error> {
        if !request.belongs_to(&self.given_up) {
            let error = self.error(Cause::OtherConnection);
            return Err(error.in_command(request.name()));
        }
        Ok(request.take_ticket())
    }

    /// What could not be sent, and in which command or event.
    pub(super) fn refused(&self, name: &str, refusal: Refusal) -> Error {
        self.error(Cause::Refused(refusal)).in_command(name)
    }
}

//! Handling input.

use alloc::string::String;
use alloc::vec::Vec;

use crate::json::JsonStr;
use crate::message::ErrorClass;
use crate::output::{BufferFull, OutputBuffer};
use crate::server::agent::{SYNC, SYNC_DELIMITED};
use crate::server::command::Name;
use crate::server::error_reply::ErrorReply;
use crate::server::read::{Found, ParseError, Read, Request, parse};
use crate::server::ticket::Id;
use crate::server::write::Message;
use crate::server::{Command, Dialect, Phase, Received, Rejected, Rejection, Server, Step, Ticket};

/// The maximum number of bytes of a refused message that are shown.
const SHOWN: usize = 256;

const NEGOTIATE: &str = "qmp_capabilities";

impl Server {
    /// Decodes bytes from the client. Immediate replies are appended to `out`.
    ///
    /// Call it again with the bytes that were not used until nothing is
    /// [`received`](Step::received). Then read more, and call it with the remaining bytes,
    /// unchanged, followed by the new ones. Received commands borrow only the input.
    ///
    /// At the in-flight limit no input is used; see [`wants_input`](Self::wants_input).
    ///
    /// # Errors
    ///
    /// If a reply does not fit into `out`. Then no input is used: send some output, and pass the
    /// same input again. Growing buffers are never full.
    pub fn handle_input<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        input: &'b [u8],
    ) -> Result<Step<'b>, BufferFull> {
        self.greet(out)?;
        self.pending_errors.flush(out)?;
        if !self.wants_input() {
            return Ok(Step { used: 0, received: None });
        }
        let before = self.reader;
        let Read { used, found } = self.reader.read(input);
        let received = match found.map(|found| self.take(out, found)).transpose() {
            Ok(received) => received,
            Err(BufferFull) => {
                self.reader = before;
                return Err(BufferFull);
            }
        };
        Ok(Step { used, received })
    }

    fn take<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        found: Found<'b>,
    ) -> Result<Received<'b>, BufferFull> {
        let (bytes, extended) = match found {
            Found::Value { text, extended } => (text, extended),
            Found::Broken { text, error } => return self.reject_invalid(out, text, error),
        };
        match parse(bytes, extended, self.is_out_of_band()) {
            Ok(Some(request)) => self.request(out, bytes, request),
            Ok(None) => {
                let text = "QMP input must be a JSON object";
                self.reject(out, bytes, ErrorReply::new(Rejection::NotARequest, &text))
            }
            Err(error) => self.reject_invalid(out, bytes, error),
        }
    }

    fn request<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        bytes: &'b [u8],
        request: Request<'b>,
    ) -> Result<Received<'b>, BufferFull> {
        let Request { text, parts } = request;
        let (arguments, out_of_band) = (parts.arguments, parts.out_of_band);
        let id = parts.id.map(|(start, end)| Id::new(&text[start..end]));
        let (start, end) = match parts.command {
            Ok((start, end)) => (start + 1, end - 1),
            Err(invalid) => {
                let error = ErrorReply::new(Rejection::NotARequest, &invalid);
                let error = ErrorReply { id: id.as_ref(), out_of_band, ..error };
                return self.reject(out, bytes, error);
            }
        };
        let name = match JsonStr::new(&text[start..end]) {
            plain if plain.as_str().is_some() => Name::At(start, end),
            escaped => Name::Unescaped(escaped.chars().collect::<String>()),
        };
        let command = Command { message: text, name, arguments, out_of_band };
        match (&self.dialect, command.name()) {
            (Dialect::Monitor(_), NEGOTIATE) => self.negotiate(out, &command, id.as_ref(), bytes),
            (Dialect::Monitor(_), _) if self.phase != Phase::Ready => {
                let text = "Expecting capabilities negotiation with 'qmp_capabilities'";
                let error = ErrorReply::new(Rejection::NotNegotiated, &text);
                let class = ErrorClass::CommandNotFound;
                self.reject(out, bytes, ErrorReply { class, id: id.as_ref(), out_of_band, ..error })
            }
            (Dialect::Agent, SYNC | SYNC_DELIMITED) => self.sync(out, &command, id.as_ref(), bytes),
            _ => Ok(self.admit(command, id)),
        }
    }

    /// Accepts the command, which is in flight from now on.
    fn admit<'b>(&mut self, command: Command<'b>, id: Option<Id>) -> Received<'b> {
        let out_of_band = command.is_out_of_band();
        let number = (!out_of_band).then(|| self.pending_errors.number());
        let ticket = Ticket { id, number };
        *self.lane(out_of_band) += 1;
        Received::Command(command, ticket)
    }

    fn reject_invalid<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        bytes: &'b [u8],
        error: ParseError<'_>,
    ) -> Result<Received<'b>, BufferFull> {
        let reason = match error {
            ParseError::Limit(_) => Rejection::BeyondLimit,
            _ => Rejection::NotJson,
        };
        self.reject(out, bytes, ErrorReply::new(reason, &error))
    }

    /// Replies with an error: immediately, or after the replies to the commands before.
    pub(super) fn reject<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        bytes: &'b [u8],
        error: ErrorReply<'_>,
    ) -> Result<Received<'b>, BufferFull> {
        let in_order = matches!(self.dialect, Dialect::Monitor(_)) && !error.out_of_band;
        if in_order && self.in_band > 0 {
            let mut held = Vec::new();
            self.send_error(&mut held, error)?;
            self.pending_errors.push(self.in_band, held.into());
        } else {
            self.send_error(out, error)?;
        }
        let bytes = &bytes[..bytes.len().min(SHOWN)];
        Ok(Received::Rejected(Rejected { bytes, reason: error.reason }))
    }

    fn send_error(
        &self,
        out: &mut impl OutputBuffer,
        error: ErrorReply<'_>,
    ) -> Result<(), BufferFull> {
        let ErrorReply { class, description, id, .. } = error;
        let (class, id) = (class.name(), id.map(Id::as_str));
        Message::Failure { class, description: format_args!("{description}"), id }
            .send(out, self.form())
    }
}

//! What comes in.

use alloc::string::String;
use alloc::vec::Vec;

use crate::json::JsonStr;
use crate::message::ErrorClass;
use crate::output::{BufferFull, OutputBuffer};
use crate::server::agent::{SYNC, SYNC_DELIMITED};
use crate::server::command::Name;
use crate::server::error_reply::ErrorReply;
use crate::server::read::{Flaw, Found, Read, Request, parse};
use crate::server::ticket::Id;
use crate::server::write::Message;
use crate::server::{Command, Dialect, Phase, Received, Rejected, Rejection, Server, Step, Ticket};

/// How much of what was refused is shown.
const SHOWN: usize = 256;

const NEGOTIATE: &str = "qmp_capabilities";

impl<F> Server<F> {
    /// Takes bytes from the client, and says what they mean; what is to be answered at once is
    /// appended to `out`.
    ///
    /// Call it again with the bytes that were not used until nothing more is
    /// [`received`](Step::received); then with those that are left over, unchanged, and more behind
    /// them. What is received borrows the input alone.
    ///
    /// While as many commands are unanswered as may be, nothing is used and nothing received; see
    /// [`wants_input`](Self::wants_input).
    ///
    /// # Errors
    ///
    /// If there is no room in `out`. Nothing was used then: make room, and present the same input
    /// again. Growing outputs are never full.
    pub fn handle_input<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        input: &'b [u8],
    ) -> Result<Step<'b, F>, BufferFull> {
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

    /// Takes a descriptor that came with the bytes that will be presented next; gives back the one
    /// before it if no command has had it, to be closed.
    ///
    /// It goes to the next command, in its [`Ticket`]. With several descriptors in one message
    /// QEMU takes the first, and closes the others.
    pub fn handle_descriptor(&mut self, descriptor: F) -> Option<F> {
        self.descriptor.replace(descriptor)
    }

    fn take<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        found: Found<'b>,
    ) -> Result<Received<'b, F>, BufferFull> {
        let (bytes, extended) = match found {
            Found::Value { text, extended } => (text, extended),
            Found::Broken { text, flaw } => return self.reject_flaw(out, text, flaw),
        };
        match parse(bytes, extended, self.is_out_of_band()) {
            Ok(Some(request)) => self.request(out, bytes, request),
            Ok(None) => {
                let text = "QMP input must be a JSON object";
                self.reject(out, bytes, ErrorReply::new(Rejection::NotARequest, &text))
            }
            Err(flaw) => self.reject_flaw(out, bytes, flaw),
        }
    }

    fn request<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        bytes: &'b [u8],
        request: Request<'b>,
    ) -> Result<Received<'b, F>, BufferFull> {
        let Request { text, parts } = request;
        let (arguments, out_of_band) = (parts.arguments, parts.out_of_band);
        let id = parts.id.map(|(start, end)| Id::new(&text[start..end]));
        let (start, end) = match parts.command {
            Ok((start, end)) => (start + 1, end - 1),
            Err(misuse) => {
                let error = ErrorReply::new(Rejection::NotARequest, &misuse);
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

    /// From here on the command counts as in flight.
    fn admit<'b>(&mut self, command: Command<'b>, id: Option<Id>) -> Received<'b, F> {
        let out_of_band = command.is_out_of_band();
        let number = (!out_of_band).then(|| self.pending_errors.number());
        let ticket = Ticket { id, number, descriptor: self.descriptor.take() };
        *self.lane(out_of_band) += 1;
        Received::Command(command, ticket)
    }

    fn reject_flaw<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        bytes: &'b [u8],
        flaw: Flaw<'_>,
    ) -> Result<Received<'b, F>, BufferFull> {
        let reason = match flaw {
            Flaw::Limit(_) => Rejection::BeyondLimit,
            _ => Rejection::NotJson,
        };
        self.reject(out, bytes, ErrorReply::new(reason, &flaw))
    }

    /// Replies with an error: at once, or in its turn behind the commands before it.
    pub(super) fn reject<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        bytes: &'b [u8],
        error: ErrorReply<'_>,
    ) -> Result<Received<'b, F>, BufferFull> {
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

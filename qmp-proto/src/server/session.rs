//! A server with its buffers.

use core::fmt;
use core::mem;

use crate::buffer::InputBuffer;
use crate::message::{RawJson, Timestamp};
use crate::output::{NoDescriptor, Output, OutputChunk};
use crate::request::SendErrorKind;
use crate::server::{Phase, Received, Response, Server, Ticket, Unsent};

/// Above this number of unsent bytes no input is used.
const MOST_UNSENT: usize = 1024 * 1024;

/// A [`Server`] with its input and output buffers.
///
/// The caller reads and writes the stream: while the session [`wants_input`](Self::wants_input),
/// read into [`spare_mut`](Self::spare_mut) and call [`advance`](Self::advance); call
/// [`receive`](Self::receive) until it returns nothing, also after each reply; write the bytes of
/// [`output_chunk`](Self::output_chunk) and call [`advance_output`](Self::advance_output).
///
/// ```
/// use qmp_proto::server::{Options, Received, Response, Server, Session};
///
/// let mut session: Session = Session::new(Server::monitor(Options::monitor()));
/// let sent = br#"{"execute":"qmp_capabilities"} {"execute":"stop","id":7}"#;
/// session.spare_mut()[..sent.len()].copy_from_slice(sent); // from the socket
/// session.advance(sent.len());
/// while let Some((received, mut sender)) = session.receive() {
///     if let Received::Command(command, ticket) = received {
///         assert_eq!(command.name(), "stop");
///         sender.answer(ticket, &Response::empty())?;
///     }
/// }
/// let mut to_client = Vec::new();
/// while let Some(chunk) = session.output_chunk() {
///     to_client.extend_from_slice(chunk.bytes);
///     let written = chunk.bytes.len(); // as many as the stream accepted
///     session.advance_output(written);
/// }
/// assert!(to_client.ends_with(b"{\"return\": {}}\r\n{\"return\": {}, \"id\": 7}\r\n"));
/// # Ok::<(), qmp_proto::server::Unsent>(())
/// ```
pub struct Session {
    server: Server,
    input: InputBuffer,
    /// The number of bytes that the last received message used.
    done: usize,
    output: Output,
}

/// The sending half of a [`Session`], usable while a received command is borrowed.
pub struct Sender<'s> {
    server: &'s mut Server,
    output: &'s mut Output,
}

impl Session {
    /// Creates a session, with a monitor's greeting in the output.
    pub fn new(mut server: Server) -> Self {
        let mut output = Output::new();
        // A growing output is never full.
        let _ = server.greet(&mut output);
        Self::with_output(server, output)
    }

    /// As [`new`](Self::new), with the caller's greeting.
    ///
    /// # Errors
    ///
    /// As [`Server::greet_with`].
    pub fn greeting_with(mut server: Server, greeting: RawJson<'_>) -> Result<Self, SendErrorKind> {
        let mut output = Output::new();
        server.greet_with(&mut output, greeting)?;
        Ok(Self::with_output(server, output))
    }

    const fn with_output(server: Server, output: Output) -> Self {
        let input = InputBuffer::new(server.longest_message());
        Self { server, input, done: 0, output }
    }

    /// Returns the server.
    pub const fn server(&self) -> &Server {
        &self.server
    }

    /// Returns the phase of the connection.
    pub fn phase(&self) -> Phase {
        self.server.phase()
    }

    /// Returns whether to read from the client: `false` at the in-flight limit, and while more than
    /// a mebibyte of output is unsent. Input that is read nevertheless stays in the buffer.
    pub fn wants_input(&self) -> bool {
        self.server.wants_input() && self.output.unsent() <= MOST_UNSENT
    }

    /// Returns spare capacity to read into: at least 512 bytes, and more after a burst of input or
    /// inside a long message.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        self.settle();
        self.input.spare_mut()
    }

    /// Adds the first `count` bytes of [`spare_mut`](Self::spare_mut), which were read, to the
    /// input.
    pub fn advance(&mut self, count: usize) {
        self.input.advance(count);
    }

    /// Returns the next received request, with a sender to reply while the request is borrowed.
    /// Returns `None` if it is necessary to read more, to reply or to write; see
    /// [`wants_input`](Self::wants_input).
    pub fn receive(&mut self) -> Option<(Received<'_>, Sender<'_>)> {
        self.settle();
        if !self.wants_input() {
            return None;
        }
        // The output grows, so it is never full.
        let step = self.server.handle_input(&mut self.output, self.input.unread()).ok()?;
        self.done = step.used;
        let sender = Sender { server: &mut self.server, output: &mut self.output };
        step.received.map(|received| (received, sender))
    }

    fn settle(&mut self) {
        self.input.consume(mem::take(&mut self.done));
    }

    const fn unread_length(&self) -> usize {
        self.input.unread_length() - self.done
    }

    /// Returns the bytes that the last [`receive`](Self::receive) used, for a log of the wire.
    pub fn consumed(&self) -> &[u8] {
        &self.input.unread()[..self.done]
    }

    /// Returns the output buffer.
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// Returns the output buffer, to append other bytes for tests with misbehaving servers.
    pub const fn output_mut(&mut self) -> &mut Output {
        &mut self.output
    }

    /// Returns the next chunk to be written, if there is one.
    pub fn output_chunk(&self) -> Option<OutputChunk<'_, NoDescriptor>> {
        self.output.chunk()
    }

    /// Removes the first `count` bytes of [`output_chunk`](Self::output_chunk), which were written.
    pub fn advance_output(&mut self, count: usize) {
        self.output.advance(count);
    }

    /// Returns a sender, for sending without a received request.
    pub fn sender(&mut self) -> Sender<'_> {
        Sender { server: &mut self.server, output: &mut self.output }
    }
}

impl Sender<'_> {
    /// As [`Server::answer`].
    ///
    /// # Errors
    ///
    /// If the value is too deep. The error contains the ticket.
    #[allow(clippy::result_large_err)]
    pub fn answer(&mut self, ticket: Ticket, response: &Response<'_>) -> Result<(), Unsent> {
        self.server.answer(self.output, ticket, response)
    }

    /// As [`Server::leave_unanswered`].
    pub fn leave_unanswered(&mut self, ticket: Ticket) {
        self.server.leave_unanswered(self.output, ticket);
    }

    /// As [`Server::emit`].
    ///
    /// # Errors
    ///
    /// If the client receives no events, or `data` cannot be sent.
    pub fn emit(
        &mut self,
        name: &str,
        timestamp: Timestamp,
        data: Option<RawJson<'_>>,
    ) -> Result<(), SendErrorKind> {
        self.server.emit(self.output, name, timestamp, data)
    }

    /// As [`Server::emit_raw`].
    ///
    /// # Errors
    ///
    /// If the client receives no events, or this is not an object.
    pub fn emit_raw(&mut self, event: RawJson<'_>) -> Result<(), SendErrorKind> {
        self.server.emit_raw(self.output, event)
    }
}

impl fmt::Debug for Session {
    /// Omits the bytes, which can be long and can contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase())
            .field("in_flight", &self.server.in_flight())
            .field("unread", &self.unread_length())
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Sender<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("phase", &self.server.phase()).finish_non_exhaustive()
    }
}

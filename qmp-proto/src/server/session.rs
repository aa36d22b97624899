//! A server with its buffers, as one object.

use alloc::collections::VecDeque;
use core::fmt;
use core::mem;

use crate::buffer::InputBuffer;
use crate::message::{RawJson, Timestamp};
use crate::output::{NoDescriptor, Output, OutputChunk};
use crate::request::SendErrorKind;
use crate::server::{Phase, Received, Response, Server, Ticket, Unsent};

/// Above this much unsent output no input is taken.
const MOST_UNSENT: usize = 1024 * 1024;

/// A [`Server`] with both its buffers, for whoever wants one object beside a stream.
///
/// It never touches the stream: while it [`wants_input`](Self::wants_input), read into
/// [`spare_mut`](Self::spare_mut) and say how much with [`advance`](Self::advance); take what came with
/// [`receive`](Self::receive), also after each answer; and write what
/// [`output_chunk`](Self::output_chunk) gives.
///
/// ```
/// use qmp_proto::server::{Options, Received, Response, Server, Session};
///
/// let mut session: Session = Session::new(Server::monitor(Options::monitor()));
/// let sent = br#"{"execute":"qmp_capabilities"} {"execute":"stop","id":7}"#;
/// session.room()[..sent.len()].copy_from_slice(sent); // from the socket
/// session.filled(sent.len());
/// while let Some((received, mut sender)) = session.receive() {
///     if let Received::Command(command, ticket) = received {
///         assert_eq!(command.name(), "stop");
///         sender.answer(ticket, &Response::empty())?;
///     }
/// }
/// let mut to_client = Vec::new();
/// while let Some(outgoing) = session.outgoing() {
///     to_client.extend_from_slice(outgoing.bytes);
///     let written = outgoing.bytes.len(); // as many as the stream took
///     session.sent(written);
/// }
/// assert!(to_client.ends_with(b"{\"return\": {}}\r\n{\"return\": {}, \"id\": 7}\r\n"));
/// # Ok::<(), qmp_proto::server::Unsent>(())
/// ```
pub struct Session<F = NoDescriptor> {
    server: Server<F>,
    input: InputBuffer,
    /// How much of the input the last thing received was made of.
    done: usize,
    output: Output,
    /// Descriptors, and how many bytes of the unread input come before each.
    descriptors: VecDeque<(usize, F)>,
}

/// The sending half of a [`Session`], lent together with what was received.
pub struct Sender<'s, F = NoDescriptor> {
    server: &'s mut Server<F>,
    output: &'s mut Output,
}

impl<F> Session<F> {
    /// Puts buffers beside a server. A monitor's greeting is in the output then.
    pub fn new(mut server: Server<F>) -> Self {
        let mut output = Output::new();
        // A growing output is never full.
        let _ = server.greet(&mut output);
        Self::with_output(server, output)
    }

    /// As [`new`](Self::new), with a greeting of the caller's.
    ///
    /// # Errors
    ///
    /// As [`Server::greet_with`].
    pub fn greeting_with(
        mut server: Server<F>,
        greeting: RawJson<'_>,
    ) -> Result<Self, SendErrorKind> {
        let mut output = Output::new();
        server.greet_with(&mut output, greeting)?;
        Ok(Self::with_output(server, output))
    }

    const fn with_output(server: Server<F>, output: Output) -> Self {
        let input = InputBuffer::new(server.longest_message());
        Self { server, input, done: 0, output, descriptors: VecDeque::new() }
    }

    /// The server.
    pub const fn server(&self) -> &Server<F> {
        &self.server
    }

    /// Where the connection stands.
    pub fn phase(&self) -> Phase {
        self.server.phase()
    }

    /// Whether to read from the client. Not while as many commands are unanswered as may be, nor
    /// while a client that does not read has a mebibyte of output waiting for it. Whoever reads all
    /// the same has to hold what was read.
    pub fn wants_input(&self) -> bool {
        self.server.wants_input() && self.output.unsent() <= MOST_UNSENT
    }

    /// Room to read into: at least 512 bytes, and more where more came last time or a long message
    /// is coming in.
    pub fn spare_mut(&mut self) -> &mut [u8] {
        self.settle();
        self.input.spare_mut()
    }

    /// Says that so many bytes were read into [`spare_mut`](Self::spare_mut).
    pub fn advance(&mut self, count: usize) {
        self.input.advance(count);
    }

    /// As [`advance`](Self::advance), when a descriptor came with the first of the bytes. With
    /// several, give the first, and close the others.
    pub fn filled_with(&mut self, count: usize, descriptor: F) {
        self.descriptors.push_back((self.unread_length(), descriptor));
        self.input.advance(count);
    }

    /// What the bytes read so far mean, one thing a call, lent together with a sender so that it
    /// can be answered while it is held. `None`: read more, or answer, or write; see
    /// [`wants_input`](Self::wants_input).
    #[allow(clippy::type_complexity)]
    pub fn receive(&mut self) -> Option<(Received<'_, F>, Sender<'_, F>)> {
        self.settle();
        let input = self.input.unread();
        let mut used = 0;
        let mut received = None;
        while received.is_none() && self.server.wants_input() && self.output.unsent() <= MOST_UNSENT
        {
            // A descriptor must not be seen before the bytes it came with.
            let end = self.descriptors.front().map_or(input.len(), |(at, _)| *at);
            let Ok(step) = self.server.handle_input(&mut self.output, &input[used..end]) else {
                break; // which a growing output never is
            };
            used += step.used;
            received = step.received;
            if received.is_none() {
                match self.descriptors.pop_front() {
                    // One that nobody took is closed.
                    Some((_, descriptor)) => drop(self.server.handle_descriptor(descriptor)),
                    None => break,
                }
            }
        }
        self.done = used;
        self.descriptors.iter_mut().for_each(|(at, _)| *at -= used);
        let sender = Sender { server: &mut self.server, output: &mut self.output };
        received.map(|received| (received, sender))
    }

    fn settle(&mut self) {
        self.input.consume(mem::take(&mut self.done));
    }

    const fn unread_length(&self) -> usize {
        self.input.unread_length() - self.done
    }

    /// The bytes that the last [`receive`](Self::receive) was done with: for a log of the wire.
    pub fn consumed(&self) -> &[u8] {
        &self.input.unread()[..self.done]
    }

    /// The output.
    pub const fn output(&self) -> &Output {
        &self.output
    }

    /// The output, to append bytes of one's own to: for servers that are to misbehave.
    pub const fn output_mut(&mut self) -> &mut Output {
        &mut self.output
    }

    /// What to write next, if there is anything.
    pub fn output_chunk(&self) -> Option<OutputChunk<'_, NoDescriptor>> {
        self.output.chunk()
    }

    /// Says that so many bytes of [`output_chunk`](Self::output_chunk) were written.
    pub fn advance_output(&mut self, count: usize) {
        self.output.advance(count);
    }

    /// For sending while nothing was received.
    pub fn sender(&mut self) -> Sender<'_, F> {
        Sender { server: &mut self.server, output: &mut self.output }
    }
}

impl<F> Sender<'_, F> {
    /// As [`Server::answer`].
    ///
    /// # Errors
    ///
    /// If the value is too deep; the ticket comes back.
    #[allow(clippy::result_large_err)]
    pub fn answer(&mut self, ticket: Ticket<F>, response: &Response<'_>) -> Result<(), Unsent<F>> {
        self.server.answer(self.output, ticket, response)
    }

    /// As [`Server::leave_unanswered`].
    pub fn leave_unanswered(&mut self, ticket: Ticket<F>) {
        self.server.leave_unanswered(self.output, ticket);
    }

    /// As [`Server::emit`].
    ///
    /// # Errors
    ///
    /// If the client gets no events now, or `data` cannot be sent.
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
    /// If the client gets no events now, or this is no object.
    pub fn emit_raw(&mut self, event: RawJson<'_>) -> Result<(), SendErrorKind> {
        self.server.emit_raw(self.output, event)
    }
}

impl<F> fmt::Debug for Session<F> {
    /// Not what was said: it can be long, and secret.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase())
            .field("in_flight", &self.server.in_flight())
            .field("unread", &self.unread_length())
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl<F> fmt::Debug for Sender<'_, F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("phase", &self.server.phase()).finish_non_exhaustive()
    }
}

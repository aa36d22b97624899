//! A client with its buffers.

use core::fmt;
use core::mem;

use crate::buffer::InputBuffer;
use crate::client::{Client, Phase, ProtocolError, Received, Step, Unanswered};
use crate::output::{NoDescriptor, Output, OutputChunk};
use crate::request::{RawMessage, Request, RequestId, SendError, SendErrorKind};

/// A [`Client`] with its input and output buffers.
///
/// The caller reads and writes the stream: read into [`spare_mut`](Self::spare_mut) and call
/// [`advance`](Self::advance); call [`receive`](Self::receive) until it returns nothing; write the
/// bytes of [`output_chunk`](Self::output_chunk) and call [`advance_output`](Self::advance_output).
///
/// ```
/// use qmp_proto::{Client, Options, Received, Request, Session};
///
/// # fn read(spare: &mut [u8], message: &[u8]) -> usize {
/// #     spare[..message.len()].copy_from_slice(message);
/// #     message.len()
/// # }
/// # let mut from_server = [
/// #     &b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n"[..],
/// #     b"{\"return\": {}, \"id\": 4503599627370503}\r\n",
/// #     b"{\"return\": {\"running\": true}, \"id\": 0}\r\n",
/// # ].into_iter();
/// let mut session: Session<&str> = Session::new(Client::monitor(Options::monitor()));
/// let mut answer = None;
/// while answer.is_none() {
///     let count = read(session.spare_mut(), from_server.next().unwrap());
///     session.advance(count);
///     while let Some((received, mut sender)) = session.receive()? {
///         match received {
///             Received::Greeting(_) => sender.negotiate(7, &[])?, // 7 stands for a random number
///             Received::Ready => {
///                 sender.execute(Request::new("query-status"), "status").map_err(|it| it.reason)?;
///             }
///             Received::Reply(it) => answer = Some((it.token, it.outcome.unwrap().into_owned())),
///             _ => {}
///         }
///     }
///     while let Some(chunk) = session.output_chunk() {
///         let written = chunk.bytes.len(); // as many as the stream accepted
///         session.advance_output(written);
///     }
/// }
/// let (token, reply) = answer.unwrap();
/// assert_eq!((token, reply.json()?.as_str()), ("status", "{\"running\": true}"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Session<T, F = NoDescriptor, const N: usize = 64> {
    client: Client<T, N>,
    input: InputBuffer,
    /// The number of bytes that the last received message used.
    done: usize,
    output: Output<F>,
}

/// The sending half of a [`Session`], usable while a received message is borrowed.
pub struct Sender<'s, T, F = NoDescriptor, const N: usize = 64> {
    client: &'s mut Client<T, N>,
    output: &'s mut Output<F>,
}

impl<T, F, const N: usize> Session<T, F, N> {
    /// Creates a session.
    pub const fn new(client: Client<T, N>) -> Self {
        let input = InputBuffer::new(client.longest_message());
        Self { client, input, done: 0, output: Output::new() }
    }

    /// Returns the client.
    pub const fn client(&self) -> &Client<T, N> {
        &self.client
    }

    /// Returns the phase of the connection.
    pub fn phase(&self) -> Phase {
        self.client.phase()
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

    /// Returns the next received message, with a sender for commands while the message is borrowed.
    /// Returns `None` if it is necessary to read more.
    ///
    /// # Errors
    ///
    /// If the connection has ended with an error, which every later call returns, too.
    #[allow(clippy::type_complexity)]
    pub fn receive(
        &mut self,
    ) -> Result<Option<(Received<'_, T>, Sender<'_, T, F, N>)>, ProtocolError> {
        self.settle();
        let Step { used, received } = self.client.handle_input(self.input.unread())?;
        self.done = used;
        let sender = Sender { client: &mut self.client, output: &mut self.output };
        Ok(received.map(|received| (received, sender)))
    }

    fn settle(&mut self) {
        self.input.consume(mem::take(&mut self.done));
    }

    /// Returns the bytes that the last [`receive`](Self::receive) used, for a log of the wire.
    pub fn consumed(&self) -> &[u8] {
        &self.input.unread()[..self.done]
    }

    /// Returns the number of bytes that were read and not used yet, such as a part of a message.
    pub const fn unread_length(&self) -> usize {
        self.input.unread_length() - self.done
    }

    /// Handles the end of the stream, after [`receive`](Self::receive) has returned everything
    /// before it.
    ///
    /// # Errors
    ///
    /// If the end was not expected; see [`Client::handle_end`].
    pub fn handle_end(&mut self) -> Result<(), ProtocolError> {
        self.client.handle_end()
    }

    /// Ends the connection from this side, and returns all unanswered requests.
    pub fn drain(&mut self) -> impl Iterator<Item = Unanswered<T>> + '_ {
        self.client.drain()
    }

    /// Returns the output buffer.
    pub const fn output(&self) -> &Output<F> {
        &self.output
    }

    /// Returns the next chunk to be written, if there is one.
    pub fn output_chunk(&self) -> Option<OutputChunk<'_, F>> {
        self.output.chunk()
    }

    /// Removes the first `count` bytes of [`output_chunk`](Self::output_chunk), which were written,
    /// and returns the descriptor that was sent with them, to be closed.
    pub fn advance_output(&mut self, count: usize) -> Option<F> {
        self.output.advance(count)
    }

    /// Returns a sender, for sending without a received message.
    pub fn sender(&mut self) -> Sender<'_, T, F, N> {
        Sender { client: &mut self.client, output: &mut self.output }
    }
}

impl<T, F, const N: usize> fmt::Debug for Session<T, F, N> {
    /// Omits the bytes, which can be long and can contain secrets.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Session")
            .field("phase", &self.phase())
            .field("in_flight", &self.client.in_flight())
            .field("unread", &self.unread_length())
            .field("output", &self.output)
            .finish_non_exhaustive()
    }
}

impl<T, F, const N: usize> fmt::Debug for Sender<'_, T, F, N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sender").field("phase", &self.client.phase()).finish_non_exhaustive()
    }
}

impl<T, F, const N: usize> Sender<'_, T, F, N> {
    /// As [`Client::negotiate`].
    ///
    /// # Errors
    ///
    /// If the message cannot be sent now, or at all.
    pub fn negotiate(&mut self, nonce: u64, enable: &[&str]) -> Result<(), SendErrorKind> {
        self.client.negotiate(self.output, nonce, enable)
    }

    /// As [`Client::sync`].
    ///
    /// # Errors
    ///
    /// If the message cannot be sent now, or at all.
    pub fn sync(&mut self, nonce: u64) -> Result<(), SendErrorKind> {
        self.client.sync(self.output, nonce)
    }

    /// As [`Client::execute`].
    ///
    /// # Errors
    ///
    /// If the command cannot be sent now, or at all. The error contains the arguments of the call.
    #[allow(clippy::result_large_err)]
    pub fn execute(
        &mut self,
        request: Request<'_, F>,
        token: T,
    ) -> Result<RequestId, SendError<T, F>> {
        self.client.execute(self.output, request, token)
    }

    /// As [`Client::execute_raw`].
    ///
    /// # Errors
    ///
    /// If the message cannot be sent now, or at all.
    #[allow(clippy::result_large_err)]
    pub fn execute_raw(
        &mut self,
        message: &RawMessage<'_>,
        token: T,
    ) -> Result<RequestId, SendError<T, F>> {
        self.client.execute_raw(self.output, message, token)
    }

    /// As [`Client::abandon`].
    pub fn abandon(&mut self, request: RequestId) -> Option<T> {
        self.client.abandon(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::KEPT;
    use crate::client::Options;

    #[test]
    fn the_memory_of_a_long_message_is_freed_after_it_is_received() {
        let mut session: Session<()> = Session::new(Client::negotiated(Options::monitor(), 1));
        let mut long = alloc::vec![b' '; 300_000];
        long.extend_from_slice(b"{\"event\": \"STOP\"}\r\n");
        for piece in long.chunks(InputBuffer::LEAST_ROOM) {
            session.spare_mut()[..piece.len()].copy_from_slice(piece);
            session.advance(piece.len());
        }
        assert!(session.input.memory() > KEPT);
        assert!(matches!(session.receive(), Ok(Some((Received::Event(_), _)))));
        assert_eq!(session.consumed().len(), long.len() - 2);
        assert!(matches!(session.receive(), Ok(None)));
        assert!(matches!(session.receive(), Ok(None)));
        assert_eq!(session.input.memory(), 0);
    }
}

//! A client with its buffers, as one object.

use core::fmt;
use core::mem;

use crate::buffer::InputBuffer;
use crate::client::{Client, Phase, ProtocolError, Received, Step, Unanswered};
use crate::output::{NoDescriptor, Output, OutputChunk};
use crate::request::{RawMessage, Request, RequestId, SendError, SendErrorKind, WriteArguments};

/// A [`Client`] with both its buffers, for whoever wants one object beside a stream.
///
/// It never touches the stream: read into [`spare_mut`](Self::spare_mut), say how much with
/// [`advance`](Self::advance), take what came with [`receive`](Self::receive), and write what
/// [`output_chunk`](Self::output_chunk) gives.
///
/// ```
/// use qmp_proto::{Client, Options, Received, Request, Session};
///
/// # fn read(room: &mut [u8], message: &[u8]) -> usize {
/// #     room[..message.len()].copy_from_slice(message);
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
///     let count = read(session.room(), from_server.next().unwrap());
///     session.filled(count);
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
///     while let Some(outgoing) = session.outgoing() {
///         let written = outgoing.bytes.len(); // as many as the stream took
///         session.sent(written);
///     }
/// }
/// let (token, reply) = answer.unwrap();
/// assert_eq!((token, reply.json()?.as_str()), ("status", "{\"running\": true}"));
/// # Ok::<(), Box<dyn core::error::Error>>(())
/// ```
pub struct Session<T, F = NoDescriptor, const N: usize = 64> {
    client: Client<T, N>,
    input: InputBuffer,
    /// How much of the input the last thing received was made of.
    done: usize,
    output: Output<F>,
}

/// The sending half of a [`Session`], lent together with what was received.
pub struct Sender<'s, T, F = NoDescriptor, const N: usize = 64> {
    client: &'s mut Client<T, N>,
    output: &'s mut Output<F>,
}

impl<T, F, const N: usize> Session<T, F, N> {
    /// Puts buffers beside a client.
    pub const fn new(client: Client<T, N>) -> Self {
        let input = InputBuffer::new(client.longest_message());
        Self { client, input, done: 0, output: Output::new() }
    }

    /// The client.
    pub const fn client(&self) -> &Client<T, N> {
        &self.client
    }

    /// Where the connection stands.
    pub fn phase(&self) -> Phase {
        self.client.phase()
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

    /// What the bytes read so far mean, one thing a call, lent together with a sender so that it
    /// can be answered while it is held. `None`: read more.
    ///
    /// # Errors
    ///
    /// If the connection cannot go on; from then on always.
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

    /// The bytes that the last [`receive`](Self::receive) was done with: for a log of the wire.
    pub fn consumed(&self) -> &[u8] {
        &self.input.unread()[..self.done]
    }

    /// How many bytes were read that nothing was made of yet: part of a message.
    pub const fn unread_length(&self) -> usize {
        self.input.unread_length() - self.done
    }

    /// Takes the end of the stream, once everything before it was taken with
    /// [`receive`](Self::receive).
    ///
    /// # Errors
    ///
    /// If something was outstanding; see [`Client::handle_end`].
    pub fn handle_end(&mut self) -> Result<(), ProtocolError> {
        self.client.handle_end()
    }

    /// Ends the connection from our side, and gives back every request that is unanswered.
    pub fn drain(&mut self) -> impl Iterator<Item = Unanswered<T>> + '_ {
        self.client.drain()
    }

    /// The output.
    pub const fn output(&self) -> &Output<F> {
        &self.output
    }

    /// What to write next, if there is anything.
    pub fn output_chunk(&self) -> Option<OutputChunk<'_, F>> {
        self.output.chunk()
    }

    /// Says that so many bytes of [`output_chunk`](Self::output_chunk) were written; gives back the
    /// descriptor that left with them, to be closed.
    pub fn advance_output(&mut self, count: usize) -> Option<F> {
        self.output.advance(count)
    }

    /// For sending while nothing was received.
    pub fn sender(&mut self) -> Sender<'_, T, F, N> {
        Sender { client: &mut self.client, output: &mut self.output }
    }
}

impl<T, F, const N: usize> fmt::Debug for Session<T, F, N> {
    /// Not what was said: it can be long, and secret.
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
    /// If it cannot be sent now, or at all.
    pub fn negotiate(&mut self, nonce: u64, enable: &[&str]) -> Result<(), SendErrorKind> {
        self.client.negotiate(self.output, nonce, enable)
    }

    /// As [`Client::sync`].
    ///
    /// # Errors
    ///
    /// If it cannot be sent now, or at all.
    pub fn sync(&mut self, nonce: u64) -> Result<(), SendErrorKind> {
        self.client.sync(self.output, nonce)
    }

    /// As [`Client::execute`].
    ///
    /// # Errors
    ///
    /// If it cannot be sent now, or at all; what was passed in comes back.
    #[allow(clippy::result_large_err)]
    pub fn execute<A: WriteArguments>(
        &mut self,
        request: Request<'_, A, F>,
        token: T,
    ) -> Result<RequestId, SendError<T, F>> {
        self.client.execute(self.output, request, token)
    }

    /// As [`Client::execute_raw`].
    ///
    /// # Errors
    ///
    /// If it cannot be sent now, or at all.
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

    /// As [`Client::token_mut`].
    pub fn token_mut(&mut self, request: RequestId) -> Option<&mut T> {
        self.client.token_mut(request)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::buffer::KEPT;
    use crate::client::Options;

    #[test]
    fn the_memory_for_a_long_message_is_given_back_once_it_is_taken() {
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

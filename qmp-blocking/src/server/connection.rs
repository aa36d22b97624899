//! A client, and what is known about it.

use std::fmt;
#[cfg(unix)]
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::server::{Phase, Session};
use qmp_sockets::{Cause, Deadline, Error, Hangup, Socket};

use crate::server::Request;
use crate::server::request::GivenUp;
use crate::stream::Stream;

#[cfg(unix)]
type Arrivals = qmp_sockets::Arrivals;
#[cfg(not(unix))]
type Arrivals = ();

/// The server's end of a connection to a client.
///
/// One owner uses it, through `&mut`; it can be sent to another thread. Greeting, negotiation, sync
/// and what cannot be understood are dealt with beneath.
///
/// A client that has left is no error anywhere: there are no more commands, and
/// [`ended`](Self::ended) says why. Answers and events then go nowhere. Dropping this ends the
/// connection at once; [`close`](Self::close) first writes what was said.
pub struct Connection<S: Stream = Socket> {
    pub(super) stream: S,
    pub(super) session: Session,
    pub(super) peer: Arc<str>,
    pub(super) arrivals: Arrivals,
    pub(super) given_up: Arc<GivenUp>,
    /// How many bytes were read, and how many of them are done with.
    pub(super) read: u64,
    pub(super) consumed: u64,
    /// How many bytes of events were appended since the last time that nothing was unsent.
    pub(super) event_bytes: usize,
    pub(super) manners: Manners,
    /// The client sends nothing more.
    pub(super) input_ended: bool,
    /// The client does not read any more; what it said before is still done.
    pub(super) deaf: bool,
    pub(super) ended: Option<Hangup>,
}

/// How the client is dealt with.
#[derive(Clone, Copy, Debug)]
pub(super) struct Manners {
    /// One that sends no JSON is hung up on.
    pub(super) garbage_ends: bool,
    /// How many bytes of events are kept for one that does not read.
    pub(super) most_unsent: usize,
    pub(super) close_deadline: Duration,
}

impl<S: Stream> Connection<S> {
    pub(super) fn new(stream: S, session: Session, peer: &str, manners: Manners) -> Self {
        Self {
            stream,
            session,
            peer: Arc::from(peer),
            arrivals: Arrivals::default(),
            given_up: Arc::default(),
            read: 0,
            consumed: 0,
            event_bytes: 0,
            manners,
            input_ended: false,
            deaf: false,
            ended: None,
        }
    }

    /// Waits for the next command, for at most `deadline`; for ever without one. What was said
    /// before is written meanwhile. `None` when there will be no more, for the client has closed its
    /// end or the connection is over. What was received before can still be answered then: a client
    /// may end its own output and wait for the answers.
    ///
    /// With a deadline of zero it takes what is there.
    ///
    /// # Errors
    ///
    /// If the deadline passes, or the stream cannot wait with one; and if as many commands are
    /// unanswered as may be: answer one first.
    pub fn next_command(&mut self, deadline: Option<Duration>) -> Result<Option<Request>, Error> {
        if deadline.is_some() && !self.has_deadlines() {
            return Err(self.error(Cause::NoDeadlines));
        }
        self.answer_given_up();
        let within = deadline.map_or(Deadline::NEVER, Deadline::after);
        let mut fresh = true;
        loop {
            if let Some(request) = self.take_command() {
                return Ok(Some(request));
            }
            if self.ended.is_some() || self.input_ended {
                return Ok(None);
            }
            let server = self.session.server();
            if !server.wants_input() {
                let unanswered = server.in_flight();
                return Err(self.error(Cause::AnswerFirst { unanswered }));
            }
            // Even a deadline that has passed lets in what has come before it.
            if !fresh && within.expired() {
                let waited = deadline.unwrap_or_default();
                return Err(self.error(Cause::NoCommand { waited }));
            }
            fresh = false;
            self.step(within);
        }
    }

    /// Writes all that was said, and ends the connection. Commands without an answer get none.
    ///
    /// # Errors
    ///
    /// If the client does not read it within the [deadline of
    /// closing](crate::server::Builder::close_deadline).
    pub fn close(mut self) -> Result<(), Error> {
        self.flush()
    }

    /// The client, as it was named when the connection was made.
    pub fn peer(&self) -> &str {
        &self.peer
    }

    /// Whether the client has negotiated. A guest agent's need not.
    pub fn is_ready(&self) -> bool {
        self.session.phase() == Phase::Ready
    }

    /// Whether the client has enabled out-of-band execution.
    pub fn is_out_of_band(&self) -> bool {
        self.session.server().is_out_of_band()
    }

    /// How many commands are unanswered.
    pub fn in_flight(&self) -> usize {
        self.session.server().in_flight()
    }

    /// How many bytes wait for the client to read. Each call writes what it can.
    pub fn unsent(&self) -> usize {
        self.session.output().unsent()
    }

    /// Why the connection is over, if that is known: nothing is read to find out.
    pub fn ended(&self) -> Option<&Hangup> {
        self.ended.as_ref()
    }

    pub(super) fn has_deadlines(&self) -> bool {
        self.stream.has_deadlines()
    }

    pub(super) fn error(&self, cause: Cause) -> Error {
        Error::new(cause).with_peer(&self.peer)
    }
}

impl<S: Stream> fmt::Debug for Connection<S> {
    /// Who is at the other end and how things stand; nothing of what was said.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Connection")
            .field("peer", &self.peer)
            .field("phase", &self.session.phase())
            .field("in_flight", &self.in_flight())
            .field("unsent", &self.unsent())
            .field("ended", &self.ended)
            .finish_non_exhaustive()
    }
}

#[cfg(unix)]
impl<S: Stream + AsFd> AsFd for Connection<S> {
    /// For waiting on several connections at once with poll(2) and the like, level-triggered.
    ///
    /// Wait for it to become readable, and writable while something is [unsent](Self::unsent); but
    /// first take the [next command](Self::next_command) with a deadline of zero until there is
    /// none. Nothing else may read from the descriptor.
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.stream.as_fd()
    }
}

//! Waiting for events.

use std::fmt;
use std::time::{Duration, Instant};

use qmp_proto::OwnedEvent;
use qmp_sockets::{Cause, Deadline, Error, Queued};

use crate::Connection;
use crate::drive::Stopped;
use crate::stream::{Interest, Readiness, Stream};

/// A look reads no more often than this, so that a server that never stops sending cannot hold it.
const READS_A_LOOK: usize = 64;

/// A wait for an event, with conditions; [`wait`](Self::wait) waits, [`look`](Self::look) does not.
///
/// Events that do not match stay where they are, in order, for the next wait. They are kept in
/// bounded memory: when more come than fit, the oldest go, and the next wait of any kind fails with
/// [`Cause::EventsLost`], for the event it waits for may be among them. A program that only ever
/// waits for some events says so with [`keep_events`](crate::Builder::keep_events), or forgets the
/// others with [`discard_events`](Connection::discard_events).
///
/// Events that came in one read share their bytes, up to 4 KiB of them: of many, keep a few
/// [`detached`](OwnedEvent::detached).
#[must_use = "nothing is awaited before `wait` or `look`"]
pub struct EventWait<'c, S: Stream> {
    connection: &'c mut Connection<S>,
    names: Vec<&'c str>,
    matches: Option<Predicate<'c>>,
    deadline: Option<Duration>,
}

type Predicate<'c> = Box<dyn FnMut(&OwnedEvent) -> bool + 'c>;

impl<'c, S: Stream> EventWait<'c, S> {
    pub(crate) fn new(connection: &'c mut Connection<S>) -> Self {
        Self { connection, names: Vec::new(), matches: None, deadline: None }
    }

    /// Only events with this name, or one of these if called again.
    pub fn named(mut self, name: &'c str) -> Self {
        self.names.push(name);
        self
    }

    /// Only events that the predicate is true of.
    pub fn matching(mut self, predicate: impl FnMut(&OwnedEvent) -> bool + 'c) -> Self {
        self.matches = Some(Box::new(predicate));
        self
    }

    /// How long to wait.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// The oldest event that matches, or the first to come.
    ///
    /// # Errors
    ///
    /// If the deadline passes, events were lost, or the connection ends and none is left.
    pub fn wait(mut self) -> Result<OwnedEvent, Error> {
        self.connection.check_deadline(self.deadline)?;
        let Self { connection, names, matches, deadline } = &mut self;
        // In a flood, to look at the clock would be a fifth of what an event costs.
        if let Some(found) = connection.take_event(names, matches) {
            return found;
        }
        let started = Instant::now();
        let deadline = deadline.map_or(Deadline::NEVER, Deadline::after);
        match connection.drive(deadline, |connection| connection.take_event(names, matches)) {
            Ok(found) => found,
            Err(Stopped::Ended) => Err(connection.disconnected(false)),
            Err(Stopped::Deadline) => {
                let waited = started.elapsed();
                let names = names.iter().map(|&name| name.to_owned()).collect();
                Err(connection.error(Cause::NoEvent { waited, names }))
            }
        }
    }

    /// The oldest event that matches and has come already; reads what the socket holds, and does
    /// not wait.
    ///
    /// # Errors
    ///
    /// If events were lost, or the connection has ended and none is left.
    pub fn look(mut self) -> Result<Option<OwnedEvent>, Error> {
        let Self { connection, names, matches, .. } = &mut self;
        if let Some(found) = connection.take_event(names, matches) {
            return found.map(Some);
        }
        connection.read_now();
        match connection.take_event(names, matches) {
            Some(found) => found.map(Some),
            None => connection.check_ended(false).map(|()| None),
        }
    }
}

impl<S: Stream> Connection<S> {
    /// How many events are kept.
    pub fn events_kept(&self) -> usize {
        self.events.len() - usize::from(self.events.lost() > 0)
    }

    /// Forgets the events kept so far, and the count of those that were lost.
    pub fn discard_events(&mut self) {
        self.events.clear();
    }

    fn take_event(
        &mut self,
        names: &[&str],
        matches: &mut Option<Predicate<'_>>,
    ) -> Option<Result<OwnedEvent, Error>> {
        if self.events.lost() > 0 {
            if let Some(Queued::Lost(count)) = self.events.pop() {
                return Some(Err(self.error(Cause::EventsLost { count })));
            }
        }
        let found = self.events.take_first(|event| {
            (names.is_empty() || names.contains(&event.name()))
                && matches.as_mut().is_none_or(|matches| matches(event))
        });
        found.map(Ok)
    }

    /// Reads what the socket holds, without waiting.
    pub(crate) fn read_now(&mut self) {
        self.write_now();
        for _ in 0..READS_A_LOOK {
            if self.ended.is_some() || !self.stream.has_deadlines() {
                return;
            }
            match self.stream.poll(Interest::Read, Some(Duration::ZERO)) {
                Ok(Readiness { read: true, .. }) => self.step_now(),
                _ => return,
            }
        }
    }
}

impl<S: Stream + fmt::Debug> fmt::Debug for EventWait<'_, S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWait")
            .field("connection", &self.connection)
            .field("names", &self.names)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

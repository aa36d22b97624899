//! Waiting for one event.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use qmp_proto::OwnedEvent;
use qmp_sockets::{Cause, Error, EventQueue, Queued};

use crate::client::link::Link;
use crate::connection::waits::Awaited;
use crate::connection::{Connection, Waiting};
use crate::events::inbox::Inbox;
use crate::events::{Event, Events, USUAL_LIMITS};

/// A wait for one event, with conditions; await it.
///
/// It fails if the deadline passes, if the connection ends and no such event is left, and with
/// [`Cause::EventsLost`] if events had to be dropped, for the one awaited may be among them.
///
/// Cancel-safe: dropped, or polled in a `select!` that takes another branch, it takes no event.
#[must_use = "nothing is awaited before `.await`"]
pub struct EventWait<'e> {
    source: Source<'e>,
    /// The one of when it was made. Events of another do not count.
    connection: Arc<Connection>,
    names: Vec<String>,
    matches: Option<Matches<'e>>,
    deadline: Option<Duration>,
    /// When it was first polled, and when it has to be over.
    clock: Option<(Instant, Option<Instant>)>,
    waiting: Waiting,
}

type Matches<'e> = Box<dyn FnMut(&OwnedEvent) -> bool + Send + 'e>;

enum Source<'e> {
    Own(Events),
    Subscription(&'e mut Events),
}

impl EventWait<'static> {
    /// Events count from this moment on, so one can be prepared before the command that causes the
    /// event.
    pub(crate) fn new(link: &Arc<Link>) -> Self {
        let inbox = Inbox::new(Vec::new(), None, USUAL_LIMITS);
        let connection = link.connection();
        connection.common.bus.subscribe(&inbox, false);
        let link = Arc::clone(link);
        Self::of(Source::Own(Events { inbox, passed: EventQueue::new(), link }), connection)
    }
}

impl<'e> EventWait<'e> {
    pub(crate) fn in_subscription(events: &'e mut Events) -> Self {
        let connection = events.link.connection();
        Self::of(Source::Subscription(events), connection)
    }

    fn of(source: Source<'e>, connection: Arc<Connection>) -> Self {
        Self {
            source,
            connection,
            names: Vec::new(),
            matches: None,
            deadline: None,
            clock: None,
            waiting: Waiting::default(),
        }
    }

    /// Only an event with this name, or one of these if called again.
    pub fn named(mut self, name: &str) -> Self {
        if let Source::Own(events) = &self.source {
            // Others need not wake us.
            events.inbox.add_name(name);
        }
        self.names.push(name.to_owned());
        self
    }

    /// Only an event that the predicate is true of. It runs in the task that waits.
    pub fn matching(mut self, predicate: impl FnMut(&OwnedEvent) -> bool + Send + 'e) -> Self {
        self.matches = Some(Box::new(predicate));
        self
    }

    /// How long to wait, from when it is first awaited.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    fn events(&mut self) -> &mut Events {
        match &mut self.source {
            Source::Own(events) => events,
            Source::Subscription(events) => events,
        }
    }

    fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Result<Event, Error>> {
        if self.clock.is_none() {
            self.start();
            if let Some(found) = self.take_passed() {
                return Poll::Ready(found);
            }
        }
        loop {
            match self.events().inbox.poll_pop(cx) {
                Poll::Ready(Some(Queued::Event(event))) if self.wants(&event) => {
                    return Poll::Ready(Ok(event));
                }
                Poll::Ready(Some(Queued::Event(event))) => {
                    if let Source::Subscription(events) = &mut self.source {
                        events.pass(&event);
                    }
                }
                Poll::Ready(Some(Queued::Lost(count))) => {
                    return Poll::Ready(Err(self.error(Cause::EventsLost { count })));
                }
                Poll::Ready(Some(Queued::Reconnected)) => {
                    if let Source::Subscription(events) = &mut self.source {
                        events.passed.reconnected();
                    }
                    // It may be the notice of this very connection, still unread.
                    if self.connection.has_ended() {
                        return Poll::Ready(Err(self.disconnected()));
                    }
                }
                Poll::Ready(None) => return Poll::Ready(Err(self.disconnected())),
                Poll::Pending => return self.poll_deadline(cx).map(Err),
            }
        }
    }

    fn start(&mut self) {
        let duration = self.deadline;
        let now = self.connection.lock().now();
        let deadline = duration.and_then(|duration| now.checked_add(duration));
        self.clock = Some((now, deadline));
    }

    /// Looks among those that an earlier wait has left.
    fn take_passed(&mut self) -> Option<Result<Event, Error>> {
        let Source::Subscription(events) = &mut self.source else {
            return None;
        };
        if events.passed.lost() > 0 {
            if let Some(Queued::Lost(count)) = events.passed.pop() {
                return Some(Err(self.error(Cause::EventsLost { count })));
            }
        }
        let (names, matches) = (&self.names, &mut self.matches);
        let found = events.passed.take_first(|event| wants(names, matches, event));
        found.map(Ok)
    }

    fn wants(&mut self, event: &OwnedEvent) -> bool {
        wants(&self.names, &mut self.matches, event)
    }

    fn poll_deadline(&mut self, cx: &Context<'_>) -> Poll<Error> {
        let Some((started, Some(deadline))) = self.clock else {
            return Poll::Pending;
        };
        let passed = self.waiting.poll(
            cx,
            &self.connection,
            || Awaited::Deadline,
            Some(deadline),
            |machine| {
                let now = machine.now();
                (now >= deadline).then(|| now - started)
            },
        );
        passed.map(|waited| {
            let names = self.names.clone();
            self.error(Cause::NoEvent { waited, names })
        })
    }

    fn disconnected(&self) -> Error {
        let reason = self.connection.lock().lifecycle.ended.clone();
        self.connection.disconnected(reason, false)
    }

    fn error(&self, cause: Cause) -> Error {
        self.connection.error(cause)
    }
}

fn wants(names: &[String], matches: &mut Option<Matches<'_>>, event: &OwnedEvent) -> bool {
    (names.is_empty() || names.iter().any(|name| name == event.name()))
        && matches.as_mut().is_none_or(|matches| matches(event))
}

impl Future for EventWait<'_> {
    type Output = Result<Event, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_event(cx)
    }
}

impl Drop for EventWait<'_> {
    fn drop(&mut self) {
        self.waiting.leave(&self.connection);
    }
}

impl fmt::Debug for EventWait<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWait")
            .field("names", &self.names)
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

//! Waiting for one event.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use qmp_proto::{OwnedEvent, RawJson};

use crate::caller::Spawned;
use crate::client::link::Link;
use crate::connection::Connection;
use crate::connection::waiting::Timer;
use crate::events::Event;
use crate::events::conditions::{Conditions, MemberValue};
use crate::events::inbox::{Inbox, Span};
use crate::events::queue::{DEFAULT_LIMITS, EventQueue, PersistentItem};
use crate::events::reader::Reader;
use crate::{Error, ErrorKind};

/// A wait for one event with conditions. Without conditions it returns the next event.
///
/// It returns an error if the deadline passes, if the connection has ended and no matching event is
/// left, or if events were dropped before this wait could check them ([`ErrorKind::EventsLost`]),
/// because the awaited event may be among them.
///
/// Cancel-safe: dropping it, or polling it in a `select!` that takes another branch, loses no
/// event.
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct EventWait<'e, X = Spawned> {
    pub(crate) caller: X,
    source: Source<'e>,
    conditions: Conditions,
    predicate: Option<Predicate<'e>>,
    timer: Timer,
}

type Predicate<'e> = Box<dyn FnMut(&OwnedEvent) -> bool + Send + 'e>;

enum Source<'e> {
    Own(Reader),
    Lent(&'e mut Reader),
}

impl EventWait<'static> {
    /// Creates a wait for events from now on.
    pub(crate) fn new(link: &Arc<Link>) -> Self {
        let connection = link.connection();
        let inbox = Inbox::new(Conditions::default(), None, Span::Connection, DEFAULT_LIMITS);
        connection.common.bus.subscribe(&inbox);
        let own = Reader::new(inbox, EventQueue::new(), Arc::clone(&connection));
        Self::of(Source::Own(own), connection, Spawned)
    }
}

impl<'e, X> EventWait<'e, X> {
    pub(super) fn of_reader(reader: &'e mut Reader, caller: X) -> Self {
        let connection = Arc::clone(reader.connection());
        Self::of(Source::Lent(reader), connection, caller)
    }

    fn of(source: Source<'e>, connection: Arc<Connection>, caller: X) -> Self {
        let timer = Timer::new(connection, None);
        Self { caller, source, conditions: Conditions::default(), predicate: None, timer }
    }

    /// Selects events by name. Can be called several times to select several names.
    pub fn named(self, name: &str) -> Self {
        self.with_condition(|conditions| conditions.add_name(name))
    }

    /// Selects events whose data has this member with this value.
    ///
    /// ```no_run
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let deleted = qemu.event().named("DEVICE_DELETED").member("device", "net0");
    /// qemu.execute("device_del").argument("id", "net0").await?;
    /// deleted.await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn member(self, name: &str, value: impl Into<MemberValue>) -> Self {
        let value = value.into();
        self.with_condition(|conditions| conditions.add_member(name, value.clone()))
    }

    /// Selects events whose data contains `data`: every member of an object with the same value, at
    /// any level. Arrays are compared as a whole.
    pub fn containing(self, data: RawJson<'_>) -> Self {
        self.with_condition(|conditions| conditions.add_json(data))
    }

    /// Selects events for which the predicate returns `true`, in addition to the other conditions.
    /// The predicate runs in the task that waits.
    pub fn matching(mut self, predicate: impl FnMut(&OwnedEvent) -> bool + Send + 'e) -> Self {
        self.predicate = Some(Box::new(predicate));
        self
    }

    /// Sets the deadline, counted from the first poll. Default: none.
    #[doc(alias = "deadline")]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timer.set_timeout(timeout);
        self
    }

    /// Returns the same wait, to be run by another caller.
    #[doc(hidden)]
    pub fn with_caller<Y>(self, caller: Y) -> EventWait<'e, Y> {
        let Self { source, conditions, predicate, timer, .. } = self;
        EventWait { caller, source, conditions, predicate, timer }
    }

    fn with_condition(mut self, add: impl Fn(&mut Conditions)) -> Self {
        if let Source::Own(own) = &self.source {
            // Other events do not have to wake this task.
            own.inbox.change_conditions(&add);
        }
        add(&mut self.conditions);
        self
    }

    fn reader(&mut self) -> &mut Reader {
        match &mut self.source {
            Source::Own(own) => own,
            Source::Lent(lent) => lent,
        }
    }

    pub(crate) fn poll_event(&mut self, cx: &Context<'_>) -> Poll<Result<Event, Error>> {
        if !self.timer.has_started() {
            self.timer.start();
            if let Err(cause) = self.timer.refuse() {
                return Poll::Ready(Err(self.error(cause)));
            }
            if let Some(event) = self.take_passed() {
                return Poll::Ready(Ok(event));
            }
        }
        loop {
            match self.reader().inbox.poll_pop(cx) {
                Poll::Ready(Some(PersistentItem::Event(event))) => {
                    if matches(&self.conditions, &mut self.predicate, &event) {
                        return Poll::Ready(Ok(event));
                    }
                    if let Source::Lent(lent) = &mut self.source {
                        lent.pass(&event);
                    }
                }
                Poll::Ready(Some(PersistentItem::Lagged(count))) => {
                    return Poll::Ready(Err(self.error(ErrorKind::EventsLost { count })));
                }
                // A subscription to one connection gets no notices of other connections.
                Poll::Ready(Some(_)) => {}
                Poll::Ready(None) => return Poll::Ready(Err(self.disconnected())),
                Poll::Pending => {
                    let late = self.timer.poll(cx);
                    return late.map(|waited| {
                        let names = self.conditions.names().to_vec();
                        Err(self.error(ErrorKind::NoEvent { waited, names }))
                    });
                }
            }
        }
    }

    /// Takes a matching event from those that an earlier wait has passed over.
    fn take_passed(&mut self) -> Option<Event> {
        let Source::Lent(lent) = &mut self.source else {
            return None;
        };
        let (conditions, predicate) = (&self.conditions, &mut self.predicate);
        lent.passed.take_first(|event| matches(conditions, predicate, event))
    }

    fn disconnected(&self) -> Error {
        let connection = self.timer.connection();
        let reason = connection.lock().lifecycle.ended.clone();
        connection.disconnected(reason, false)
    }

    pub(crate) fn error(&self, cause: ErrorKind) -> Error {
        self.timer.connection().error(cause)
    }
}

fn matches(
    conditions: &Conditions,
    predicate: &mut Option<Predicate<'_>>,
    event: &OwnedEvent,
) -> bool {
    conditions.match_event(event) && predicate.as_mut().is_none_or(|matches| matches(event))
}

impl Future for EventWait<'_> {
    type Output = Result<Event, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.poll_event(cx)
    }
}

impl<X> fmt::Debug for EventWait<'_, X> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventWait")
            .field("names", &self.conditions.names())
            .field("deadline", &self.timer.timeout())
            .finish_non_exhaustive()
    }
}

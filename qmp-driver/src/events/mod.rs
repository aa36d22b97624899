//! Subscriptions to events.

pub(crate) mod bus;
mod event_wait;
mod inbox;

use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use futures_core::Stream;
use qmp_proto::OwnedEvent;
use qmp_sockets::{Disconnect, EventQueue, Queued};

pub use event_wait::EventWait;
use inbox::{Inbox, Predicate};

use crate::client::link::Link;

/// An event, shared by all who subscribed to it.
///
/// It shares its bytes with its neighbours, too: one that is kept keeps up to 4 KiB of them in
/// memory, which does no harm as long as all are read in turn. Of many, keep a few
/// [`detached`](OwnedEvent::detached). Those of a subscription that asked for
/// [names](Subscribe::named) or has a [predicate](Subscribe::matching) come detached already,
/// unless it wanted all there were.
pub type Event = OwnedEvent;

/// Puts a subscription together.
#[must_use = "nothing is subscribed before `subscribe`"]
pub struct Subscribe<'c> {
    link: &'c Arc<Link>,
    names: Vec<String>,
    predicate: Option<Predicate>,
    limits: (usize, usize),
}

pub(crate) const USUAL_LIMITS: (usize, usize) =
    (EventQueue::<()>::MOST_EVENTS, EventQueue::<()>::MOST_BYTES);

impl<'c> Subscribe<'c> {
    pub(crate) fn new(link: &'c Arc<Link>) -> Self {
        Self { link, names: Vec::new(), predicate: None, limits: USUAL_LIMITS }
    }

    /// Only events with this name, or one of these if called again.
    pub fn named(mut self, name: &str) -> Self {
        self.names.push(name.to_owned());
        self
    }

    /// Only events that the predicate is true of. It runs in the driver's task, which reads nothing
    /// meanwhile: keep it short. If it panics, this subscription ends.
    pub fn matching(
        mut self,
        predicate: impl Fn(&OwnedEvent) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.predicate = Some(Box::new(predicate));
        self
    }

    /// How many events, and how many bytes of them, are kept for a slow reader: 4096 and 4 MiB
    /// unless set. One event always fits.
    ///
    /// A reader who keeps up loses nothing all the same: when little room is left in a queue of 256
    /// events or more, nothing is read for up to 10 ms, until its reader takes what waits. That holds
    /// up no answer, since it is not done while a command is unanswered; and a reader who takes nothing
    /// in that time is not waited for again until it does.
    ///
    /// A reader takes over all that waits when it has read what it took over last, so a subscription
    /// can hold twice as much. Beside the messages, 4 KiB of each half may be bytes of events that
    /// were read already, and an event costs some 80 bytes beside its message.
    pub fn limits(mut self, events: usize, bytes: usize) -> Self {
        self.limits = (events, bytes);
        self
    }

    /// Subscribes, from this moment on. The first subscription of a connection also gets the last
    /// 64 of the events that came before it, or as many of them as 4 MiB hold.
    pub fn subscribe(self) -> Events {
        let inbox = Inbox::new(self.names, self.predicate, self.limits);
        let mut events = Events {
            passed: EventQueue::with_limits(self.limits.0, self.limits.1),
            link: Arc::clone(self.link),
            inbox,
        };
        for event in self.link.connection().common.bus.subscribe(&events.inbox, true) {
            if events.inbox.wants(&event) {
                events.pass(&event);
            }
        }
        events
    }
}

impl fmt::Debug for Subscribe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Subscribe").field("names", &self.names).finish_non_exhaustive()
    }
}

/// A subscription: a stream of events, and of counts of those that were lost because they were not
/// read in time. It ends when the connection does and all was read; then
/// [`end_reason`](Self::end_reason) says why. If the client reconnects it goes on, with a
/// [notice](Queued::Reconnected).
///
/// An event that came before the answer to a command is here when the command's future is done.
///
/// A subscription does not keep its connection alive.
pub struct Events {
    pub(crate) inbox: Arc<Inbox>,
    /// What was taken over from the inbox, or left behind by a wait: older than all that is there.
    pub(crate) passed: EventQueue<Event>,
    pub(crate) link: Arc<Link>,
}

impl Events {
    /// The next event, or count of the lost; `None` once the connection has ended and all was read.
    ///
    /// Cancel-safe: an event that was not returned stays in the queue.
    pub async fn recv(&mut self) -> Option<Queued<Event>> {
        std::future::poll_fn(|cx| self.poll_recv(cx)).await
    }

    /// The same, if it is there already.
    pub fn try_recv(&mut self) -> Option<Queued<Event>> {
        if self.passed.is_empty() {
            self.inbox.hand_over(&mut self.passed);
        }
        self.passed.pop()
    }

    /// Everything that is there already.
    pub fn drain(&mut self) -> Vec<Queued<Event>> {
        std::iter::from_fn(|| self.try_recv()).collect()
    }

    /// Waits for one event of these, with further conditions. Events that do not match stay where
    /// they are, in order.
    pub fn event(&mut self) -> EventWait<'_> {
        EventWait::in_subscription(self)
    }

    /// Why the connection has ended, if it has.
    pub fn end_reason(&self) -> Option<Disconnect> {
        self.link.connection().lock().lifecycle.ended.clone()
    }

    /// Its neighbours may be taken, so it must not keep them in memory.
    pub(crate) fn pass(&mut self, event: &Event) {
        let bytes = event.message().len();
        self.passed.push(event.detached(), bytes);
    }

    fn poll_recv(&mut self, cx: &Context<'_>) -> Poll<Option<Queued<Event>>> {
        if self.passed.is_empty() {
            // All at once: the lock is taken, and the driver kept out, once for many events.
            ready!(self.inbox.poll_hand_over(cx, &mut self.passed));
        }
        Poll::Ready(self.passed.pop())
    }
}

impl Stream for Events {
    type Item = Queued<Event>;

    fn poll_next(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.poll_recv(cx)
    }
}

impl fmt::Debug for Events {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Events").field("inbox", &self.inbox).finish_non_exhaustive()
    }
}

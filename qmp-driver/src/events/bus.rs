//! Delivers events to any number of subscribers.

use std::sync::{Arc, PoisonError, Weak};
use std::task::{Poll, Waker};

use crate::batch::Batch;
use crate::events::inbox::Inbox;
use crate::events::inbox::Span;
use crate::events::queue::{DEFAULT_LIMITS, EventQueue, PersistentItem};
use crate::sync::{Mutex, MutexGuard};
use crate::{CloseReason, Event};

/// How many events are buffered for the first subscription, within the byte limit of a queue.
const BACKLOG: usize = 64;

/// The subscribers of a connection. Each has its own bounded queue, so a slow or forgotten
/// subscriber does not affect the others.
#[derive(Debug)]
pub(crate) struct Bus(Mutex<Subscribers>);

#[derive(Debug)]
struct Subscribers {
    inboxes: Vec<Weak<Inbox>>,
    backlog: Backlog,
    /// The number of the connection that events come from.
    connection: u64,
    ended: bool,
    /// No connection follows this one.
    last: bool,
}

/// Events from before the first subscription.
#[derive(Debug)]
enum Backlog {
    Empty,
    // Boxed, because many connections are idle.
    Events(Box<EventQueue<Event>>),
    /// There has been a subscription, or the backlog is not wanted.
    Closed,
}

impl Bus {
    pub(crate) fn new(backlog: bool) -> Self {
        Self(Mutex::new(Subscribers {
            inboxes: Vec::new(),
            backlog: if backlog { Backlog::Empty } else { Backlog::Closed },
            connection: 0,
            ended: false,
            last: false,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether an event would be buffered for any subscriber or for the backlog.
    pub(crate) fn has_takers(&self) -> bool {
        let subscribers = self.lock();
        !matches!(subscribers.backlog, Backlog::Closed) || !subscribers.inboxes.is_empty()
    }

    /// Adds events to the queues of the subscribers that want them. Returns whether the driver
    /// should wait for a subscriber whose queue is nearly full. Holds no lock while predicates run.
    pub(crate) fn publish(
        &self,
        connection: u64,
        events: &mut Batch<Event>,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let (last, others) = {
            let mut subscribers = self.lock();
            if subscribers.connection != connection {
                return false;
            }
            subscribers.backlog.keep(events);
            let mut inboxes = subscribers.inboxes();
            // Usually there is one subscriber, which needs no vector.
            (inboxes.next(), inboxes.collect::<Vec<_>>())
        };
        let mut crowded = false;
        for inbox in others {
            crowded |= inbox.offer(connection, events, false, wakers);
        }
        if let Some(inbox) = last {
            crowded |= inbox.offer(connection, events, true, wakers);
        }
        crowded
    }

    /// Waits until all subscribers that the driver waits for have taken something from their
    /// queues.
    pub(crate) fn poll_room(&self, waker: &Waker) -> Poll<()> {
        let waits = |inbox: &Arc<Inbox>| inbox.poll_room(waker).is_pending();
        // Polls all of them, because each has to wake the driver.
        match self.all().iter().filter(|inbox| waits(inbox)).count() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// Stops waiting for subscribers, because they took too long.
    pub(crate) fn stop_waiting(&self) {
        self.all().iter().for_each(|inbox| inbox.stop_waiting());
    }

    fn all(&self) -> Vec<Arc<Inbox>> {
        self.lock().inboxes().collect()
    }

    /// Ends the events of this connection. Returns the inboxes, which must be dropped without a
    /// lock: one may be the last reference to its subscription.
    pub(crate) fn end(
        &self,
        connection: u64,
        reason: &CloseReason,
        wakers: &mut Vec<Waker>,
    ) -> Vec<Arc<Inbox>> {
        let mut subscribers = self.lock();
        if subscribers.connection != connection {
            return Vec::new();
        }
        subscribers.ended = true;
        let inboxes: Vec<_> = subscribers.inboxes().collect();
        // Under the lock, so that the notice is queued before the drop of the client ends the
        // inboxes.
        for inbox in &inboxes {
            inbox.end(connection, reason, wakers);
            if subscribers.last {
                inbox.finish(wakers);
            }
        }
        inboxes
    }

    /// Marks the current connection as the last one, because the client was dropped.
    pub(crate) fn finish(&self, wakers: &mut Vec<Waker>) {
        let inboxes = {
            let mut subscribers = self.lock();
            subscribers.last = true;
            if !subscribers.ended {
                return;
            }
            subscribers.inboxes().collect::<Vec<_>>()
        };
        inboxes.iter().for_each(|inbox| inbox.finish(wakers));
    }

    /// Begins the events of a new connection.
    pub(crate) fn begin(&self, connection: u64, wakers: &mut Vec<Waker>) {
        let mut subscribers = self.lock();
        subscribers.connection = connection;
        subscribers.ended = false;
        // Under the lock, so that the notice is queued before any event of the new connection.
        let inboxes: Vec<_> = subscribers.inboxes().collect();
        for inbox in &inboxes {
            inbox.begin(connection, wakers);
        }
        subscribers
            .inboxes
            .retain(|inbox| inbox.upgrade().is_some_and(|inbox| inbox.span() == Span::Client));
        // Dropped after the lock is released, because an inbox may be the last reference to its
        // subscription.
        drop(subscribers);
        drop(inboxes);
    }

    /// Adds a subscriber, and returns the events from before the first subscription.
    pub(crate) fn subscribe(&self, inbox: &Arc<Inbox>) -> Vec<Event> {
        let mut subscribers = self.lock();
        let ended = subscribers.ended && (inbox.span() == Span::Connection || subscribers.last);
        inbox.join(subscribers.connection, ended);
        if subscribers.inboxes.len() == subscribers.inboxes.capacity() {
            subscribers.inboxes.retain(|inbox| inbox.strong_count() > 0);
        }
        subscribers.inboxes.push(Arc::downgrade(inbox));
        let backlog = std::mem::replace(&mut subscribers.backlog, Backlog::Closed);
        drop(subscribers);
        let Backlog::Events(mut backlog) = backlog else {
            return Vec::new();
        };
        // Dropped events are not reported here, because there was no subscriber for them.
        let event = |item| if let PersistentItem::Event(event) = item { Some(event) } else { None };
        backlog.drain().filter_map(event).collect()
    }
}

impl Backlog {
    fn keep(&mut self, events: &Batch<Event>) {
        if matches!(self, Self::Empty) && !events.is_empty() {
            let queue = EventQueue::with_limits(BACKLOG, DEFAULT_LIMITS.1);
            *self = Self::Events(Box::new(queue));
        }
        if let Self::Events(backlog) = self {
            for event in events.iter() {
                backlog.push(event.clone(), event.message().len());
            }
        }
    }
}

impl Subscribers {
    fn inboxes(&mut self) -> impl Iterator<Item = Arc<Inbox>> {
        self.inboxes.retain(|inbox| inbox.strong_count() > 0);
        self.inboxes.iter().filter_map(Weak::upgrade)
    }
}

//! Events on their way to any number of subscribers.

use std::sync::{Arc, PoisonError, Weak};
use std::task::{Poll, Waker};

use crate::batch::Batch;
use crate::events::inbox::Inbox;
use crate::events::inbox::Span;
use crate::events::queue::{DEFAULT_LIMITS, EventQueue, PersistentItem};
use crate::sync::{Mutex, MutexGuard};
use crate::{Disconnect, Event};

/// How many events are kept for the first subscription, if they do not exceed the bytes of a queue.
const BACKLOG: usize = 64;

/// Where events go. Each subscriber has a queue of its own, bounded, so a slow or forgotten one
/// costs nobody else anything.
#[derive(Debug)]
pub(crate) struct Bus(Mutex<Subscribers>);

#[derive(Debug)]
struct Subscribers {
    inboxes: Vec<Weak<Inbox>>,
    /// What came before the first subscription; `None` from then on.
    backlog: Option<EventQueue<Event>>,
    /// The connection that events come from.
    connection: u64,
    ended: bool,
    /// No connection follows this one.
    last: bool,
}

impl Bus {
    pub(crate) fn new(backlog: bool) -> Self {
        let queue = || EventQueue::with_limits(BACKLOG, DEFAULT_LIMITS.1);
        Self(Mutex::new(Subscribers {
            inboxes: Vec::new(),
            backlog: backlog.then(queue),
            connection: 0,
            ended: false,
            last: false,
        }))
    }

    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an event would be kept for anybody.
    pub(crate) fn has_takers(&self) -> bool {
        let subscribers = self.lock();
        subscribers.backlog.is_some() || !subscribers.inboxes.is_empty()
    }

    /// Puts events into the queues of those who want them; whether one of the queues is nearly full,
    /// and its reader worth waiting for. No lock is held while predicates run.
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
            if let Some(backlog) = &mut subscribers.backlog {
                for event in events.iter() {
                    backlog.push(event.clone(), event.message().len());
                }
            }
            let mut inboxes = subscribers.inboxes();
            // Most have one subscriber, and for that one alone no vector is made.
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

    /// Waits until those who are worth waiting for have taken something from their queues.
    pub(crate) fn poll_room(&self, waker: &Waker) -> Poll<()> {
        let waits = |inbox: &Arc<Inbox>| inbox.poll_room(waker).is_pending();
        // All of them: each wakes the driver.
        match self.all().iter().filter(|inbox| waits(inbox)).count() {
            0 => Poll::Ready(()),
            _ => Poll::Pending,
        }
    }

    /// They took too long.
    pub(crate) fn stop_waiting(&self) {
        self.all().iter().for_each(|inbox| inbox.stop_waiting());
    }

    fn all(&self) -> Vec<Arc<Inbox>> {
        self.lock().inboxes().collect()
    }

    /// No more events come from this connection.
    pub(crate) fn end(&self, connection: u64, reason: &Disconnect, wakers: &mut Vec<Waker>) {
        let mut subscribers = self.lock();
        if subscribers.connection != connection {
            return;
        }
        subscribers.ended = true;
        let inboxes: Vec<_> = subscribers.inboxes().collect();
        // Under the lock, so that the notice is there before the client's drop ends the inboxes.
        for inbox in &inboxes {
            inbox.end(connection, reason, wakers);
            if subscribers.last {
                inbox.finish(wakers);
            }
        }
        // One of them may be the last of its subscription by now.
        drop(subscribers);
        drop(inboxes);
    }

    /// The client is dropped: its connection is the last.
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

    /// Events come from a new connection.
    pub(crate) fn begin(&self, connection: u64, wakers: &mut Vec<Waker>) {
        let mut subscribers = self.lock();
        subscribers.connection = connection;
        subscribers.ended = false;
        // Under the lock, so that the notice is there before any event of the new connection.
        let inboxes: Vec<_> = subscribers.inboxes().collect();
        for inbox in &inboxes {
            inbox.begin(connection, wakers);
        }
        subscribers
            .inboxes
            .retain(|inbox| inbox.upgrade().is_some_and(|inbox| inbox.span() == Span::Client));
        // One of them may be the last of its subscription by now.
        drop(subscribers);
        drop(inboxes);
    }

    /// Adds a subscriber, and returns the events that came before the first one.
    pub(crate) fn subscribe(&self, inbox: &Arc<Inbox>) -> Vec<Event> {
        let mut subscribers = self.lock();
        let ended = subscribers.ended && (inbox.span() == Span::Connection || subscribers.last);
        inbox.join(subscribers.connection, ended);
        if subscribers.inboxes.len() == subscribers.inboxes.capacity() {
            subscribers.inboxes.retain(|inbox| inbox.strong_count() > 0);
        }
        subscribers.inboxes.push(Arc::downgrade(inbox));
        let backlog = subscribers.backlog.take();
        drop(subscribers);
        let Some(mut backlog) = backlog else {
            return Vec::new();
        };
        // What was dropped of them is not reported, since nobody had asked for them.
        let event = |item| if let PersistentItem::Event(event) = item { Some(event) } else { None };
        backlog.drain().filter_map(event).collect()
    }
}

impl Subscribers {
    fn inboxes(&mut self) -> impl Iterator<Item = Arc<Inbox>> {
        self.inboxes.retain(|inbox| inbox.strong_count() > 0);
        self.inboxes.iter().filter_map(Weak::upgrade)
    }
}

//! Events on their way to any number of subscribers.

use std::sync::{Arc, PoisonError, Weak};
use std::task::{Poll, Waker};

use qmp_sockets::{EventQueue, Queued};

use crate::Event;
use crate::driver::Few;
use crate::events::inbox::Inbox;
use crate::sync::{Mutex, MutexGuard};

/// How many events wait for the first subscriber. However long they are, they weigh no more than
/// a queue may.
const EARLY: usize = 64;

/// Where events go. Each subscriber has a queue of its own, bounded, so a slow or forgotten one
/// costs nobody else anything.
#[derive(Debug)]
pub(crate) struct Bus(Mutex<Subscribers>);

#[derive(Debug)]
struct Subscribers {
    inboxes: Vec<Weak<Inbox>>,
    /// What came before anybody subscribed; `None` from then on.
    early: Option<EventQueue<Event>>,
    /// The connection that events come from.
    connection: u64,
    ended: bool,
}

impl Default for Bus {
    fn default() -> Self {
        Self(Mutex::new(Subscribers {
            inboxes: Vec::new(),
            early: Some(EventQueue::with_limits(EARLY, EventQueue::<Event>::MOST_BYTES)),
            connection: 0,
            ended: false,
        }))
    }
}

impl Bus {
    fn lock(&self) -> MutexGuard<'_, Subscribers> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether an event would be kept for anybody.
    pub(crate) fn has_takers(&self) -> bool {
        let subscribers = self.lock();
        subscribers.early.is_some() || !subscribers.inboxes.is_empty()
    }

    /// Puts events into the queues of those who want them; whether one of the queues is nearly full,
    /// and its reader worth waiting for. No lock is held while predicates run.
    pub(crate) fn publish(
        &self,
        connection: u64,
        events: &mut Few<Event>,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let (last, others) = {
            let mut subscribers = self.lock();
            if subscribers.connection != connection {
                return false;
            }
            if let Some(early) = &mut subscribers.early {
                for event in events.iter() {
                    early.push(event.clone(), event.message().len());
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

    /// No more events will come from this connection.
    pub(crate) fn end(&self, connection: u64, wakers: &mut Vec<Waker>) {
        let inboxes = {
            let mut subscribers = self.lock();
            if subscribers.connection != connection {
                return;
            }
            subscribers.ended = true;
            subscribers.inboxes().collect::<Vec<_>>()
        };
        for inbox in inboxes {
            inbox.end(connection, wakers);
        }
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
        // One of them may be the last of its subscription by now.
        drop(subscribers);
        drop(inboxes);
    }

    /// Adds a subscriber, and gives it the early events if it is to have them and is the first.
    pub(crate) fn subscribe(&self, inbox: &Arc<Inbox>, early: bool) -> Vec<Event> {
        let mut subscribers = self.lock();
        inbox.join(subscribers.connection, subscribers.ended);
        if subscribers.inboxes.len() == subscribers.inboxes.capacity() {
            subscribers.inboxes.retain(|inbox| inbox.strong_count() > 0);
        }
        subscribers.inboxes.push(Arc::downgrade(inbox));
        let early = early.then(|| subscribers.early.take()).flatten();
        drop(subscribers);
        let Some(mut early) = early else {
            return Vec::new();
        };
        // Nobody is told what was lost of them: nobody had asked for them.
        let events = std::iter::from_fn(|| early.pop());
        events
            .filter_map(|it| if let Queued::Event(event) = it { Some(event) } else { None })
            .collect()
    }
}

impl Subscribers {
    fn inboxes(&mut self) -> impl Iterator<Item = Arc<Inbox>> {
        self.inboxes.retain(|inbox| inbox.strong_count() > 0);
        self.inboxes.iter().filter_map(Weak::upgrade)
    }
}

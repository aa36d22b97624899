//! Events on their way to any number of subscribers.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use qmp_proto::OwnedEvent;
use qmp_sockets::{EventQueue, Queued};

use crate::Event;
use crate::sync::{Mutex, MutexGuard};

/// How many events wait for the first subscriber. However long they are, they weigh no more than
/// a queue may.
const EARLY: usize = 64;

pub(crate) type Predicate = Box<dyn Fn(&OwnedEvent) -> bool + Send + Sync>;

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

    /// Puts events into the queues of those who want them. No lock is held while predicates run.
    pub(crate) fn publish(&self, connection: u64, events: &[Event], wakers: &mut Vec<Waker>) {
        let inboxes = {
            let mut subscribers = self.lock();
            if subscribers.connection != connection {
                return;
            }
            if let Some(early) = &mut subscribers.early {
                for event in events {
                    early.push(Arc::clone(event), event.message().len());
                }
            }
            subscribers.inboxes()
        };
        for inbox in inboxes {
            for event in events {
                inbox.offer(event, wakers);
            }
        }
    }

    /// No more events will come from this connection.
    pub(crate) fn end(&self, connection: u64, wakers: &mut Vec<Waker>) {
        let inboxes = {
            let mut subscribers = self.lock();
            if subscribers.connection != connection {
                return;
            }
            subscribers.ended = true;
            subscribers.inboxes()
        };
        for inbox in inboxes {
            let mut state = inbox.lock();
            state.ended = true;
            wakers.extend(state.waker.take());
        }
    }

    /// Events come from a new connection.
    pub(crate) fn begin(&self, connection: u64, wakers: &mut Vec<Waker>) {
        let mut subscribers = self.lock();
        subscribers.connection = connection;
        subscribers.ended = false;
        // Under the lock, so that the notice is there before any event of the new connection.
        let inboxes = subscribers.inboxes();
        for inbox in &inboxes {
            let mut state = inbox.lock();
            state.ended = state.failed;
            if !state.failed {
                state.queue.reconnected();
                wakers.extend(state.waker.take());
            }
        }
        // One of them may be the last of its subscription by now.
        drop(subscribers);
        drop(inboxes);
    }

    /// Adds a subscriber, and gives it the early events if it is to have them and is the first.
    pub(crate) fn subscribe(&self, inbox: &Arc<Inbox>, early: bool) -> Vec<Event> {
        let mut subscribers = self.lock();
        inbox.lock().ended = subscribers.ended;
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
    fn inboxes(&mut self) -> Vec<Arc<Inbox>> {
        self.inboxes.retain(|inbox| inbox.strong_count() > 0);
        self.inboxes.iter().filter_map(Weak::upgrade).collect()
    }
}

/// One subscriber's queue.
pub(crate) struct Inbox {
    predicate: Option<Predicate>,
    state: Mutex<State>,
}

#[derive(Debug)]
struct State {
    names: Vec<String>,
    queue: EventQueue<Event>,
    waker: Option<Waker>,
    /// No more events come, unless there is a new connection.
    ended: bool,
    /// The predicate has panicked.
    failed: bool,
}

impl Inbox {
    pub(crate) fn new(
        names: Vec<String>,
        predicate: Option<Predicate>,
        (events, bytes): (usize, usize),
    ) -> Arc<Self> {
        let state = State {
            names,
            queue: EventQueue::with_limits(events, bytes),
            waker: None,
            ended: false,
            failed: false,
        };
        Arc::new(Self { predicate, state: Mutex::new(state) })
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether the subscriber wants this event.
    pub(crate) fn wants(&self, event: &OwnedEvent) -> bool {
        self.lock().is_named(event) && self.predicate.as_ref().is_none_or(|matches| matches(event))
    }

    /// A predicate that panics costs its own subscription, and nobody else anything.
    fn offer(&self, event: &Event, wakers: &mut Vec<Waker>) {
        let wanted = catch_unwind(AssertUnwindSafe(|| self.wants(event)));
        let mut state = self.lock();
        match wanted {
            Ok(true) if !state.ended => {
                state.queue.push(Arc::clone(event), event.message().len());
            }
            Ok(_) => return,
            Err(_) => (state.ended, state.failed) = (true, true),
        }
        wakers.extend(state.waker.take());
    }

    /// One more name that is wanted, for events that come from now on.
    pub(crate) fn add_name(&self, name: &str) {
        self.lock().names.push(name.to_owned());
    }

    pub(crate) fn pop(&self) -> Option<Queued<Event>> {
        self.lock().queue.pop()
    }

    /// The front of the queue; `None` once the connection has ended and the queue is empty.
    pub(crate) fn poll_pop(&self, cx: &Context<'_>) -> Poll<Option<Queued<Event>>> {
        if let Some(queued) = self.pop() {
            return Poll::Ready(Some(queued));
        }
        // Cloned, and dropped, outside the lock.
        let mut waker = Some(cx.waker().clone());
        let mut state = self.lock();
        if let Some(queued) = state.queue.pop() {
            return Poll::Ready(Some(queued));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        std::mem::swap(&mut state.waker, &mut waker);
        drop(state);
        Poll::Pending
    }
}

impl State {
    fn is_named(&self, event: &OwnedEvent) -> bool {
        self.names.is_empty() || self.names.iter().any(|name| name == event.name())
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox").field("names", &self.lock().names).finish_non_exhaustive()
    }
}

//! Events that wait for their reader, in bounded memory.

use std::collections::VecDeque;
use std::iter;

use crate::Disconnect;

/// A bounded queue of events that counts what it has to drop.
///
/// A slow reader of events must hold back neither replies nor the server. So when the queue is full
/// the oldest events are dropped, and a count of them is delivered in their place: **at the front,
/// before the oldest event still there**, because everything dropped is older than everything kept.
/// That stays true when [`take_first`](Self::take_first) removes an event from the middle.
///
/// The newest event is always kept, even when it alone is larger than the limit, so the bytes can
/// exceed their limit by one event.
///
/// A notice of a change of the connection keeps its place among the events, takes no room of theirs,
/// and is never dropped; several without an event in between become one.
///
/// The first push allocates; a queue that is never used costs no memory.
#[derive(Debug)]
pub(crate) struct EventQueue<E> {
    events: VecDeque<Entry<E>>,
    bytes: usize,
    lagged: u64,
    /// What has happened since the newest event.
    last_change: Change,
    most_events: usize,
    most_bytes: usize,
}

/// The default limits of a queue: 4096 events, 4 MiB.
pub(crate) const DEFAULT_LIMITS: (usize, usize) = (4096, 4 << 20);

/// What a [`Subscription`](crate::Subscription) yields.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventItem<E = crate::Event> {
    /// An event.
    Event(E),
    /// This many events came before the next one and were dropped, because they were not read in
    /// time.
    Lagged(u64),
}

/// What a [`PersistentSubscription`](crate::PersistentSubscription) yields.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PersistentItem<E = crate::Event> {
    /// An event.
    Event(E),
    /// This many events came before the next one and were dropped, because they were not read in
    /// time.
    Lagged(u64),
    /// The connection ended, for this reason.
    Disconnected(Disconnect),
    /// A new connection has taken the place of the one that ended. What follows comes from it. Events
    /// in between are not known, and nothing was sent again: query the state that they would have
    /// told of.
    Reconnected,
}

#[derive(Debug)]
struct Entry<E> {
    event: E,
    bytes: usize,
    /// What happened before it.
    change: Change,
}

/// What happened to the connection; most often nothing.
#[derive(Debug, Default)]
struct Change(Option<Box<Changed>>);

#[derive(Debug, Default)]
struct Changed {
    ended: Option<Disconnect>,
    /// After that, if it has ended.
    reconnected: bool,
}

impl Change {
    fn is_none(&self) -> bool {
        self.0.is_none()
    }

    fn then(&mut self, later: Self) {
        let Some(later) = later.0 else { return };
        match &mut self.0 {
            Some(earlier) if later.ended.is_none() => earlier.reconnected |= later.reconnected,
            place => *place = Some(later),
        }
    }

    fn pop<E>(&mut self) -> Option<PersistentItem<E>> {
        let changed = self.0.as_mut()?;
        let item = match changed.ended.take() {
            Some(reason) => PersistentItem::Disconnected(reason),
            None => {
                changed.reconnected = false;
                PersistentItem::Reconnected
            }
        };
        if !changed.reconnected {
            self.0 = None;
        }
        Some(item)
    }
}

impl<E> EventQueue<E> {
    /// A queue with the default limits.
    pub(crate) fn new() -> Self {
        Self::with_limits(DEFAULT_LIMITS.0, DEFAULT_LIMITS.1)
    }

    /// A queue that holds at most this many events and this many bytes of them, whichever is reached
    /// first. One event always fits.
    pub(crate) fn with_limits(most_events: usize, most_bytes: usize) -> Self {
        let (events, last_change) = (VecDeque::new(), Change::default());
        Self { events, bytes: 0, lagged: 0, last_change, most_events, most_bytes }
    }

    /// Appends an event that takes `bytes` of memory, dropping the oldest ones if it must.
    pub(crate) fn push(&mut self, event: E, bytes: usize) {
        while !self.has_room(bytes) && !self.events.is_empty() {
            self.drop_oldest();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let change = std::mem::take(&mut self.last_change);
        self.events.push_back(Entry { event, bytes, change });
    }

    /// The connection ended, after all events so far.
    pub(crate) fn disconnected(&mut self, reason: Disconnect) {
        let changed = Changed { ended: Some(reason), reconnected: false };
        self.last_change.then(Change(Some(changed.into())));
    }

    /// The events from now on come from a new connection.
    pub(crate) fn reconnected(&mut self) {
        self.last_change.then(Change(Some(Changed { ended: None, reconnected: true }.into())));
    }

    /// Takes what is at the front: the count of dropped events if there are any, a change of the
    /// connection if that comes next, else the oldest event.
    pub(crate) fn pop(&mut self) -> Option<PersistentItem<E>> {
        if self.lagged > 0 {
            return Some(PersistentItem::Lagged(std::mem::take(&mut self.lagged)));
        }
        match self.change_before(0).pop() {
            Some(change) => Some(change),
            None => self.remove(0).map(PersistentItem::Event),
        }
    }

    /// The oldest event, if nothing else is at the front.
    pub(crate) fn front(&self) -> Option<&E> {
        let entry = self.events.front()?;
        (self.lagged == 0 && entry.change.is_none()).then_some(&entry.event)
    }

    /// Takes the oldest event that `matches`; all else stays as it is.
    pub(crate) fn take_first(&mut self, mut matches: impl FnMut(&E) -> bool) -> Option<E> {
        let found = self.events.iter().position(|waiting| matches(&waiting.event))?;
        self.remove(found)
    }

    /// Takes everything, front to back. What the iterator did not reach when it is dropped stays.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = PersistentItem<E>> + '_ {
        iter::from_fn(|| self.pop())
    }

    /// Whether [`pop`](Self::pop) has nothing to give.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.lagged == 0 && self.last_change.is_none()
    }

    /// Whether no more than a quarter of its room is left, counted in events or in bytes.
    pub(crate) fn is_nearly_full(&self) -> bool {
        let nearly = |used: usize, most: usize| used >= most - most / 4;
        nearly(self.events.len(), self.most_events) || nearly(self.bytes, self.most_bytes)
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.events.len() < self.most_events && self.bytes.saturating_add(bytes) <= self.most_bytes
    }

    fn drop_oldest(&mut self) {
        if self.remove(0).is_some() {
            self.lagged = self.lagged.saturating_add(1);
        }
    }

    /// A change stays where it was: before what comes next.
    fn remove(&mut self, index: usize) -> Option<E> {
        let removed = match index {
            0 => self.events.pop_front(),
            _ => self.events.remove(index),
        };
        let Entry { event, bytes, mut change } = removed?;
        self.bytes = self.bytes.saturating_sub(bytes);
        if !change.is_none() {
            let place = self.change_before(index);
            change.then(std::mem::take(place));
            *place = change;
        }
        Some(event)
    }

    fn change_before(&mut self, index: usize) -> &mut Change {
        match self.events.get_mut(index) {
            Some(event) => &mut event.change,
            None => &mut self.last_change,
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn filled(limits: (usize, usize), events: impl IntoIterator<Item = u32>) -> EventQueue<u32> {
        let mut queue = EventQueue::with_limits(limits.0, limits.1);
        events.into_iter().for_each(|event| queue.push(event, 10));
        queue
    }

    fn text(item: PersistentItem<u32>) -> String {
        match item {
            PersistentItem::Event(event) => event.to_string(),
            PersistentItem::Lagged(count) => format!("{count} lagged"),
            PersistentItem::Disconnected(reason) => format!("ended: {reason}"),
            PersistentItem::Reconnected => "reconnected".to_owned(),
        }
    }

    fn rest(queue: &mut EventQueue<u32>) -> Vec<String> {
        queue.drain().map(text).collect()
    }

    const ENDED: &str = "ended: the server closed the connection";

    #[test]
    fn a_queue_is_nearly_full_when_a_quarter_is_left_of_its_events_or_bytes() {
        let nearly = |limits, count| filled(limits, 0..count).is_nearly_full();
        assert!(!nearly((100, 1_000_000), 74) && nearly((100, 1_000_000), 75));
        assert!(!nearly((1_000, 1_000), 74) && nearly((1_000, 1_000), 75));
        assert!(!nearly((1, 1_000), 0) && nearly((1, 1_000), 1));
    }

    #[test]
    fn events_leave_in_the_order_they_came() {
        let mut queue = filled((10, 1000), 0..3);
        assert_eq!(queue.bytes, 30);
        assert_eq!(rest(&mut queue), ["0", "1", "2"]);
        assert!(queue.is_empty());
        assert_eq!(queue.bytes, 0);
    }

    #[test]
    fn the_count_of_the_dropped_comes_before_the_oldest_kept_event() {
        let mut queue = filled((3, 1000), 0..5);
        assert_eq!(queue.pop().map(text).unwrap(), "2 lagged");
        assert_eq!(queue.pop().map(text).unwrap(), "2");
        queue.push(5, 10);
        queue.push(6, 10);
        assert_eq!(rest(&mut queue), ["1 lagged", "4", "5", "6"]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut queue = filled((100, 35), 0..5);
        assert_eq!(queue.bytes, 30);
        assert_eq!(queue.pop().map(text).unwrap(), "2 lagged");
    }

    #[test]
    fn the_newest_event_is_kept_however_large() {
        let mut queue = filled((100, 100), 0..5);
        queue.push(9, 5000);
        assert_eq!(rest(&mut queue), ["5 lagged", "9"]);
        assert_eq!(rest(&mut filled((0, 0), [7])), ["7"]);
    }

    #[test]
    fn taking_a_match_leaves_the_others_and_the_count_in_order() {
        let mut queue = filled((4, 1000), 0..6);
        assert_eq!(queue.take_first(|event| event % 2 == 1), Some(3));
        assert_eq!(queue.take_first(|event| *event > 100), None);
        assert_eq!(rest(&mut queue), ["2 lagged", "2", "4", "5"]);
    }

    #[test]
    fn a_change_of_the_connection_keeps_its_place_whatever_is_dropped_or_taken() {
        let mut queue = filled((3, 1000), 0..2);
        queue.disconnected(Disconnect::Closed);
        queue.reconnected();
        queue.push(2, 10);
        queue.push(3, 10);
        assert_eq!(queue.take_first(|event| *event == 2), Some(2));
        assert_eq!(rest(&mut queue), ["1 lagged", "1", ENDED, "reconnected", "3"]);

        queue.disconnected(Disconnect::Closed);
        (4..9).for_each(|event| queue.push(event, 10));
        assert_eq!(rest(&mut queue), ["2 lagged", ENDED, "6", "7", "8"]);
    }

    #[test]
    fn changes_without_events_in_between_become_the_latest_end_and_beginning() {
        let mut queue = EventQueue::<u32>::new();
        for _ in 0..3 {
            queue.disconnected(Disconnect::ByUs);
            queue.reconnected();
        }
        queue.disconnected(Disconnect::Closed);
        assert_eq!(rest(&mut queue), [ENDED]);
        queue.reconnected();
        queue.reconnected();
        assert!(!queue.is_empty());
        assert_eq!(rest(&mut queue), ["reconnected"]);
        assert!(queue.is_empty());

        // The event between two changes is dropped, and they become one.
        let mut queue = filled((1, 1000), []);
        queue.disconnected(Disconnect::ByUs);
        queue.reconnected();
        queue.push(1, 10);
        queue.disconnected(Disconnect::Closed);
        queue.push(2, 10);
        assert_eq!(rest(&mut queue), ["1 lagged", ENDED, "2"]);
    }

    #[test]
    fn an_unused_queue_has_allocated_nothing() {
        assert_eq!(EventQueue::<u64>::new().events.capacity(), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_dropped_uncounted_and_no_limit_is_exceeded(
            steps in prop::collection::vec((0..40_usize, any::<bool>()), 0..200),
            most_events in 1..10_usize,
            most_bytes in 0..100_usize,
        ) {
            let mut queue = EventQueue::with_limits(most_events, most_bytes);
            let mut seen = 0;
            let mut check = |item| match item {
                PersistentItem::Event(event) => {
                    assert_eq!(event, seen, "an event is missing and was not counted");
                    seen += 1;
                }
                PersistentItem::Lagged(count) => seen += count,
                other => panic!("there is one connection only: {other:?}"),
            };
            let mut pushed = 0;
            for (bytes, pop) in steps {
                queue.push(pushed, bytes);
                pushed += 1;
                prop_assert!(queue.events.len() <= most_events);
                prop_assert!(queue.bytes <= most_bytes || queue.events.len() == 1);
                if pop {
                    queue.pop().into_iter().for_each(&mut check);
                }
            }
            queue.drain().for_each(&mut check);
            prop_assert_eq!(seen, pushed);
        }
    }
}

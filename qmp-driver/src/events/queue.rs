//! Bounded queues of events.

use std::collections::VecDeque;
use std::iter;

use crate::CloseReason;

/// A bounded queue of events that counts what it drops.
///
/// A slow subscriber must not hold back replies or the server. So when the queue is full, the
/// oldest events are dropped, and their count is delivered **at the front, before the oldest
/// remaining event**, because every dropped event is older than every remaining one. This also
/// holds when [`take_first`](Self::take_first) removes an event from the middle.
///
/// The newest event is always kept, even if it alone exceeds the byte limit, so the limit can be
/// exceeded by one event.
///
/// Notices of changes of the connection keep their position among the events. They do not count
/// toward the limits and are never dropped. Several notices without an event in between are merged.
///
/// The first push allocates: a queue that is never used takes no memory.
#[derive(Debug)]
pub(crate) struct EventQueue<E> {
    events: VecDeque<Entry<E>>,
    bytes: usize,
    lagged: u64,
    /// The changes since the newest event.
    last_change: Change,
    most_events: usize,
    most_bytes: usize,
}

/// The default limits of a queue: 4096 events, 4 MiB.
pub(crate) const DEFAULT_LIMITS: (usize, usize) = (4096, 4 << 20);

/// An item of a [`Subscription`](crate::Subscription).
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum EventItem<E = crate::Event> {
    /// An event.
    Event(E),
    /// This many events before the next one were dropped, because they were not read in time.
    Lagged(u64),
}

/// An item of a [`PersistentSubscription`](crate::PersistentSubscription).
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PersistentItem<E = crate::Event> {
    /// An event.
    Event(E),
    /// This many events before the next one were dropped, because they were not read in time.
    Lagged(u64),
    /// The connection ended for this reason.
    Disconnected(CloseReason),
    /// A new connection has replaced the one that ended, and later events come from it. Events
    /// between the two connections are lost, and nothing was sent again: query the state that they
    /// would have reported.
    Reconnected,
}

#[derive(Debug)]
struct Entry<E> {
    event: E,
    bytes: usize,
    /// The changes of the connection before this event.
    change: Change,
}

/// The changes of the connection, usually none.
#[derive(Debug, Default)]
struct Change(Option<Box<Changed>>);

#[derive(Debug, Default)]
struct Changed {
    ended: Option<CloseReason>,
    /// Whether a new connection began after that.
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
    /// Creates a queue with the default limits.
    pub(crate) fn new() -> Self {
        Self::with_limits(DEFAULT_LIMITS.0, DEFAULT_LIMITS.1)
    }

    /// Creates a queue that holds at most this many events and this many bytes, whichever is
    /// reached first. A single event may exceed the limit.
    pub(crate) fn with_limits(most_events: usize, most_bytes: usize) -> Self {
        let (events, last_change) = (VecDeque::new(), Change::default());
        Self { events, bytes: 0, lagged: 0, last_change, most_events, most_bytes }
    }

    /// Appends an event that takes `bytes` of memory, and drops the oldest ones if necessary.
    pub(crate) fn push(&mut self, event: E, bytes: usize) {
        while !self.has_room(bytes) && !self.events.is_empty() {
            self.drop_oldest();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let change = std::mem::take(&mut self.last_change);
        self.events.push_back(Entry { event, bytes, change });
    }

    /// Records that the connection ended after all events so far.
    pub(crate) fn disconnected(&mut self, reason: CloseReason) {
        let changed = Changed { ended: Some(reason), reconnected: false };
        self.last_change.then(Change(Some(changed.into())));
    }

    /// Records that later events come from a new connection.
    pub(crate) fn reconnected(&mut self) {
        self.last_change.then(Change(Some(Changed { ended: None, reconnected: true }.into())));
    }

    /// Takes the item at the front: the count of dropped events if there are any, otherwise a
    /// change of the connection if that comes next, otherwise the oldest event.
    pub(crate) fn pop(&mut self) -> Option<PersistentItem<E>> {
        if self.lagged > 0 {
            return Some(PersistentItem::Lagged(std::mem::take(&mut self.lagged)));
        }
        match self.change_before(0).pop() {
            Some(change) => Some(change),
            None => self.remove(0).map(PersistentItem::Event),
        }
    }

    /// Returns the oldest event, if nothing else is at the front.
    pub(crate) fn front(&self) -> Option<&E> {
        let entry = self.events.front()?;
        (self.lagged == 0 && entry.change.is_none()).then_some(&entry.event)
    }

    /// Takes the oldest event that `matches`. The others stay in the queue.
    pub(crate) fn take_first(&mut self, mut matches: impl FnMut(&E) -> bool) -> Option<E> {
        let found = self.events.iter().position(|waiting| matches(&waiting.event))?;
        self.remove(found)
    }

    /// Takes all items in order. Items that the iterator has not returned when it is dropped stay.
    pub(crate) fn drain(&mut self) -> impl Iterator<Item = PersistentItem<E>> + '_ {
        iter::from_fn(|| self.pop())
    }

    /// Returns whether [`pop`](Self::pop) would return nothing.
    pub(crate) fn is_empty(&self) -> bool {
        self.events.is_empty() && self.lagged == 0 && self.last_change.is_none()
    }

    /// Returns whether at most a quarter of the limit of events or of bytes is left.
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

    /// Removes an event. A change keeps its position, before the next event.
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
        queue.disconnected(CloseReason::Closed);
        queue.reconnected();
        queue.push(2, 10);
        queue.push(3, 10);
        assert_eq!(queue.take_first(|event| *event == 2), Some(2));
        assert_eq!(rest(&mut queue), ["1 lagged", "1", ENDED, "reconnected", "3"]);

        queue.disconnected(CloseReason::Closed);
        (4..9).for_each(|event| queue.push(event, 10));
        assert_eq!(rest(&mut queue), ["2 lagged", ENDED, "6", "7", "8"]);
    }

    #[test]
    fn changes_without_events_in_between_become_the_latest_end_and_beginning() {
        let mut queue = EventQueue::<u32>::new();
        for _ in 0..3 {
            queue.disconnected(CloseReason::ByUs);
            queue.reconnected();
        }
        queue.disconnected(CloseReason::Closed);
        assert_eq!(rest(&mut queue), [ENDED]);
        queue.reconnected();
        queue.reconnected();
        assert!(!queue.is_empty());
        assert_eq!(rest(&mut queue), ["reconnected"]);
        assert!(queue.is_empty());

        // The event between two changes is dropped, so the changes are merged.
        let mut queue = filled((1, 1000), []);
        queue.disconnected(CloseReason::ByUs);
        queue.reconnected();
        queue.push(1, 10);
        queue.disconnected(CloseReason::Closed);
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

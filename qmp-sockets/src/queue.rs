//! Events that wait for their reader, in bounded memory.

use std::collections::VecDeque;
use std::iter;

/// A queue of events that never grows past its bounds and tells how many events it had to drop.
///
/// A slow reader of events must hold back neither replies nor the server. So when the queue is full
/// the oldest events go, and [`Queued::Lost`] with their number stands in their place: **at the
/// front, before the oldest event still there**, because everything lost is older than everything
/// kept. That stays true when [`take_first`](Self::take_first) removes an event from the middle.
///
/// The newest event is always kept, even when it alone weighs more than the queue may hold, so the
/// bytes can pass their bound by one event.
///
/// The notice of a new connection ([`reconnected`](Self::reconnected)) keeps its place among the
/// events, costs none of theirs, and is never lost.
///
/// The first push allocates; a queue nobody uses costs no memory.
///
/// ```
/// use qmp_sockets::{EventQueue, Queued};
///
/// let mut queue = EventQueue::with_limits(2, 1000);
/// for event in ["STOP", "RESUME", "SHUTDOWN"] {
///     queue.push(event, event.len());
/// }
/// assert_eq!(queue.pop(), Some(Queued::Lost(1)));
/// assert_eq!(queue.pop(), Some(Queued::Event("RESUME")));
/// assert_eq!(queue.pop(), Some(Queued::Event("SHUTDOWN")));
/// assert_eq!(queue.pop(), None);
/// ```
#[derive(Debug)]
pub struct EventQueue<E> {
    events: VecDeque<Weighted<E>>,
    bytes: usize,
    lost: u64,
    /// A new connection was made since the newest event.
    reconnected: bool,
    most_events: usize,
    most_bytes: usize,
}

/// What waits at the front of an [`EventQueue`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Queued<E> {
    /// The oldest event.
    Event(E),
    /// So many events came before the next one and were dropped, because nobody read them in time.
    Lost(u64),
    /// What follows comes from a new connection, made in the place of one that had ended. Events in
    /// between are not known; nothing was sent again.
    Reconnected,
}

#[derive(Debug)]
struct Weighted<E> {
    event: E,
    bytes: usize,
    /// It is the first of a new connection.
    reconnected: bool,
}

impl<E> EventQueue<E> {
    /// The number of events a queue holds unless told otherwise.
    pub const MOST_EVENTS: usize = 4096;
    /// The bytes a queue holds unless told otherwise: 4 MiB.
    pub const MOST_BYTES: usize = 4 << 20;

    /// A queue with the usual limits: 4096 events, 4 MiB.
    pub const fn new() -> Self {
        Self::with_limits(Self::MOST_EVENTS, Self::MOST_BYTES)
    }

    /// A queue that holds at most so many events and so many bytes of them, whichever is reached
    /// first. One event always fits.
    pub const fn with_limits(most_events: usize, most_bytes: usize) -> Self {
        let events = VecDeque::new();
        Self { events, bytes: 0, lost: 0, reconnected: false, most_events, most_bytes }
    }

    /// Appends an event that takes up `bytes` of memory, dropping the oldest ones if it must.
    pub fn push(&mut self, event: E, bytes: usize) {
        while !self.has_room(bytes) && !self.events.is_empty() {
            self.drop_oldest();
        }
        self.bytes = self.bytes.saturating_add(bytes);
        let reconnected = std::mem::take(&mut self.reconnected);
        self.events.push_back(Weighted { event, bytes, reconnected });
    }

    /// Whatever is pushed from now on comes from a new connection. Said twice with nothing pushed in
    /// between, it is told once.
    pub fn reconnected(&mut self) {
        self.reconnected = true;
    }

    /// Takes what stands at the front: the count of the lost if there are any, the notice of a new
    /// connection if that comes next, else the oldest event.
    pub fn pop(&mut self) -> Option<Queued<E>> {
        if self.lost > 0 {
            return Some(Queued::Lost(std::mem::take(&mut self.lost)));
        }
        if std::mem::take(self.notice_before(0)) {
            return Some(Queued::Reconnected);
        }
        self.remove(0).map(Queued::Event)
    }

    /// Takes the oldest event that `matches`; the others, and the count of the lost, stay as they are.
    pub fn take_first(&mut self, mut matches: impl FnMut(&E) -> bool) -> Option<E> {
        let found = self.events.iter().position(|waiting| matches(&waiting.event))?;
        self.remove(found)
    }

    /// Takes everything, front to back. What the iterator did not reach when it is dropped stays.
    pub fn drain(&mut self) -> impl Iterator<Item = Queued<E>> + '_ {
        iter::from_fn(|| self.pop())
    }

    /// How many times [`pop`](Self::pop) has something to give: the events, one for a count of the
    /// lost, and one for each notice of a new connection.
    pub fn len(&self) -> usize {
        let notices = self.events.iter().filter(|event| event.reconnected).count();
        self.events.len() + notices + usize::from(self.lost > 0) + usize::from(self.reconnected)
    }

    /// Whether [`pop`](Self::pop) has nothing to give.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty() && self.lost == 0 && !self.reconnected
    }

    /// The bytes of the events that wait.
    pub fn bytes(&self) -> usize {
        self.bytes
    }

    /// The number of lost events that [`pop`](Self::pop) has not yet told.
    pub fn lost(&self) -> u64 {
        self.lost
    }

    /// Forgets all events and the count of the lost, and gives the memory back.
    pub fn clear(&mut self) {
        *self = Self::with_limits(self.most_events, self.most_bytes);
    }

    /// Whether no more than a quarter of its room is left, counted in events or in bytes.
    pub fn is_nearly_full(&self) -> bool {
        let nearly = |used: usize, most: usize| used >= most - most / 4;
        nearly(self.events.len(), self.most_events) || nearly(self.bytes, self.most_bytes)
    }

    fn has_room(&self, bytes: usize) -> bool {
        self.events.len() < self.most_events && self.bytes.saturating_add(bytes) <= self.most_bytes
    }

    fn drop_oldest(&mut self) {
        if self.remove(0).is_some() {
            self.lost = self.lost.saturating_add(1);
        }
    }

    /// The notice stays where it stood: before what comes next.
    fn remove(&mut self, index: usize) -> Option<E> {
        let removed = match index {
            0 => self.events.pop_front(),
            _ => self.events.remove(index),
        };
        let Weighted { event, bytes, reconnected } = removed?;
        self.bytes = self.bytes.saturating_sub(bytes);
        if reconnected {
            *self.notice_before(index) = true;
        }
        Some(event)
    }

    fn notice_before(&mut self, index: usize) -> &mut bool {
        match self.events.get_mut(index) {
            Some(event) => &mut event.reconnected,
            None => &mut self.reconnected,
        }
    }
}

impl<E> Default for EventQueue<E> {
    fn default() -> Self {
        Self::new()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::Queued::{Event, Lost, Reconnected};
    use super::*;

    fn filled(limits: (usize, usize), events: impl IntoIterator<Item = u32>) -> EventQueue<u32> {
        let mut queue = EventQueue::with_limits(limits.0, limits.1);
        events.into_iter().for_each(|event| queue.push(event, 10));
        queue
    }

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
        assert_eq!((queue.len(), queue.bytes()), (3, 30));
        assert_eq!(queue.drain().collect::<Vec<_>>(), [Event(0), Event(1), Event(2)]);
        assert!(queue.is_empty());
        assert_eq!(queue.bytes(), 0);
    }

    #[test]
    fn the_count_of_the_lost_stands_before_the_oldest_kept_event() {
        let mut queue = filled((3, 1000), 0..5);
        assert_eq!((queue.len(), queue.lost()), (4, 2));
        assert_eq!(queue.pop(), Some(Lost(2)));
        assert_eq!(queue.pop(), Some(Event(2)));
        queue.push(5, 10);
        queue.push(6, 10);
        let rest: Vec<_> = queue.drain().collect();
        assert_eq!(rest, [Lost(1), Event(4), Event(5), Event(6)]);
    }

    #[test]
    fn bytes_are_bounded_too() {
        let mut queue = filled((100, 35), 0..5);
        assert_eq!(queue.bytes(), 30);
        assert_eq!(queue.pop(), Some(Lost(2)));
    }

    #[test]
    fn the_newest_event_stays_however_heavy() {
        let mut queue = filled((100, 100), 0..5);
        queue.push(9, 5000);
        assert_eq!(queue.drain().collect::<Vec<_>>(), [Lost(5), Event(9)]);
        let mut none_allowed = filled((0, 0), [7]);
        assert_eq!(none_allowed.pop(), Some(Event(7)));
    }

    #[test]
    fn taking_a_match_leaves_the_others_and_the_lost_in_order() {
        let mut queue = filled((4, 1000), 0..6);
        assert_eq!(queue.take_first(|event| event % 2 == 1), Some(3));
        assert_eq!(queue.take_first(|event| *event > 100), None);
        let rest: Vec<_> = queue.drain().collect();
        assert_eq!(rest, [Lost(2), Event(2), Event(4), Event(5)]);
    }

    #[test]
    fn clearing_forgets_events_and_losses() {
        let mut queue = filled((2, 1000), 0..5);
        queue.clear();
        assert!(queue.is_empty());
        assert_eq!((queue.bytes(), queue.lost(), queue.pop()), (0, 0, None));
    }

    #[test]
    fn the_notice_of_a_new_connection_keeps_its_place_whatever_is_dropped_or_taken() {
        let mut queue = filled((3, 1000), 0..2);
        queue.reconnected();
        assert_eq!(queue.len(), 3);
        queue.push(2, 10);
        queue.push(3, 10);
        assert_eq!(queue.take_first(|event| *event == 2), Some(2));
        let rest: Vec<_> = queue.drain().collect();
        assert_eq!(rest, [Lost(1), Event(1), Reconnected, Event(3)]);

        queue.reconnected();
        queue.reconnected();
        assert!(!queue.is_empty());
        (4..9).for_each(|event| queue.push(event, 10));
        assert_eq!(queue.pop(), Some(Lost(2)));
        assert_eq!(queue.pop(), Some(Reconnected));
        assert_eq!(queue.pop(), Some(Event(6)));
    }

    #[test]
    fn an_unused_queue_has_allocated_nothing() {
        assert_eq!(EventQueue::<u64>::new().events.capacity(), 0);
    }

    proptest! {
        #[test]
        fn nothing_is_lost_uncounted_and_no_bound_is_passed(
            steps in prop::collection::vec((0..40_usize, any::<bool>()), 0..200),
            most_events in 1..10_usize,
            most_bytes in 0..100_usize,
        ) {
            let mut queue = EventQueue::with_limits(most_events, most_bytes);
            let mut seen = 0;
            let mut check = |item: Queued<u64>| match item {
                Event(event) => {
                    assert_eq!(event, seen, "an event is missing and was not counted");
                    seen += 1;
                }
                Lost(lost) => seen += lost,
                Reconnected => panic!("there is one connection only"),
            };
            let mut pushed = 0;
            for (bytes, pop) in steps {
                queue.push(pushed, bytes);
                pushed += 1;
                prop_assert!(queue.len() <= most_events + 1);
                prop_assert!(queue.bytes() <= most_bytes || queue.len() - usize::from(queue.lost() > 0) == 1);
                if pop {
                    queue.pop().into_iter().for_each(&mut check);
                }
            }
            queue.drain().for_each(&mut check);
            prop_assert_eq!(seen, pushed);
        }
    }
}

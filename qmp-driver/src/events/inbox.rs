//! The queue of one subscriber.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, PoisonError};
use std::task::{Context, Poll, Waker};

use qmp_proto::OwnedEvent;

use crate::batch::{BATCH, Batch};
use crate::events::conditions::Conditions;
use crate::events::queue::{EventQueue, PersistentItem};
use crate::sync::{Mutex, MutexGuard};
use crate::{CloseReason, Event};

/// The limit from which the driver waits for the subscriber. A smaller queue is meant to keep only
/// the latest events.
const LONG: usize = 8 * BATCH;

pub(crate) type Predicate = Box<dyn Fn(&OwnedEvent) -> bool + Send + Sync>;

/// The conditions of a subscriber, and its queue.
pub(crate) struct Inbox {
    predicate: Option<Predicate>,
    span: Span,
    state: Mutex<State>,
}

/// The lifetime of a subscription.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Span {
    /// Until the end of its connection.
    Connection,
    /// Until the end of its client, over all connections.
    Client,
}

#[derive(Debug)]
struct State {
    conditions: Conditions,
    queue: EventQueue<Event>,
    waker: Option<Waker>,
    /// The number of the connection that events come from. Events of earlier ones are ignored.
    connection: u64,
    /// No more events follow.
    ended: bool,
    /// Whether the queue is long enough for the driver to wait for the subscriber.
    long: bool,
    /// The waker of the driver, while it waits for the subscriber.
    room: Option<Waker>,
    /// The driver has waited without effect. It does not wait again until the subscriber takes
    /// something.
    stalled: bool,
}

impl Inbox {
    pub(crate) fn new(
        conditions: Conditions,
        predicate: Option<Predicate>,
        span: Span,
        (events, bytes): (usize, usize),
    ) -> Arc<Self> {
        let state = State {
            conditions,
            queue: EventQueue::with_limits(events, bytes),
            waker: None,
            connection: 0,
            ended: false,
            long: events >= LONG,
            room: None,
            stalled: false,
        };
        Arc::new(Self { predicate, span, state: Mutex::new(state) })
    }

    /// Returns the lifetime of the subscription.
    pub(crate) const fn span(&self) -> Span {
        self.span
    }

    /// Returns the names that are wanted; empty for all.
    pub(crate) fn names(&self) -> Vec<String> {
        self.lock().conditions.names().to_vec()
    }

    /// Changes the conditions for later events.
    pub(crate) fn change_conditions(&self, change: impl FnOnce(&mut Conditions)) {
        change(&mut self.lock().conditions);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns whether the subscriber wants this event.
    pub(crate) fn wants(&self, event: &OwnedEvent) -> bool {
        let wanted = self.lock().conditions.match_event(event);
        wanted && self.predicate.as_ref().is_none_or(|matches| matches(event))
    }

    /// Adds the events that are wanted to the queue. Returns whether the driver should wait for the
    /// subscriber now. The `last` subscriber that they are offered to may take them.
    ///
    /// A predicate that panics ends only its own subscription.
    pub(crate) fn offer(
        &self,
        connection: u64,
        events: &mut Batch<Event>,
        last: bool,
        wakers: &mut Vec<Waker>,
    ) -> bool {
        let (judged, failed) = match &self.predicate {
            Some(predicate) => self.judge(events, predicate),
            None => (None, false),
        };
        let mut state = self.lock();
        if state.ended || state.connection != connection {
            return false;
        }
        match judged.or_else(|| state.wanted(events)) {
            Some(wanted) if wanted.is_empty() && !failed => return false,
            // Detached, so that they do not keep neighboring events in memory.
            Some(wanted) if wanted.len() < events.len() => {
                wanted.into_iter().for_each(|at| state.push(events[at].detached()));
            }
            _ if last => events.drain(..).for_each(|event| state.push(event)),
            _ => events.iter().for_each(|event| state.push(event.clone())),
        }
        state.ended |= failed;
        wakers.extend(state.waker.take());
        state.is_crowded()
    }

    /// Waits until the subscriber has taken something. Also ready if the driver should not wait for
    /// it.
    pub(crate) fn poll_room(&self, waker: &Waker) -> Poll<()> {
        // Cloned and dropped outside the lock.
        let mut waker = Some(waker.clone());
        let mut state = self.lock();
        if !state.is_crowded() {
            return Poll::Ready(());
        }
        std::mem::swap(&mut state.room, &mut waker);
        drop(state);
        Poll::Pending
    }

    /// Records that the driver has waited without effect.
    pub(crate) fn stop_waiting(&self) {
        let mut state = self.lock();
        state.stalled |= state.is_crowded();
        let waker = state.room.take();
        drop(state);
        drop(waker);
    }

    /// Returns the events for which the predicate is true, and whether it panicked. Holds no lock.
    fn judge(&self, events: &[Event], matches: &Predicate) -> (Option<Batch<usize>>, bool) {
        let candidates = self.lock().wanted(events);
        let mut wanted = Batch::new();
        let candidates = candidates.unwrap_or_else(|| (0..events.len()).collect());
        let judge = || wanted.extend(candidates.into_iter().filter(|at| matches(&events[*at])));
        let failed = catch_unwind(AssertUnwindSafe(judge)).is_err();
        (Some(wanted), failed)
    }

    /// Accepts events of this connection, unless it has ended.
    pub(crate) fn join(&self, connection: u64, ended: bool) {
        let mut state = self.lock();
        (state.connection, state.ended) = (connection, ended);
    }

    /// Handles the end of the connection: the subscription ends or gets a notice.
    pub(crate) fn end(&self, connection: u64, reason: &CloseReason, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        if state.ended || state.connection != connection {
            return;
        }
        match self.span {
            Span::Connection => state.ended = true,
            Span::Client => state.queue.disconnected(reason.clone()),
        }
        wakers.extend(state.waker.take());
    }

    /// Begins the events of a new connection.
    pub(crate) fn begin(&self, connection: u64, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        if state.ended || self.span == Span::Connection {
            return;
        }
        state.connection = connection;
        state.queue.reconnected();
        wakers.extend(state.waker.take());
    }

    /// Ends the subscription.
    pub(crate) fn finish(&self, wakers: &mut Vec<Waker>) {
        let mut state = self.lock();
        state.ended = true;
        wakers.extend(state.waker.take());
    }

    /// Moves all queued items to `queue`, which is empty. Returns whether there were any.
    pub(crate) fn hand_over(&self, queue: &mut EventQueue<Event>) -> bool {
        self.take(|state| state.hand_over(queue).then_some(())).is_some()
    }

    /// Does the same when there is an item. Returns `false` if the queue is empty and no more
    /// events follow.
    pub(crate) fn poll_hand_over(
        &self,
        cx: &Context<'_>,
        queue: &mut EventQueue<Event>,
    ) -> Poll<bool> {
        let handed = self.poll(cx, |state| state.hand_over(queue).then_some(()));
        handed.map(|handed| handed.is_some())
    }

    /// Takes the front of the queue. Returns `None` if the queue is empty and no more events
    /// follow.
    pub(crate) fn poll_pop(&self, cx: &Context<'_>) -> Poll<Option<PersistentItem<Event>>> {
        self.poll(cx, |state| state.queue.pop())
    }

    fn poll<T>(
        &self,
        cx: &Context<'_>,
        mut take: impl FnMut(&mut State) -> Option<T>,
    ) -> Poll<Option<T>> {
        if let Some(taken) = self.take(&mut take) {
            return Poll::Ready(Some(taken));
        }
        // Cloned and dropped outside the lock.
        let mut waker = Some(cx.waker().clone());
        let mut state = self.lock();
        if let Some(taken) = take(&mut state) {
            let driver = state.make_room();
            drop(state);
            driver.into_iter().for_each(Waker::wake);
            return Poll::Ready(Some(taken));
        }
        if state.ended {
            return Poll::Ready(None);
        }
        std::mem::swap(&mut state.waker, &mut waker);
        drop(state);
        Poll::Pending
    }

    /// Takes something, and wakes the driver if it waits for that.
    fn take<T>(&self, take: impl FnOnce(&mut State) -> Option<T>) -> Option<T> {
        let mut state = self.lock();
        let taken = take(&mut state);
        let driver = state.make_room();
        drop(state);
        driver.into_iter().for_each(Waker::wake);
        taken
    }
}

impl State {
    /// Returns which events are wanted; `None` for all.
    fn wanted(&self, events: &[Event]) -> Option<Batch<usize>> {
        let wanted = |at: &usize| self.conditions.match_event(&events[*at]);
        (!self.conditions.are_none()).then(|| (0..events.len()).filter(wanted).collect())
    }

    fn push(&mut self, event: Event) {
        let bytes = event.message().len();
        self.queue.push(event, bytes);
    }

    fn is_crowded(&self) -> bool {
        self.long && !self.stalled && !self.ended && self.queue.is_nearly_full()
    }

    /// Records that something was taken, and returns the waker to wake.
    fn make_room(&mut self) -> Option<Waker> {
        if self.queue.is_nearly_full() {
            return None;
        }
        self.stalled = false;
        self.room.take()
    }

    fn hand_over(&mut self, queue: &mut EventQueue<Event>) -> bool {
        let waits = !self.queue.is_empty();
        if waits {
            std::mem::swap(&mut self.queue, queue);
        }
        waits
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inbox")
            .field("names", &self.lock().conditions.names())
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use qmp_proto::{Client, Options, Received};

    use super::*;
    use crate::events::queue::DEFAULT_LIMITS;

    const INPUT: &[u8] =
        b"{\"event\": \"STOP\"}\r\n{\"event\": \"RESUME\"}\r\n{\"event\": \"RESET\"}\r\n";

    /// The events of one read.
    fn batch() -> Batch<Event> {
        let mut client: Client<()> = Client::negotiated(Options::monitor(), 7);
        let (mut used, mut events) = (0, Vec::new());
        loop {
            let step = client.handle_input(&INPUT[used..]).unwrap();
            used += step.used;
            match step.received {
                Some(Received::Event(event)) => events.push(event),
                _ => return OwnedEvent::together(INPUT, 0, &events).collect(),
            }
        }
    }

    fn inbox(names: &[&str], predicate: Option<Predicate>) -> Arc<Inbox> {
        let mut conditions = Conditions::default();
        names.iter().for_each(|name| conditions.add_name(name));
        Inbox::new(conditions, predicate, Span::Connection, DEFAULT_LIMITS)
    }

    fn all_events(span: Span, most_events: usize) -> Arc<Inbox> {
        Inbox::new(Conditions::default(), None, span, (most_events, 1 << 20))
    }

    fn events(inbox: &Inbox) -> Vec<Event> {
        let mut queue = EventQueue::new();
        inbox.hand_over(&mut queue);
        let event = |item| match item {
            PersistentItem::Event(event) => event,
            other => panic!("{other:?}"),
        };
        queue.drain().map(event).collect()
    }

    /// The item that the subscriber gets next; `None` at the end.
    fn pop(inbox: &Inbox) -> Option<String> {
        let cx = Context::from_waker(Waker::noop());
        let Poll::Ready(item) = inbox.poll_pop(&cx) else { panic!("there is nothing yet") };
        Some(match item? {
            PersistentItem::Event(event) => event.name().to_owned(),
            PersistentItem::Lagged(count) => format!("{count} lagged"),
            PersistentItem::Disconnected(reason) => format!("ended: {reason}"),
            PersistentItem::Reconnected => "reconnected".to_owned(),
        })
    }

    fn names(events: &[Event]) -> Vec<&str> {
        events.iter().map(Event::name).collect()
    }

    /// Whether the two share one input buffer, with the same distance as in the input.
    fn are_neighbours(one: &Event, other: &Event) -> bool {
        let from = |event: &Event| {
            let at = INPUT.windows(event.message().len()).position(|it| it == event.message());
            event.message().as_ptr().addr().wrapping_sub(at.unwrap())
        };
        from(one) == from(other)
    }

    #[test]
    fn who_wants_all_shares_them_and_who_wants_some_keeps_no_others_in_memory() {
        let mut batch = batch();
        let offered: Vec<_> = batch.iter().cloned().collect();
        let all = inbox(&[], None);
        let some = inbox(&["STOP", "RESUME", "X"], None);
        let judged = inbox(&["STOP", "RESET"], Some(Box::new(|event| event.name() == "RESET")));
        let none = inbox(&["X"], None);
        let last = inbox(&["STOP", "RESUME", "RESET"], Some(Box::new(|_| true)));
        for inbox in [&all, &some, &judged, &none] {
            inbox.offer(0, &mut batch, false, &mut Vec::new());
        }
        last.offer(0, &mut batch, true, &mut Vec::new());
        for inbox in [all, last] {
            let events = events(&inbox);
            assert_eq!(names(&events), ["STOP", "RESUME", "RESET"]);
            assert!(events.iter().zip(&offered).all(|(one, other)| are_neighbours(one, other)));
        }
        let some = events(&some);
        assert_eq!(names(&some), ["STOP", "RESUME"]);
        assert!(some.iter().all(|event| !are_neighbours(event, &offered[0])));
        assert_eq!(names(&events(&judged)), ["RESET"]);
        assert!(events(&none).is_empty());
    }

    #[test]
    fn a_batch_wakes_once_and_only_whom_it_is_for() {
        let cx = Context::from_waker(Waker::noop());
        for (names, woken) in [(&[][..], 1), (&["RESUME"][..], 1), (&["X"][..], 0)] {
            let (inbox, mut wakers) = (inbox(names, None), Vec::new());
            assert!(inbox.poll_pop(&cx).is_pending());
            inbox.offer(0, &mut batch(), false, &mut wakers);
            assert_eq!(wakers.len(), woken, "{names:?}");
        }
    }

    #[test]
    fn a_reader_who_was_waited_for_in_vain_is_waited_for_again_once_it_takes_something() {
        let inbox = all_events(Span::Connection, LONG);
        let crowd = || {
            let offer = |_| inbox.offer(0, &mut batch(), true, &mut Vec::new());
            (0..LONG / 3).any(offer)
        };
        let (driver, mut queue) = (Waker::noop(), EventQueue::with_limits(LONG, 1 << 20));
        assert!(inbox.poll_room(driver).is_ready(), "there is room");
        assert!(crowd() && inbox.poll_room(driver).is_pending());
        // More often than the driver waits without effect.
        for _ in 0..3 {
            inbox.stop_waiting();
            assert!(!crowd() && inbox.poll_room(driver).is_ready());
        }
        assert!(inbox.hand_over(&mut queue));
        assert!(crowd() && inbox.poll_room(driver).is_pending());
        queue.drain().for_each(drop);
        inbox.hand_over(&mut queue);
        assert!(inbox.poll_room(driver).is_ready(), "it has taken what was there");
        let short = all_events(Span::Connection, LONG - 1);
        let offer = |_| short.offer(0, &mut batch(), true, &mut Vec::new());
        assert!(!(0..LONG).any(offer));
    }

    #[test]
    fn a_predicate_that_panics_ends_its_subscription_behind_what_it_wanted_before() {
        let predicate: Predicate = Box::new(|event| {
            assert!(event.name() != "RESUME", "meant to be");
            true
        });
        let conditions = Conditions::default();
        let inbox = Inbox::new(conditions, Some(predicate), Span::Client, DEFAULT_LIMITS);
        inbox.offer(0, &mut batch(), true, &mut Vec::new());
        inbox.offer(0, &mut batch(), true, &mut Vec::new());
        inbox.end(0, &CloseReason::Closed, &mut Vec::new());
        inbox.begin(1, &mut Vec::new());
        inbox.offer(1, &mut batch(), true, &mut Vec::new());
        assert_eq!(pop(&inbox), Some("STOP".to_owned()));
        assert_eq!(pop(&inbox), None);
    }

    #[test]
    fn events_of_an_old_connection_are_too_late_once_a_new_one_has_begun() {
        let (inbox, mut wakers) = (all_events(Span::Client, LONG), Vec::new());
        inbox.begin(1, &mut wakers);
        inbox.offer(0, &mut batch(), true, &mut wakers);
        inbox.end(0, &CloseReason::Closed, &mut wakers);
        inbox.offer(1, &mut batch(), true, &mut wakers);
        inbox.end(1, &CloseReason::ByUs, &mut wakers);
        inbox.finish(&mut wakers);
        let items: Vec<_> = std::iter::from_fn(|| pop(&inbox)).collect();
        let ended = format!("ended: {}", CloseReason::ByUs);
        assert_eq!(items, ["reconnected", "STOP", "RESUME", "RESET", &ended]);
    }

    #[test]
    fn an_inbox_of_one_connection_is_told_of_no_other() {
        let (inbox, mut wakers) = (all_events(Span::Connection, LONG), Vec::new());
        inbox.offer(0, &mut batch(), true, &mut wakers);
        inbox.end(0, &CloseReason::Closed, &mut wakers);
        inbox.begin(1, &mut wakers);
        inbox.offer(1, &mut batch(), true, &mut wakers);
        let items: Vec<_> = std::iter::from_fn(|| pop(&inbox)).collect();
        assert_eq!(items, ["STOP", "RESUME", "RESET"]);
    }
}

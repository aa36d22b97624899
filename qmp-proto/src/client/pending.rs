//! The table of unanswered requests.

#[cfg(feature = "alloc")]
use alloc::vec::Vec;

use crate::client::{NoReplyReason, Unanswered};
use crate::request::{RequestId, SendErrorKind};

#[derive(Debug)]
pub(crate) struct Pending<T, const N: usize> {
    #[cfg(feature = "alloc")]
    slots: Vec<Option<Entry<T>>>,
    #[cfg(not(feature = "alloc"))]
    slots: [Option<Entry<T>>; N],
    count: usize,
    lost: usize,
    /// The id of the next request. Ids are never reused, because a duplicate reply that arrives
    /// late would be matched to another request.
    next: u64,
    /// All in-band requests before this one are answered.
    in_order: u64,
    /// The slot after the one that was answered last. Most replies arrive in the order of the
    /// requests.
    expected: usize,
}

#[derive(Debug)]
struct Entry<T> {
    id: u64,
    /// `None` once abandoned.
    token: Option<T>,
    attributes: Attributes,
    lost: bool,
    /// The length of the message, or `u16::MAX` if it is longer.
    length: u16,
}

/// The attributes of a request that are needed after it is sent.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Attributes {
    pub(crate) out_of_band: bool,
    pub(crate) descriptor: bool,
    /// The server replies only if the command fails.
    pub(crate) no_success_response: bool,
    /// The command succeeds by ending the connection.
    pub(crate) ends_connection: bool,
}

/// A request that was removed from the table because its reply arrived.
#[derive(Debug)]
pub(crate) struct Settled<T> {
    pub(crate) request: RequestId,
    /// `None` if it was abandoned.
    pub(crate) token: Option<T>,
    pub(crate) out_of_band: bool,
}

impl<T, const N: usize> Pending<T, N> {
    pub(crate) const fn new() -> Self {
        Self {
            #[cfg(feature = "alloc")]
            slots: Vec::new(),
            #[cfg(not(feature = "alloc"))]
            slots: [const { None }; N],
            count: 0,
            lost: 0,
            next: 0,
            in_order: 0,
            expected: 0,
        }
    }

    /// Makes ids start at a number derived from `nonce`, far above ids that start at 0 and below
    /// those of handshakes.
    pub(crate) const fn start_at(&mut self, nonce: u64) {
        const HALF: u64 = 1 << 51;
        self.next = HALF | (nonce & (HALF / 2 - 1));
    }

    /// Returns the number of requests that are unanswered and not lost.
    pub(crate) const fn count(&self) -> usize {
        self.count - self.lost
    }

    pub(crate) fn in_band(&self) -> usize {
        self.live().filter(|entry| !entry.attributes.out_of_band).count()
    }

    pub(crate) fn has_descriptor(&self) -> bool {
        self.live().any(|entry| entry.attributes.descriptor)
    }

    fn live(&self) -> impl Iterator<Item = &Entry<T>> {
        self.slots.iter().flatten().filter(|entry| !entry.lost)
    }

    /// Returns the error for a request over the `limit` of its lane. It names an abandoned request
    /// if only such ones fill the lane.
    pub(crate) fn refusal(&self, limit: usize, out_of_band: bool) -> SendErrorKind {
        let lane = self.live().filter(|entry| entry.attributes.out_of_band == out_of_band);
        held_by_abandoned(lane).unwrap_or(SendErrorKind::TooManyInFlight { limit })
    }

    /// Returns the total length of the unanswered requests. An abandoned command without a success
    /// response does not count.
    pub(crate) fn unanswered_length(&self) -> usize {
        self.counted().map(|entry| usize::from(entry.length)).sum()
    }

    fn counted(&self) -> impl Iterator<Item = &Entry<T>> {
        self.live().filter(|entry| entry.token.is_some() || !entry.attributes.no_success_response)
    }

    /// Returns the error for a request that would raise the unanswered bytes to `limit` or more.
    pub(crate) fn length_refusal(&self, limit: usize) -> SendErrorKind {
        held_by_abandoned(self.counted()).unwrap_or(SendErrorKind::TooManyBytesInFlight { limit })
    }

    /// Returns a free slot, if there is one.
    pub(crate) fn vacancy(&mut self) -> Option<usize> {
        let free = self.slots.iter().position(Option::is_none);
        #[cfg(feature = "alloc")]
        let free = free.or_else(|| {
            (self.slots.len() < N).then(|| {
                if self.slots.len() < 4 {
                    // Most connections have one request at a time, and many are idle.
                    self.slots.reserve_exact(1);
                }
                self.slots.push(None);
                self.slots.len() - 1
            })
        });
        free
    }

    /// Returns the id of the next request.
    pub(crate) const fn next_id(&self) -> u64 {
        self.next
    }

    /// Fills the slot that [`vacancy`](Self::vacancy) returned.
    pub(crate) fn fill(
        &mut self,
        slot: usize,
        token: T,
        attributes: Attributes,
        length: usize,
    ) -> RequestId {
        let id = self.next;
        self.next += 1;
        if let Some(free) = self.slots.get_mut(slot) {
            let length = u16::try_from(length).unwrap_or(u16::MAX);
            *free = Some(Entry { id, token: Some(token), attributes, lost: false, length });
            self.count += 1;
        }
        RequestId(id)
    }

    fn entry_mut(&mut self, request: RequestId) -> Option<&mut Entry<T>> {
        self.slots.iter_mut().flatten().find(|entry| entry.id == request.0)
    }

    pub(crate) fn abandon(&mut self, request: RequestId) -> Option<T> {
        self.entry_mut(request)?.token.take()
    }

    /// Removes the request with this id.
    pub(crate) fn settle(&mut self, id: u64) -> Option<Settled<T>> {
        self.take(|entry| entry.id == id)
    }

    /// Removes the only request, if there is exactly one.
    pub(crate) fn settle_only(&mut self) -> Option<Settled<T>> {
        if self.count() != 1 {
            return None;
        }
        self.take(|_| true)
    }

    fn take(&mut self, which: impl Fn(&Entry<T>) -> bool) -> Option<Settled<T>> {
        let found = |entry: &mut Entry<T>| !entry.lost && which(entry);
        let length = self.slots.len();
        let (before, behind) = self.slots.split_at_mut(self.expected.min(length));
        let mut slots = behind.iter_mut().chain(before).zip(self.expected + 1..);
        let (entry, next) = slots.find_map(|(slot, next)| Some((slot.take_if(found)?, next)))?;
        self.expected = next % length;
        self.count -= 1;
        Some(Settled {
            request: RequestId(entry.id),
            token: entry.token,
            out_of_band: entry.attributes.out_of_band,
        })
    }

    /// Marks all in-band requests that were sent before this one as lost.
    pub(crate) fn lose_before(&mut self, request: RequestId) {
        // Usually it is the oldest request itself.
        if request.0 > self.in_order {
            self.lose(|entry| !entry.attributes.out_of_band && entry.id < request.0);
        }
        self.in_order = request.0 + 1;
    }

    pub(crate) fn lose_all(&mut self) {
        self.lose(|_| true);
    }

    fn lose(&mut self, which: impl Fn(&Entry<T>) -> bool) {
        for slot in &mut self.slots {
            let Some(entry) = slot.as_mut().filter(|entry| !entry.lost && which(entry)) else {
                continue;
            };
            if entry.token.is_some() {
                entry.lost = true;
                self.lost += 1;
            } else {
                *slot = None;
                self.count -= 1;
            }
        }
    }

    /// Removes a lost request, oldest first.
    pub(crate) fn next_lost(&mut self, connection_ended: bool) -> Option<Unanswered<T>> {
        if self.lost == 0 {
            return None;
        }
        let lost = self.slots.iter().enumerate().filter_map(|(slot, entry)| {
            let entry = entry.as_ref().filter(|entry| entry.lost)?;
            Some((entry.id, slot))
        });
        let (id, slot) = lost.min()?;
        let entry = self.slots.get_mut(slot)?.take()?;
        self.count -= 1;
        self.lost -= 1;
        let expected = entry.attributes.no_success_response
            || (connection_ended && entry.attributes.ends_connection);
        Some(Unanswered {
            request: RequestId(id),
            token: entry.token?,
            reason: if expected {
                NoReplyReason::AsExpected
            } else {
                NoReplyReason::OutcomeUnknown
            },
        })
    }

    /// Returns the number of requests for which the end of the connection is unexpected.
    pub(crate) fn expecting_answers(&self) -> usize {
        let expecting = |it: Attributes| !it.ends_connection && !it.no_success_response;
        self.live().filter(|entry| entry.token.is_some() && expecting(entry.attributes)).count()
    }
}

/// Returns the error for a limit that is reached by abandoned requests alone, if all of these are.
fn held_by_abandoned<'p, T: 'p>(
    entries: impl Iterator<Item = &'p Entry<T>>,
) -> Option<SendErrorKind> {
    let mut oldest = None::<u64>;
    for entry in entries {
        if entry.token.is_some() {
            return None;
        }
        oldest = Some(oldest.map_or(entry.id, |oldest| oldest.min(entry.id)));
    }
    Some(SendErrorKind::HeldByAbandoned { oldest: RequestId(oldest?) })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    fn add(pending: &mut Pending<u32, 4>, token: u32) -> (RequestId, u64) {
        let (slot, id) = (pending.vacancy().unwrap(), pending.next_id());
        (pending.fill(slot, token, Attributes::default(), 30), id)
    }

    #[test]
    fn slots_are_reused_and_ids_are_not() {
        let mut pending = Pending::new();
        let ids: Vec<_> = (0..4).map(|token| add(&mut pending, token).1).collect();
        assert_eq!(ids, [0, 1, 2, 3]);
        assert!(pending.vacancy().is_none());
        assert_eq!(pending.settle(2).unwrap().token, Some(2));
        assert_eq!(pending.vacancy(), Some(2));
        assert_eq!(add(&mut pending, 9).1, 4);
        assert!(pending.settle(2).is_none(), "the old id has no request");
        assert_eq!(pending.settle(4).unwrap().token, Some(9));
    }

    #[test]
    fn an_id_that_was_not_sent_is_sent_next() {
        let mut pending: Pending<u32, 4> = Pending::new();
        assert_eq!(pending.vacancy(), Some(0));
        assert_eq!(pending.next_id(), 0);
        assert_eq!(add(&mut pending, 1).1, 0);
    }

    #[cfg(feature = "alloc")]
    #[test]
    fn one_request_at_a_time_needs_memory_for_one() {
        let mut pending: Pending<u32, 4> = Pending::new();
        for id in 0..1000 {
            add(&mut pending, 1);
            assert!(pending.settle(id).is_some());
        }
        assert_eq!(pending.slots.capacity(), 1);
    }

    #[test]
    fn an_abandoned_request_keeps_its_slot_until_its_reply_arrives() {
        let mut pending = Pending::new();
        let (first, id) = add(&mut pending, 1);
        assert_eq!(pending.abandon(first), Some(1));
        assert_eq!(pending.abandon(first), None);
        assert_eq!(pending.vacancy(), Some(1));
        assert_eq!(pending.settle(id).unwrap().token, None);
        assert_eq!(pending.vacancy(), Some(0));
        let again = add(&mut pending, 3).0;
        assert_eq!(pending.abandon(first), None, "the old id has no token");
        assert_eq!(pending.abandon(again), Some(3));
    }

    #[test]
    fn a_reply_to_a_lost_request_is_ignored() {
        let mut pending = Pending::new();
        add(&mut pending, 1);
        pending.lose_all();
        assert!(pending.settle(0).is_none());
        assert_eq!(pending.next_lost(false).unwrap().token, 1);
    }

    #[test]
    fn lost_requests_are_returned_oldest_first() {
        let mut pending = Pending::new();
        let requests: Vec<_> = (0..4).map(|token| add(&mut pending, token).0).collect();
        pending.abandon(requests[1]);
        pending.lose_before(requests[3]);
        assert_eq!(pending.count(), 1);
        let lost: Vec<_> =
            core::iter::from_fn(|| pending.next_lost(false)).map(|lost| lost.token).collect();
        assert_eq!(lost, [0, 2]);
        assert_eq!(pending.settle(3).unwrap().token, Some(3));
    }
}

//! Messages that are handled together.

use arrayvec::ArrayVec;

/// How many messages are handled at a time, so that locks are held only for moments.
pub(crate) const BATCH: usize = 32;

/// No more than [`BATCH`] things, and none of them on the heap.
pub(crate) type Batch<T> = ArrayVec<T, BATCH>;

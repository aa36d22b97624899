//! Batches of messages.

use arrayvec::ArrayVec;

/// How many messages are handled at a time, so that locks are held only briefly.
pub(crate) const BATCH: usize = 32;

/// At most [`BATCH`] items, stored without heap allocation.
pub(crate) type Batch<T> = ArrayVec<T, BATCH>;

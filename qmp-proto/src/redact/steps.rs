//! Counting the examined bytes: a test checks that their number is linear in the length.

#[cfg(test)]
std::thread_local! {
    static STEPS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

/// Counts examined bytes.
#[cfg(test)]
pub(super) fn count(bytes: usize) {
    STEPS.with(|steps| steps.set(steps.get() + bytes));
}

/// Does nothing outside of tests.
#[cfg(not(test))]
pub(super) const fn count(_bytes: usize) {}

/// Returns the number of bytes examined since the last call on this thread.
#[cfg(test)]
pub(super) fn taken() -> usize {
    STEPS.with(|steps| steps.replace(0))
}

//! How many bytes are looked at: a test sees that their number grows with the length alone.

#[cfg(test)]
std::thread_local! {
    static STEPS: core::cell::Cell<usize> = const { core::cell::Cell::new(0) };
}

/// Notes that so many bytes were looked at.
#[cfg(test)]
pub(super) fn count(bytes: usize) {
    STEPS.with(|steps| steps.set(steps.get() + bytes));
}

/// Notes nothing.
#[cfg(not(test))]
pub(super) const fn count(_bytes: usize) {}

/// How many bytes were looked at since this was last called on this thread.
#[cfg(test)]
pub(super) fn taken() -> usize {
    STEPS.with(|steps| steps.replace(0))
}

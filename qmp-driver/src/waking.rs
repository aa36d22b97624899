//! Waking tasks, with protection against panics.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::task::Waker;

use crate::trace;

/// Wakes all of them, even if some of the wakers panic.
pub(crate) fn wake_all(wakers: impl IntoIterator<Item = Waker>) {
    for waker in wakers {
        if catch_unwind(AssertUnwindSafe(|| waker.wake())).is_err() {
            trace::waker_panicked();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};
    use std::task::Wake;

    use super::*;

    struct Counting {
        woken: AtomicUsize,
        panics: bool,
    }

    impl Wake for Counting {
        fn wake(self: Arc<Self>) {
            self.woken.fetch_add(1, Ordering::Relaxed);
            assert!(!self.panics, "meant to be");
        }
    }

    #[test]
    fn a_waker_that_panics_costs_its_neighbours_nothing() {
        let waker = |panics| Arc::new(Counting { woken: AtomicUsize::new(0), panics });
        let all = [waker(false), waker(true), waker(false)];
        wake_all(all.iter().map(|waker| Waker::from(Arc::clone(waker))));
        let woken: Vec<_> = all.iter().map(|waker| waker.woken.load(Ordering::Relaxed)).collect();
        assert_eq!(woken, [1, 1, 1]);
    }
}

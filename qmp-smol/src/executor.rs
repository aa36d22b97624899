//! The executor of the drivers that [`Smol`](crate::Smol) spawns.

use std::future::{Future, pending};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Once;
use std::thread;

use async_executor::Executor;

static EXECUTOR: Executor<'static> = Executor::new();

/// Spawns a future on a thread that all drivers share, and that is started by the first of them.
///
/// # Panics
///
/// If the system cannot start the thread.
pub(crate) fn spawn<T: Send + 'static>(future: impl Future<Output = T> + Send + 'static) {
    static STARTED: Once = Once::new();
    STARTED.call_once(|| {
        let started = thread::Builder::new().name("qmp-smol".into()).spawn(run);
        assert!(started.is_ok(), "the thread of the drivers cannot be started: {started:?}");
    });
    EXECUTOR.spawn(future).detach();
}

fn run() {
    // A waker or a hook of the caller's may panic; the drivers of other connections go on.
    let run = || async_io::block_on(EXECUTOR.run(pending::<()>()));
    while catch_unwind(AssertUnwindSafe(run)).is_err() {}
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_future_that_panics_does_not_end_the_others() {
        let (sender, receiver) = mpsc::channel();
        spawn(async { panic!("intended") });
        spawn(async move {
            async_io::Timer::after(Duration::from_millis(50)).await;
            sender.send(thread::current().name().map(str::to_owned)).unwrap();
        });
        let name = receiver.recv_timeout(Duration::from_secs(30)).unwrap();
        assert_eq!(name.as_deref(), Some("qmp-smol"));
    }
}

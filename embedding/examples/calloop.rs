//! The asynchronous client in calloop, an event loop made of callbacks, for example next to a
//! compositor's windows. The loop's own executor polls it; the socket and the timer are ordinary
//! event sources.
//!
//! ```text
//! cargo run -p embedding --example calloop -- /run/vm.qmp
//! ```

use std::error::Error;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::process::ExitCode;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll, Waker};
use std::time::{Duration, Instant};

use calloop::generic::Generic;
use calloop::timer::{TimeoutAction, Timer};
use calloop::{EventLoop, Interest, Mode, PostAction, RegistrationToken};
use qmp_driver::{BorrowedDescriptor, Builder, Client, Escaped, Transport};
use serde_json::Value;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: calloop PATH");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("calloop: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str) -> Result<(), Box<dyn Error>> {
    let mut event_loop = EventLoop::<Option<Done>>::try_new()?;
    let (handle, signal) = (event_loop.handle(), event_loop.get_signal());

    let socket = UnixStream::connect(path)?;
    socket.set_nonblocking(true)?;
    let source = Generic::new(socket.try_clone()?, Interest::BOTH, Mode::Edge);
    let wakers = Arc::new(Mutex::new(Wakers::default()));
    let woken = Arc::clone(&wakers);
    handle.insert_source(source, move |readiness, _, _| {
        lock(&woken).ready(readiness.readable, readiness.writable);
        Ok(PostAction::Continue)
    })?;

    let transport = Source { socket, wakers: Arc::clone(&wakers) };
    let (client, driver) = Builder::<()>::default().build_over(transport, path)?;
    let (executor, scheduler) = calloop::futures::executor::<Option<Done>>()?;
    handle.insert_source(executor, |done, (), result| {
        // The driver has no output.
        if done.is_some() {
            *result = done;
        }
    })?;
    scheduler.schedule(async {
        driver.await;
        None
    })?;
    scheduler.schedule(async { Some(converse(client).await) })?;

    let mut alarm: Option<(Instant, RegistrationToken)> = None;
    let mut result = None;
    event_loop.run(None, &mut result, |result| {
        if result.is_some() {
            signal.stop();
        }
        let until = lock(&wakers).clock.as_ref().map(|(until, _)| *until);
        if until != alarm.as_ref().map(|(until, _)| *until) {
            alarm.take().into_iter().for_each(|(_, token)| handle.remove(token));
            alarm = until.and_then(|until| {
                let rung = Arc::clone(&wakers);
                let timer = handle.insert_source(Timer::from_deadline(until), move |_, (), _| {
                    lock(&rung).ring();
                    TimeoutAction::Drop
                });
                Some((until, timer.ok()?))
            });
        }
    })?;
    Ok(result.unwrap_or(Ok(()))?)
}

type Done = Result<(), qmp_driver::Error>;

async fn converse(qemu: Client) -> Done {
    qemu.ready().await?;
    println!("QEMU {}", qemu.version().unwrap_or_default());
    let status: Value = qemu.execute("query-status").await?.decode()?;
    println!("{}", status["status"]);
    match qemu.event().timeout(Duration::from_millis(100)).await {
        Ok(event) => println!("{}", Escaped(event.name())),
        Err(error) if error.is_timeout() => println!("{error}"),
        Err(error) => return Err(error),
    }
    qemu.close().await
}

#[derive(Debug)]
struct Source {
    socket: UnixStream,
    wakers: Arc<Mutex<Wakers>>,
}

/// The wakers of the tasks that wait.
#[derive(Debug, Default)]
struct Wakers {
    read: Option<Waker>,
    write: Option<Waker>,
    clock: Option<(Instant, Waker)>,
}

impl Wakers {
    fn ready(&mut self, readable: bool, writable: bool) {
        let read = self.read.take_if(|_| readable);
        let write = self.write.take_if(|_| writable);
        read.into_iter().chain(write).for_each(Waker::wake);
    }

    fn ring(&mut self) {
        self.clock.take().into_iter().for_each(|(_, waker)| waker.wake());
    }
}

/// The loop reports a change once, after it was waited for: so try first, and then wait.
impl Transport for Source {
    fn poll_read(&self, cx: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        let read = or_pending((&self.socket).read(room));
        lock(&self.wakers).read = read.is_pending().then(|| cx.waker().clone());
        read
    }

    fn poll_write(
        &self,
        cx: &mut Context<'_>,
        bytes: &[u8],
        _: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        let written = or_pending((&self.socket).write(bytes));
        lock(&self.wakers).write = written.is_pending().then(|| cx.waker().clone());
        written
    }

    fn poll_until(&self, cx: &mut Context<'_>, until: Instant) -> Poll<()> {
        if Instant::now() >= until {
            return Poll::Ready(());
        }
        lock(&self.wakers).clock = Some((until, cx.waker().clone()));
        Poll::Pending
    }
}

fn or_pending(done: io::Result<usize>) -> Poll<io::Result<usize>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}

fn lock(wakers: &Mutex<Wakers>) -> MutexGuard<'_, Wakers> {
    wakers.lock().unwrap_or_else(PoisonError::into_inner)
}

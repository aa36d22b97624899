//! The asynchronous client in a hand-written executor: one thread, poll(2), and the standard
//! library.
//!
//! ```text
//! cargo run -p embedding --example own_executor -- /run/vm.qmp
//! ```

use std::future::Future;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::process::ExitCode;
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, Wake, Waker};
use std::time::{Duration, Instant};

use qmp_driver::{BorrowedDescriptor, Builder, Client, Driver, Error, Escaped, Transport};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use serde_json::Value;

fn main() -> ExitCode {
    let Some(path) = std::env::args().nth(1) else {
        eprintln!("usage: own_executor PATH");
        return ExitCode::from(2);
    };
    match run(&path) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("own_executor: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str) -> Result<(), Box<dyn std::error::Error>> {
    let socket = UnixStream::connect(path)?;
    socket.set_nonblocking(true)?;
    let connection = Arc::new(Connection { socket, wanted: Mutex::default() });
    let transport = Polled(Arc::clone(&connection));
    let (client, driver) = Builder::<()>::default().build_over(transport, path)?;
    Ok(block_on(converse(client), driver, &connection)??)
}

async fn converse(qemu: Client) -> Result<(), Error> {
    qemu.ready().await?;
    println!("QEMU {}", qemu.version().unwrap_or_default());
    let status: Value = qemu.execute("query-status").await?.decode()?;
    println!("{}", status["status"]);
    let patience = Duration::from_millis(100);
    match qemu.event().timeout(patience).await {
        Ok(event) => println!("{}", Escaped(event.name())),
        Err(error) if error.is_timeout() => println!("{error}"),
        Err(error) => return Err(error),
    }
    qemu.close().await
}

/// A socket, and the readiness it is waiting for.
#[derive(Debug)]
struct Connection {
    socket: UnixStream,
    wanted: Mutex<Wanted>,
}

#[derive(Debug, Default)]
struct Wanted {
    write: bool,
    until: Option<Instant>,
}

impl Connection {
    fn wanted(&self) -> std::sync::MutexGuard<'_, Wanted> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[derive(Debug)]
struct Polled(Arc<Connection>);

/// Wakers are not stored: after any event, everything is polled.
impl Transport for Polled {
    fn poll_read(&self, _: &mut Context<'_>, room: &mut [u8]) -> Poll<io::Result<usize>> {
        or_pending((&self.0.socket).read(room))
    }

    fn poll_write(
        &self,
        _: &mut Context<'_>,
        bytes: &[u8],
        _: Option<BorrowedDescriptor<'_>>,
    ) -> Poll<io::Result<usize>> {
        let written = or_pending((&self.0.socket).write(bytes));
        self.0.wanted().write = written.is_pending();
        written
    }

    fn poll_until(&self, _: &mut Context<'_>, deadline: Instant) -> Poll<()> {
        if Instant::now() >= deadline {
            return Poll::Ready(());
        }
        self.0.wanted().until = Some(deadline);
        Poll::Pending
    }
}

fn or_pending(done: io::Result<usize>) -> Poll<io::Result<usize>> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => Poll::Pending,
        done => Poll::Ready(done),
    }
}

fn block_on<T>(
    future: impl Future<Output = T>,
    driver: Driver,
    connection: &Connection,
) -> io::Result<T> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    let waker = Waker::from(Arc::new(Bell(theirs)));
    let mut cx = Context::from_waker(&waker);
    let (mut future, mut driver) = (pin!(future), pin!(Some(driver)));
    loop {
        *connection.wanted() = Wanted::default();
        if let Poll::Ready(output) = future.as_mut().poll(&mut cx) {
            return Ok(output);
        }
        let running = driver.as_mut().as_pin_mut();
        if running.is_some_and(|running: Pin<&mut Driver>| running.poll(&mut cx).is_ready()) {
            driver.set(None);
        }
        wait(connection, &ours)?;
        while (&ours).read(&mut [0; 64]).is_ok_and(|count| count > 0) {}
    }
}

/// Waits until the socket is ready, the deadline has passed, or another thread wakes it.
fn wait(connection: &Connection, bell: &UnixStream) -> io::Result<()> {
    let wanted = connection.wanted();
    let left = wanted.until.map(|until| until.saturating_duration_since(Instant::now()));
    let left = left.and_then(|left| Timespec::try_from(left).ok());
    let flags = if wanted.write { PollFlags::IN | PollFlags::OUT } else { PollFlags::IN };
    drop(wanted);
    let mut waits = [PollFd::new(&connection.socket, flags), PollFd::new(bell, PollFlags::IN)];
    match poll(&mut waits, left.as_ref()) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

/// Ends poll(2) from any thread.
struct Bell(UnixStream);

impl Wake for Bell {
    fn wake(self: Arc<Self>) {
        // If it is full, the executor is awake already.
        let _ = (&self.0).write(&[0]);
    }
}

//! A proxy that records the traffic between a client and a real server.

use std::fs::{File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::net::Shutdown;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::OpenOptionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use qmp_proto::Address;
use qmp_sockets::{
    Deadline, IntoAddress, Listener, Socket, connect, receive_with_descriptor, send_with_descriptor,
};
use rustix::event::{PollFd, PollFlags, poll};
use tempfile::TempDir;

use crate::recording::RecordingError;
use crate::recording::line::{Direction, Line};

const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// Forwards the traffic between a client and a real server, including file descriptors, and records
/// it for [`Mock::replay`](crate::Mock::replay).
///
/// The client connects to [`address`](Self::address). For each client, one at a time, the recorder
/// connects to the server. The recording is complete when [`finish`](Self::finish) returns.
///
/// **A recording contains all traffic**, including passwords. Only its owner can read the file.
///
/// ```no_run
/// use qmp_mock::{Mock, Recorder};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let recorder = Recorder::start("unix:/run/vm.qmp", "tests/data/status.jsonl")?;
/// let qemu = qmp_blocking::connect(recorder.address())?;
/// qemu.execute("query-status").run()?;
/// drop(qemu);
/// recorder.finish()?;
///
/// // Later, without QEMU:
/// let mock = Mock::replay("tests/data/status.jsonl")?;
/// let qemu = qmp_blocking::connect(mock.address())?;
/// qemu.execute("query-status").run()?;
/// mock.verify();
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Recorder {
    address: Address,
    path: PathBuf,
    /// Ends the thread when it is dropped.
    stop: Option<UnixStream>,
    thread: Option<JoinHandle<io::Result<()>>>,
    _folder: TempDir,
}

impl Recorder {
    /// Starts listening, and creates or truncates the file.
    ///
    /// # Errors
    ///
    /// Returns an error if the server's address is invalid, the file cannot be created, or the
    /// system cannot provide a socket or a thread. The server is not connected to before the first
    /// client connects.
    pub fn start(server: impl IntoAddress, path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let io = |error| RecordingError::io(path, error);
        let server = server.into_address().map_err(|error| RecordingError::socket(path, error))?;
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path);
        let writer = Mutex::new(Writer::new(BufWriter::new(file.map_err(io)?)));
        let folder = tempfile::Builder::new().prefix("qmp").tempdir().map_err(io)?;
        let address = Address::unix(folder.path().join("recorder").as_os_str().as_encoded_bytes());
        let listener =
            Listener::bind(&address).map_err(|error| RecordingError::socket(path, error))?;
        let (stop, stopped) = UnixStream::pair().map_err(io)?;
        let thread = thread::Builder::new().name("qmp-recorder".to_owned());
        let thread = thread.spawn(move || record(&listener, &server, &stopped, &writer));
        Ok(Self {
            address,
            path: path.to_owned(),
            stop: Some(stop),
            thread: Some(thread.map_err(io)?),
            _folder: folder,
        })
    }

    /// Returns the address that the client must connect to, which is a unix socket.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Closes the remaining connections and completes the recording.
    ///
    /// # Errors
    ///
    /// Returns an error if the recording could not be written or the server could not be reached.
    pub fn finish(mut self) -> Result<(), RecordingError> {
        self.end().map_err(|error| RecordingError::io(&self.path, error))
    }

    fn end(&mut self) -> io::Result<()> {
        self.stop = None;
        let ended = self.thread.take().map(JoinHandle::join);
        match ended {
            Some(Ok(ended)) => ended,
            Some(Err(_)) => Err(io::Error::other("its thread has panicked")),
            None => Ok(()),
        }
    }
}

impl Drop for Recorder {
    fn drop(&mut self) {
        // `finish` reports errors; dropping ignores them.
        let _ = self.end();
    }
}

/// Serves clients until the recorder is finished or dropped.
fn record(
    listener: &Listener,
    server: &Address,
    stopped: &UnixStream,
    writer: &Mutex<Writer>,
) -> io::Result<()> {
    let mut failure = Ok(());
    loop {
        let mut waits = [PollFd::new(listener, PollFlags::IN), PollFd::new(stopped, PollFlags::IN)];
        match poll(&mut waits, None) {
            Ok(_) | Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
        if !waits[1].revents().is_empty() {
            let flushed = lock(writer).file.flush();
            return failure.and(flushed);
        }
        let client = match listener.try_accept() {
            Ok(client) => client,
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => continue,
            Err(error) => return Err(error),
        };
        // If the server is gone, this client's connection ends, and `finish` returns the error.
        let recorded = session(&client, server, stopped, writer);
        failure = failure.and(recorded);
    }
}

fn session(
    client: &Socket,
    server: &Address,
    stopped: &UnixStream,
    writer: &Mutex<Writer>,
) -> io::Result<()> {
    let server = &connect(server, Deadline::after(CONNECT_DEADLINE).instant())
        .map_err(|error| io::Error::other(error.to_string()))?;
    lock(writer).begin()?;
    // Each direction has its own thread, so that one that blocks does not delay the other.
    let ended = &AtomicBool::new(false);
    let there = Way { from: client, to: server, direction: Direction::ToServer, ended };
    let back = Way { from: server, to: client, direction: Direction::ToClient, ended };
    let (over, is_over) = UnixStream::pair()?;
    thread::scope(|scope| {
        let there = scope.spawn(|| there.pass_all(writer));
        let back = scope.spawn(|| {
            let passed = back.pass_all(writer);
            drop(over);
            passed
        });
        // If the server has closed the connection, nothing can be forwarded to it.
        let waited = wait_for_either(stopped, &is_over);
        ended.store(true, Ordering::SeqCst);
        for socket in [client, server] {
            // Fails if the other end is gone already.
            let _ = socket.shutdown(Shutdown::Both);
        }
        let panicked = |_| Err(io::Error::other("a thread of the recorder has panicked"));
        let there = there.join().unwrap_or_else(panicked);
        let back = back.join().unwrap_or_else(panicked);
        waited.and(there).and(back)
    })?;
    lock(writer).file.flush()
}

fn wait_for_either(one: &UnixStream, other: &UnixStream) -> io::Result<()> {
    let mut waits = [PollFd::new(one, PollFlags::IN), PollFd::new(other, PollFlags::IN)];
    loop {
        match poll(&mut waits, None) {
            Ok(_) => return Ok(()),
            Err(rustix::io::Errno::INTR) => {}
            Err(error) => return Err(error.into()),
        }
    }
}

/// Forwards one direction.
struct Way<'s> {
    from: &'s Socket,
    to: &'s Socket,
    direction: Direction,
    /// Whether the recorder itself ends the connection, which must not be recorded as the peer's
    /// close.
    ended: &'s AtomicBool,
}

impl Way<'_> {
    /// Forwards until the end of the stream.
    fn pass_all(&self, writer: &Mutex<Writer>) -> io::Result<()> {
        let mut buffer = [0; 16 * 1024];
        loop {
            match receive_with_descriptor(self.from, &mut buffer) {
                Ok((0, _)) => return self.end(writer, "eof"),
                Ok((count, descriptor)) => self.pass(&buffer[..count], descriptor, writer)?,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return self.end(writer, "reset"),
            }
        }
    }

    fn pass(
        &self,
        mut bytes: &[u8],
        descriptor: Option<OwnedFd>,
        writer: &Mutex<Writer>,
    ) -> io::Result<()> {
        // Recorded before it is forwarded, so that no reply is recorded before its command.
        let descriptors = usize::from(descriptor.is_some());
        lock(writer).write(self.direction, bytes, descriptors, None)?;
        if let Some(descriptor) = descriptor.filter(|_| self.to.supports_descriptors()) {
            match send_with_descriptor(self.to, bytes, descriptor.as_fd()) {
                Ok(sent) => bytes = &bytes[sent..],
                Err(_) => return Ok(()),
            }
        }
        let mut to = self.to;
        // If the receiver no longer reads, the other direction has ended or will end.
        let _ = to.write_all(bytes);
        Ok(())
    }

    fn end(&self, writer: &Mutex<Writer>, how: &str) -> io::Result<()> {
        if self.ended.load(Ordering::SeqCst) {
            return Ok(());
        }
        let how = if self.direction == Direction::ToServer { "close" } else { how };
        // Recorded before the other side can react by closing its end.
        let written = lock(writer).write(self.direction, &[], 0, Some(how));
        let _ = self.to.shutdown(Shutdown::Write);
        written
    }
}

fn lock(writer: &Mutex<Writer>) -> MutexGuard<'_, Writer> {
    writer.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The file being written.
#[derive(Debug)]
struct Writer {
    file: BufWriter<File>,
    began: Instant,
}

impl Writer {
    fn new(file: BufWriter<File>) -> Self {
        Self { file, began: Instant::now() }
    }

    fn begin(&mut self) -> io::Result<()> {
        self.began = Instant::now();
        self.write(Direction::ToServer, &[], 0, Some("connect"))
    }

    fn write(
        &mut self,
        direction: Direction,
        bytes: &[u8],
        descriptors: usize,
        event: Option<&str>,
    ) -> io::Result<()> {
        let line = Line {
            t: u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX),
            dir: direction,
            bytes: bytes.to_owned(),
            fds: descriptors,
            event: event.map(ToOwned::to_owned),
        };
        serde_json::to_writer(&mut self.file, &line)?;
        self.file.write_all(b"\n")
    }
}

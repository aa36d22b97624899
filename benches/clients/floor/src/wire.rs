//! A socket on some runtime, with lines counted in its input.

use std::future::Future;
use std::io::{self, Read, Write};
use std::os::unix::net::UnixStream as StdStream;

use bench_measure::Failure;
use smol::io::{AsyncReadExt as _, AsyncWriteExt as _};
use smol::{Async, Executor};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// The size of a read.
const ROOM: usize = 64 << 10;

/// A connected socket.
pub(crate) trait Wire: Sized + Send + 'static {
    fn connect(path: &str) -> impl Future<Output = io::Result<Self>> + Send;
    fn read(&mut self, room: &mut [u8]) -> impl Future<Output = io::Result<usize>> + Send;
    fn write(&mut self, bytes: &[u8]) -> impl Future<Output = io::Result<()>> + Send;

    /// Runs work concurrently, if the runtime can.
    fn spawn<T: Send + 'static>(
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send;
}

/// A socket with a buffer. Input beyond the requested lines is dropped; there is none.
pub(crate) struct Lines<W> {
    wire: W,
    room: Vec<u8>,
}

impl<W: Wire> Lines<W> {
    pub(crate) async fn connect(path: &str) -> Result<Self, Failure> {
        Ok(Self { wire: W::connect(path).await?, room: vec![0; ROOM] })
    }

    /// With little memory, for idle connections.
    pub(crate) async fn connect_small(path: &str) -> Result<Self, Failure> {
        Ok(Self { wire: W::connect(path).await?, room: Vec::new() })
    }

    pub(crate) async fn monitor(path: &str) -> Result<Self, Failure> {
        let mut lines = Self::connect(path).await?;
        lines.negotiate().await?;
        Ok(lines)
    }

    pub(crate) async fn negotiate(&mut self) -> Result<(), Failure> {
        self.skip(1).await?;
        self.ask(b"{\"execute\":\"qmp_capabilities\",\"id\":4503599627370503}", 1).await
    }

    /// Writes, and reads this number of lines.
    pub(crate) async fn ask(&mut self, commands: &[u8], lines: usize) -> Result<(), Failure> {
        self.wire.write(commands).await?;
        self.skip(lines).await
    }

    /// Writes, and returns the result of one read.
    pub(crate) async fn ask_text(&mut self, command: &[u8]) -> Result<String, Failure> {
        self.wire.write(command).await?;
        let count = self.wire.read(&mut self.room).await?;
        Ok(String::from_utf8_lossy(&self.room[..count]).into_owned())
    }

    /// Waits for any input.
    pub(crate) async fn wait(&mut self) -> Result<(), Failure> {
        self.wire.read(&mut [0]).await?;
        Ok(())
    }

    /// Reads until this number of lines has ended.
    pub(crate) async fn skip(&mut self, mut lines: usize) -> Result<(), Failure> {
        let mut little = [0; 4096];
        let room = if self.room.is_empty() { &mut little[..] } else { &mut self.room };
        while lines > 0 {
            let count = self.wire.read(room).await?;
            if count == 0 {
                return Err("the server has gone".into());
            }
            let ends = memchr::memchr_iter(b'\n', &room[..count]).count();
            lines = lines.checked_sub(ends).ok_or("there were more lines than asked for")?;
        }
        Ok(())
    }
}

pub(crate) struct Blocking(StdStream);

impl Wire for Blocking {
    async fn connect(path: &str) -> io::Result<Self> {
        Ok(Self(StdStream::connect(path)?))
    }

    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room)
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    /// There is no concurrency: the work runs when it is awaited.
    fn spawn<T: Send + 'static>(
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send {
        work
    }
}

pub(crate) struct Tokio(tokio::net::UnixStream);

impl Wire for Tokio {
    async fn connect(path: &str) -> io::Result<Self> {
        Ok(Self(tokio::net::UnixStream::connect(path).await?))
    }

    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    fn spawn<T: Send + 'static>(
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send {
        let task = tokio::spawn(work);
        async { task.await? }
    }
}

/// A socket for a single thread.
pub(crate) static EXECUTOR: Executor<'static> = Executor::new();

pub(crate) struct Smol(Async<StdStream>);

impl Wire for Smol {
    async fn connect(path: &str) -> io::Result<Self> {
        Ok(Self(Async::<StdStream>::connect(path).await?))
    }

    async fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        self.0.read(room).await
    }

    async fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes).await
    }

    fn spawn<T: Send + 'static>(
        work: impl Future<Output = Result<T, Failure>> + Send + 'static,
    ) -> impl Future<Output = Result<T, Failure>> + Send {
        EXECUTOR.spawn(work)
    }
}

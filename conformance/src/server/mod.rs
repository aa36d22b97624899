//! Servers that run as long as a test needs them.

mod folder;
mod start;
mod suite;

use std::fmt::Display;
use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::process::{Child, Command, ExitStatus};
use std::time::{Duration, Instant};
use std::{io, thread};

use qmp_driver::{Address, Error, ErrorKind};
use rustix::process::{Pid, Signal, kill_process};

use crate::ready;
use crate::subject::Build;

pub use folder::{Folder, folder};
pub use start::{LIGHT, keep_inside};
pub use suite::{Suite, notice, on};

/// Longer than any step takes, even on a busy machine.
pub const PLENTY: Duration = Duration::from_secs(30);

/// A running server, and a folder for its files. It is killed when dropped.
#[derive(Debug)]
pub struct Server {
    process: Child,
    folder: Folder,
    /// See [`Suite::is_old`].
    is_old: bool,
    /// QEMU 5.2 sometimes greets a client that connects while it starts and never reads from it,
    /// because one of its threads waits for another client. This is that other client.
    is_sleepy: bool,
}

impl Server {
    /// Starts a program inside the folder.
    pub fn start(mut command: Command, folder: Folder) -> Self {
        command.current_dir(folder.path());
        command.stdout(File::create(folder.file("stdout")).unwrap());
        command.stderr(File::create(folder.file("stderr")).unwrap());
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { process, folder, is_old: false, is_sleepy: false }
    }

    /// Returns its folder.
    pub const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// Returns the path of a file in its folder.
    pub fn path(&self, name: &str) -> PathBuf {
        self.folder.file(name)
    }

    /// Returns the address of the socket `qmp`.
    pub fn address(&self) -> Address {
        Address::unix(self.folder.name("qmp"))
    }

    /// Connects to the socket `qmp` once the server listens.
    pub async fn connect<B: Build>(&mut self, build: impl Fn() -> B) -> B::Client {
        let patience = if self.is_sleepy { PLENTY / 6 } else { PLENTY };
        self.try_connect(build, patience).await.unwrap()
    }

    /// The same, for servers whose handshake may fail.
    async fn try_connect<B: Build>(
        &mut self,
        build: impl Fn() -> B,
        patience: Duration,
    ) -> Result<B::Client, Error> {
        let (address, is_sleepy) = (self.address(), self.is_sleepy);
        self.once_up(async || {
            match build().handshake_timeout(patience).connect(&address).await {
                // The socket file exists before the server listens.
                Err(error) if matches!(error.kind(), ErrorKind::Connect(_)) => Err(error),
                Err(error) if is_sleepy && error.is_timeout() => {
                    notice(&format!("QEMU 5.2 has to be woken: {error}"));
                    Err(error)
                }
                done => Ok(done),
            }
        })
        .await
    }

    /// Connects a plain stream to the socket `qmp` once the server listens.
    pub fn stream(&mut self) -> UnixStream {
        let path = self.path("qmp");
        ready(self.once_up(async || UnixStream::connect(&path)))
    }

    /// Retries until it succeeds, as long as the server runs.
    pub async fn once_up<T, E: Display>(&mut self, attempt: impl AsyncFn() -> Result<T, E>) -> T {
        let started = Instant::now();
        loop {
            while self.is_old && !self.is_settled() && started.elapsed() < PLENTY {
                thread::sleep(Duration::from_millis(2));
            }
            let error = match attempt().await {
                Ok(done) => return done,
                Err(error) => error,
            };
            let ended = self.process.try_wait().unwrap();
            assert!(
                ended.is_none() && started.elapsed() < PLENTY,
                "{error}; the server: {ended:?}, it says: {}",
                self.said()
            );
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// Returns whether its main thread waits in poll(2) or ppoll(2), by their numbers on x86-64 and
    /// arm64: then it has started and listens. Returns `true` where this cannot be determined.
    fn is_settled(&self) -> bool {
        let pid = self.pid();
        match fs::read_to_string(format!("/proc/{pid}/task/{pid}/syscall")) {
            Ok(call) => ["7 ", "271 ", "73 "].iter().any(|poll| call.starts_with(poll)),
            Err(_) => true,
        }
    }

    /// Returns its process.
    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Sends it a signal.
    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.process), signal).unwrap();
    }

    /// Returns its exit status if it has ended.
    pub fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until it has ended by itself.
    pub fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        let process = &mut self.process;
        wait_until("the server ends", || {
            status = process.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    /// Returns what it wrote to its standard error.
    pub fn said(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.process.try_wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("the server: {ended:?}, its output: {}", self.said());
        }
    }
}

/// Waits for a condition that no event reports.
pub fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PLENTY, "not within {PLENTY:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

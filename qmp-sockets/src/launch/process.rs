//! A launched program.

use std::fmt;
use std::io;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::Duration;

use qmp_proto::{Escaped, Secrets};

use super::diagnostics::Diagnostics;
use super::error::ProcessExited;
use crate::Deadline;

/// How long a program may take to exit after it has closed its connection.
const SOON: Duration = Duration::from_secs(1);

/// The interval at which the exit status is checked, at first.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A program that was launched with [`Launch`](crate::Launch).
///
/// Dropping it kills the program and waits for its exit, unless it was [detached](Self::detach).
/// This takes longer if the operating system has to free much memory. To end QEMU cleanly, send
/// `quit` and [`wait`](Self::wait). If this process ends without dropping it, for example because
/// it is killed, the program keeps running.
#[derive(Debug)]
pub struct Process {
    child: Child,
    name: String,
    diagnostics: Option<Diagnostics>,
    detached: bool,
}

impl Process {
    pub(super) const fn new(child: Child, name: String) -> Self {
        Self { child, name, diagnostics: None, detached: false }
    }

    pub(super) fn keep(&mut self, diagnostics: Diagnostics) {
        self.diagnostics = Some(diagnostics);
    }

    /// Returns the process id. It may be reused after the program has exited and was waited for.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Returns the program's file name, such as `qemu-system-x86_64`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Returns the exit status if the program has exited. Does not block.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error, for example if other code has already waited for the
    /// process.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until the program exits. This blocks: in asynchronous programs, wait for the end of
    /// the connection first, or call it on a separate thread.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`try_wait`](Self::try_wait).
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// Waits until the program exits or the deadline passes. Returns `None` in the latter case.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`try_wait`](Self::try_wait).
    pub fn wait_until(&mut self, deadline: Deadline) -> io::Result<Option<ExitStatus>> {
        if deadline == Deadline::NEVER {
            return self.wait().map(Some);
        }
        let mut pause = FIRST_PAUSE;
        loop {
            let status = self.try_wait()?;
            if status.is_some() || deadline.expired() {
                return Ok(status);
            }
            thread::sleep(deadline.remaining().map_or(pause, |remaining| pause.min(remaining)));
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
    }

    /// Kills the program with `SIGKILL`. For its guest that is like a power failure. Call
    /// [`wait`](Self::wait) afterwards.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if the program may not be killed. It is not an error if
    /// it has already exited.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Lets the program keep running when this is dropped. If it exits before this process does, it
    /// remains a zombie until then, because its exit status is not read.
    ///
    /// The connection is its only monitor, unless the arguments configure another.
    ///
    /// After this process has ended, the program's standard error is no longer read, and writing to
    /// it fails. QEMU tolerates that. For programs that do not, redirect it to a file with
    /// [`Launch::stderr`].
    ///
    /// [`Launch::stderr`]: crate::Launch::stderr
    pub fn detach(mut self) {
        self.detached = true;
    }

    /// Returns the last lines of the program's standard error so far: at most 64 lines and 16 KiB.
    pub fn stderr_tail(&self) -> String {
        self.diagnostics.as_ref().map(Diagnostics::tail).unwrap_or_default()
    }

    /// Waits up to a second for the program to exit, and returns its exit status and standard
    /// error.
    ///
    /// Call this when a handshake failed because the connection ended: the program may have exited,
    /// and its standard error, with secrets masked, explains why.
    pub fn exit_report(&mut self) -> Option<ProcessExited> {
        let status = self.wait_until(Deadline::after(SOON)).ok().flatten()?;
        let stderr = Secrets::new().mask(&self.stderr_tail()).into_owned();
        Some(ProcessExited { program: self.name.clone(), status, stderr })
    }
}

/// Shows `qemu-system-x86_64, pid 4211`: the name of the peer in errors.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, pid {}", Escaped(&self.name), self.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A process that cannot be killed must not be waited for.
        if !self.detached && self.kill().is_ok() {
            let _ = self.wait();
        }
    }
}

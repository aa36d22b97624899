//! A program that was started.

use std::fmt;
use std::io;
use std::process::{Child, ExitStatus};
use std::thread;
use std::time::Duration;

use qmp_proto::{Escaped, Secrets};

use super::diagnostics::Diagnostics;
use super::error::Died;
use crate::Deadline;

/// How long a program may take to end that has closed its connection.
const SOON: Duration = Duration::from_secs(1);

/// How often is looked whether it has.
const FIRST_PAUSE: Duration = Duration::from_millis(1);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// A program that [`Launch`](crate::Launch) has started.
///
/// Dropped, it is killed and waited for, unless it was [detached](Self::detach): a moment, or more
/// if the system has much memory to take back. To end QEMU in good order, send `quit` and
/// [`wait`](Self::wait). When our process ends without dropping it, killed say, the program goes on.
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

    /// The process id. It may be another's once the program has ended and was waited for.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// The program's file name: `qemu-system-x86_64`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// How it has ended, if it has. This does not wait.
    ///
    /// # Errors
    ///
    /// What the system says: somebody else has waited for it, for one.
    pub fn try_wait(&mut self) -> io::Result<Option<ExitStatus>> {
        self.child.try_wait()
    }

    /// Waits until it has ended. In asynchronous programs, wait for the end of the connection first,
    /// or in a thread where nothing else has to go on.
    ///
    /// # Errors
    ///
    /// As [`try_wait`](Self::try_wait).
    pub fn wait(&mut self) -> io::Result<ExitStatus> {
        self.child.wait()
    }

    /// Waits until it has ended, or the deadline passes: then there is no status.
    ///
    /// # Errors
    ///
    /// As [`try_wait`](Self::try_wait).
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

    /// Kills it (`SIGKILL`), which its guest notices as little as a power cut. Wait for its end then.
    ///
    /// # Errors
    ///
    /// What the system says, if it may not be killed. That it has ended already is no error.
    pub fn kill(&mut self) -> io::Result<()> {
        self.child.kill()
    }

    /// Lets it live on when this is dropped, as on its own. When it ends before our process does,
    /// it stays a zombie until then, for nobody waits for it.
    ///
    /// The connection is its only monitor unless its arguments gave it another.
    ///
    /// Once our process has ended, nobody reads its standard error: what it writes there is lost, which
    /// QEMU puts up with. Give a program that does not a file, with [`Launch::stderr`].
    ///
    /// [`Launch::stderr`]: crate::Launch::stderr
    pub fn detach(mut self) {
        self.detached = true;
    }

    /// The last lines that it wrote to its standard error so far: 64 lines and 16 KiB at most.
    pub fn stderr_tail(&self) -> String {
        self.diagnostics.as_ref().map(Diagnostics::tail).unwrap_or_default()
    }

    /// Waits up to a second for the program to end, and returns how it did.
    ///
    /// Call this when a handshake failed because the connection ended: the program may have died,
    /// and its standard error, without secrets, says why.
    pub fn death(&mut self) -> Option<Died> {
        let status = self.wait_until(Deadline::after(SOON)).ok().flatten()?;
        let stderr = Secrets::new().mask(&self.stderr_tail()).into_owned();
        Some(Died { program: self.name.clone(), status, stderr })
    }
}

/// `qemu-system-x86_64, pid 4211`: what errors call the other end.
impl fmt::Display for Process {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, pid {}", Escaped(&self.name), self.id())
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // What cannot be killed would be waited for in vain.
        if !self.detached && self.kill().is_ok() {
            let _ = self.wait();
        }
    }
}

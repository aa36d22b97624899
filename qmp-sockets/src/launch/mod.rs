//! QEMU or the storage daemon, started by us and connected to from its first moment.

mod diagnostics;
mod error;
mod process;

use std::ffi::OsStr;
use std::fmt;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Command, Stdio};

use socket2::{Domain, Type};

use crate::Socket;
use diagnostics::Diagnostics;

pub use error::{Died, LaunchError};
pub use process::Process;

/// A program with a monitor, to be started.
///
/// The monitor is the program's standard input, and that is one end of a socket pair whose other end
/// is ours. So no socket needs a path, nobody else can connect, and the connection is there at
/// once: what is sent waits until the program reads it. When the program dies early, the connection
/// ends with it, and the error is what the program said.
///
/// The options for the monitor are given first, and the character device is called `qmp-stdin`;
/// [`arg`](Self::arg) and [`args`](Self::args) add the others. Options that want the standard input
/// or another process do not go with it: `-nographic`, `-serial stdio`, `-monitor stdio`,
/// `-daemonize`.
///
/// The standard output goes nowhere unless [`configure`](Self::configure) sends it elsewhere.
///
/// ```no_run
/// use qmp_sockets::{Launch, Launched};
///
/// let launch = Launch::qemu("qemu-system-x86_64")
///     .args(["-M", "q35", "-display", "none", "-m", "1G"])
///     .configure(|command| {
///         command.current_dir("/srv/vm");
///     });
/// let Launched { socket, mut process, .. } = launch.spawn()?;
/// // A client goes on with the socket. Those of the adapters do all this by themselves.
/// drop(socket);
/// process.kill()?;
/// let status = process.wait()?;
/// println!("{process}: {status}, it said: {}", process.stderr_tail());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub struct Launch {
    command: Command,
    stderr: Option<Stdio>,
}

/// Not the arguments and the environment: they may hold a password.
impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("program", &self.command.get_program())
            .finish_non_exhaustive()
    }
}

/// A program that was started, and the connection to its monitor.
#[derive(Debug)]
#[non_exhaustive]
pub struct Launched {
    /// Our end of the connection: the handshake is still to be gone through.
    pub socket: Socket,
    /// The program.
    pub process: Process,
}

impl Launch {
    /// QEMU, for any machine: the name of a program on the `PATH`, or its path.
    pub fn qemu(program: impl AsRef<OsStr>) -> Self {
        let monitor = ["-chardev", "socket,id=qmp-stdin,fd=0", "-qmp", "chardev:qmp-stdin"];
        Self::new(program.as_ref(), &monitor)
    }

    /// The storage daemon: the name of a program on the `PATH`, or its path.
    pub fn storage_daemon(program: impl AsRef<OsStr>) -> Self {
        let monitor = ["--chardev", "socket,id=qmp-stdin,fd=0", "--monitor", "chardev=qmp-stdin"];
        Self::new(program.as_ref(), &monitor)
    }

    fn new(program: &OsStr, monitor: &[&str]) -> Self {
        let mut command = Command::new(program);
        // First, for an option of the caller's that lacks its value would swallow one of these.
        command.args(monitor).stdout(Stdio::null());
        Self { command, stderr: None }
    }

    /// Adds an argument.
    #[must_use]
    pub fn arg(mut self, argument: impl AsRef<OsStr>) -> Self {
        self.command.arg(argument);
        self
    }

    /// Adds arguments.
    #[must_use]
    pub fn args<A: AsRef<OsStr>>(mut self, arguments: impl IntoIterator<Item = A>) -> Self {
        self.command.args(arguments);
        self
    }

    /// Sends the standard error elsewhere, to a log file say. Then errors cannot tell what the
    /// program said, and [`Process::stderr_tail`] is empty.
    ///
    /// By default it is a pipe, which a small thread empties until the program has ended. Of what comes
    /// the last 64 KiB are kept, so a guest that makes its QEMU complain for days costs no memory.
    #[must_use]
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// For everything else: the environment, the folder, the standard output, user and group.
    ///
    /// The standard input and the standard error are replaced when the program is started.
    #[must_use]
    pub fn configure(mut self, configure: impl FnOnce(&mut Command)) -> Self {
        configure(&mut self.command);
        self
    }

    /// Starts the program.
    ///
    /// # Errors
    ///
    /// If the program cannot be started, most often because there is no such program. What a program does not
    /// like about its arguments comes out later: it ends, and so does the connection.
    pub fn spawn(self) -> Result<Launched, LaunchError> {
        let program = Path::new(self.command.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str());
        let name = name.to_string_lossy().into_owned();
        match self.start(name.clone()) {
            Ok(launched) => Ok(launched),
            Err(error) => Err(LaunchError { program: name, error }),
        }
    }

    /// Its copy of the other end is closed with the [`Command`], or the connection would never end.
    fn start(mut self, name: String) -> io::Result<Launched> {
        // By socket2, which sees to it that on macOS a write to a dead program is no signal.
        let (ours, theirs) = socket2::Socket::pair(Domain::UNIX, Type::STREAM, None)?;
        self.command.stdin(OwnedFd::from(theirs));
        let stderr = self.stderr.take();
        let is_kept = stderr.is_none();
        self.command.stderr(stderr.unwrap_or_else(Stdio::piped));
        let mut child = self.command.spawn()?;
        let stderr = child.stderr.take().filter(|_| is_kept);
        // Killed if what follows fails.
        let mut process = Process::new(child, name);
        if let Some(stderr) = stderr {
            process.keep(Diagnostics::new(stderr)?);
        }
        Ok(Launched { socket: UnixStream::from(ours).into(), process })
    }
}

#[cfg(test)]
mod tests;

//! Launching QEMU or the storage daemon with a connection to it.

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

pub use error::{LaunchError, ProcessExited};
pub use process::Process;

/// A program with a monitor, to be launched.
///
/// The monitor uses the program's standard input, which is one end of a socket pair. This process
/// keeps the other end. So no socket needs a path, no other process can connect, and the connection
/// exists immediately: messages wait until the program reads them. If the program exits early, the
/// connection ends, and the error contains the program's standard error.
///
/// The options for the monitor come first, and the character device is called `qmp-stdin`;
/// [`arg`](Self::arg) and [`args`](Self::args) add other options. Options that use the standard
/// input or fork do not work: `-nographic`, `-serial stdio`, `-monitor stdio`, `-daemonize`.
///
/// The standard output is discarded. [`configure`](Self::configure) can redirect it.
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

/// Omits the arguments and the environment, which may contain a password.
impl fmt::Debug for Launch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Launch")
            .field("program", &self.command.get_program())
            .finish_non_exhaustive()
    }
}

/// A program that was launched, and the connection to its monitor.
#[derive(Debug)]
#[non_exhaustive]
pub struct Launched {
    /// The connection, before the handshake.
    pub socket: Socket,
    /// The program.
    pub process: Process,
}

impl Launch {
    /// Launches QEMU for any target, given by the name of a program in `PATH` or by its path.
    pub fn qemu(program: impl AsRef<OsStr>) -> Self {
        let monitor = ["-chardev", "socket,id=qmp-stdin,fd=0", "-qmp", "chardev:qmp-stdin"];
        Self::new(program.as_ref(), &monitor)
    }

    /// Launches the storage daemon, given by the name of a program in `PATH` or by its path.
    pub fn storage_daemon(program: impl AsRef<OsStr>) -> Self {
        let monitor = ["--chardev", "socket,id=qmp-stdin,fd=0", "--monitor", "chardev=qmp-stdin"];
        Self::new(program.as_ref(), &monitor)
    }

    fn new(program: &OsStr, monitor: &[&str]) -> Self {
        let mut command = Command::new(program);
        // These come first: an option of the caller that lacks its value would consume one of them.
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

    /// Redirects the standard error, for example to a log file. Errors then do not contain it, and
    /// [`Process::stderr_tail`] is empty.
    ///
    /// By default, the standard error is a pipe, which a small thread reads until the program
    /// exits. Only the last 64 KiB are kept, so a QEMU that writes warnings for days does not use
    /// more and more memory.
    #[must_use]
    pub fn stderr(mut self, stderr: impl Into<Stdio>) -> Self {
        self.stderr = Some(stderr.into());
        self
    }

    /// Configures everything else: the environment, the working directory, the standard output,
    /// user and group.
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
    /// Returns an error if the program cannot be started, usually because it does not exist.
    /// Arguments that the program rejects are found later: it exits, and the connection ends.
    pub fn spawn(self) -> Result<Launched, LaunchError> {
        let program = Path::new(self.command.get_program());
        let name = program.file_name().unwrap_or(program.as_os_str());
        let name = name.to_string_lossy().into_owned();
        match self.start(name.clone()) {
            Ok(launched) => Ok(launched),
            Err(error) => Err(LaunchError { program: name, error }),
        }
    }

    /// Dropping the [`Command`] closes its copy of the program's end. Otherwise the connection
    /// would not end with the program.
    fn start(mut self, name: String) -> io::Result<Launched> {
        // socket2 disables the signal for writes to a closed connection on macOS.
        let (ours, theirs) = socket2::Socket::pair(Domain::UNIX, Type::STREAM, None)?;
        self.command.stdin(OwnedFd::from(theirs));
        let stderr = self.stderr.take();
        let is_kept = stderr.is_none();
        self.command.stderr(stderr.unwrap_or_else(Stdio::piped));
        let mut child = self.command.spawn()?;
        let stderr = child.stderr.take().filter(|_| is_kept);
        // Killed on drop, if a later step fails.
        let mut process = Process::new(child, name);
        if let Some(stderr) = stderr {
            process.keep(Diagnostics::new(stderr)?);
        }
        Ok(Launched { socket: UnixStream::from(ours).into(), process })
    }
}

#[cfg(test)]
mod tests;

//! Servers that run as long as a test needs them.

use std::fs::{self, File};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus};
use std::thread;
use std::time::{Duration, Instant};

use qmp_blocking::{Address, Builder, Cause, Connection, Error};
use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::suite::{Suite, notice};

/// More than anything takes, on a machine that is busy with something else.
pub(crate) const PLENTY: Duration = Duration::from_secs(30);

/// A running server, and a folder for its files. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    folder: Folder,
    /// QEMU 5.2: now and then it greets a client that comes while it starts and never reads what
    /// that sends, for one of its threads waits for another client. It gets one.
    sleepy: bool,
    /// Before QEMU 10, a client that comes while the server starts may be served by two of its
    /// threads at once, which lose bytes to each other.
    old: bool,
}

/// A folder of a test, its path short enough for sockets.
#[derive(Debug)]
pub(crate) struct Folder(TempDir);

impl Folder {
    pub(crate) fn new() -> Self {
        Self(tempfile::Builder::new().prefix("qmp").tempdir().unwrap())
    }

    pub(crate) fn path(&self, name: impl AsRef<Path>) -> PathBuf {
        self.0.path().join(name)
    }

    /// The same as text.
    pub(crate) fn name(&self, name: &str) -> String {
        self.path(name).into_os_string().into_string().unwrap()
    }
}

impl Suite {
    /// QEMU without a machine, one monitor listening on the socket `qmp`.
    pub(crate) fn qemu(&self) -> Server {
        self.qemu_with(&["-qmp", "unix:{}/qmp,server=on,wait=off"])
    }

    /// QEMU without a machine. It runs inside the folder, which `{}` stands for in its arguments.
    pub(crate) fn qemu_with(&self, arguments: &[&str]) -> Server {
        self.qemu_in(Folder::new(), arguments)
    }

    pub(crate) fn qemu_in(&self, folder: Folder, arguments: &[&str]) -> Server {
        let mut command = self.program("qemu-system-x86_64");
        let inside = |argument: &&str| argument.replace("{}", &folder.name(""));
        command.args(bare_machine()).args(arguments.iter().map(inside));
        let mut server = Server::start(command, folder);
        server.sleepy = self.major() == 5;
        server.old = self.major() < 10;
        server
    }

    /// The storage daemon, its monitor listening on the socket `qmp`, and a connection to it.
    ///
    /// Now and then an old one hangs for ever, or hangs up, when somebody connects while it starts
    /// (GLib speaks of a destroyed source): then another is started.
    pub(crate) fn storage_daemon(&self, builder: impl Fn() -> Builder) -> (Server, Connection) {
        loop {
            let folder = Folder::new();
            let mut command = self.program("qemu-storage-daemon");
            let socket = format!("socket,id=c,path={},server=on,wait=off", folder.name("qmp"));
            command.args(["--chardev", &socket, "--monitor", "chardev=c"]);
            let mut server = Server::start(command, folder);
            server.old = self.major() < 10;
            let address = server.address();
            let connected = server.once_up(|| {
                let builder = builder().handshake_deadline(PLENTY / 6);
                match builder.connect(&address) {
                    Err(error) if is_not_up(&error) => Err(error),
                    done => Ok(done),
                }
            });
            match connected {
                Err(error) if self.major() < 10 => notice(&format!("another is started: {error}")),
                connected => return (server, connected.unwrap()),
            }
        }
    }

    /// A guest agent on this machine, listening on the socket `qmp`.
    pub(crate) fn agent(&self, arguments: &[&str]) -> Server {
        let folder = Folder::new();
        let mut command = self.program("qemu-ga");
        keep_inside(&mut command, &folder);
        command.args(["-m", "unix-listen", "-p", &folder.name("qmp")]);
        command.args(arguments);
        Server::start(command, folder)
    }
}

/// Makes a guest agent keep its files in the folder, and ignore this machine's configuration.
pub(crate) fn keep_inside(agent: &mut Command, folder: &Folder) {
    let (state, configuration) = (folder.path("state"), folder.path("configuration"));
    fs::create_dir(&state).unwrap();
    fs::write(&configuration, "").unwrap();
    agent.env("QGA_CONF", configuration);
    agent.arg("-t").arg(state).arg("-f").arg(folder.path("pid"));
}

/// What makes QEMU light: no machine, no guest.
pub(crate) const fn bare_machine() -> [&'static str; 10] {
    ["-nodefaults", "-display", "none", "-S", "-accel", "tcg", "-M", "none", "-m", "16"]
}

impl Server {
    /// Starts a program inside the folder.
    pub(crate) fn start(mut command: Command, folder: Folder) -> Self {
        command.current_dir(folder.path("."));
        command.stdout(File::create(folder.path("stdout")).unwrap());
        command.stderr(File::create(folder.path("stderr")).unwrap());
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Self { process, folder, sleepy: false, old: false }
    }

    pub(crate) const fn folder(&self) -> &Folder {
        &self.folder
    }

    /// The address of the socket `qmp`.
    pub(crate) fn address(&self) -> Address {
        Address::unix(self.folder.name("qmp"))
    }

    /// Connects, once the server listens.
    pub(crate) fn connect(&mut self) -> Connection {
        self.connect_with(Connection::builder)
    }

    pub(crate) fn connect_agent(&mut self) -> Connection {
        self.connect_with(|| Connection::builder().agent())
    }

    pub(crate) fn connect_with(&mut self, builder: impl Fn() -> Builder) -> Connection {
        let (address, sleepy) = (self.address(), self.sleepy);
        let patience = if sleepy { PLENTY / 6 } else { PLENTY };
        self.once_up(|| {
            let connected = builder().handshake_deadline(patience).connect(address.clone());
            match connected {
                Err(error) if is_not_up(&error) => Err(error),
                Err(error) if sleepy && error.is_timeout() => {
                    notice(&format!("QEMU 5.2 has to be woken: {error}"));
                    Err(error)
                }
                done => Ok(done.unwrap()),
            }
        })
    }

    /// A plain stream to the socket `qmp`, once the server listens.
    pub(crate) fn stream(&mut self) -> UnixStream {
        let path = self.folder.path("qmp");
        self.once_up(|| UnixStream::connect(&path))
    }

    /// Tries until it succeeds, as long as the server runs.
    pub(crate) fn once_up<R, E: std::fmt::Display>(
        &mut self,
        attempt: impl Fn() -> Result<R, E>,
    ) -> R {
        let started = Instant::now();
        while self.old && !self.is_settled() && started.elapsed() < PLENTY {
            thread::sleep(Duration::from_millis(2));
        }
        loop {
            let error = match attempt() {
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

    /// Whether its main thread waits for something to do, in poll(2) or ppoll(2) by their numbers on
    /// x86-64 and arm64: then it listens,
    /// and has started. Where that cannot be told, it is taken to be so.
    fn is_settled(&self) -> bool {
        let pid = self.process.id();
        match fs::read_to_string(format!("/proc/{pid}/task/{pid}/syscall")) {
            Ok(call) => ["7 ", "271 ", "73 "].iter().any(|poll| call.starts_with(poll)),
            Err(_) => true,
        }
    }

    pub(crate) fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.process);
        kill_process(pid, signal).unwrap();
    }

    /// How it has ended, if it has.
    pub(crate) fn has_ended(&mut self) -> std::io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let mut status = None;
        let process = &mut self.process;
        wait_until("the server ends", || {
            status = process.try_wait().unwrap();
            status.is_some()
        });
        status.unwrap()
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// What it wrote to its standard error.
    pub(crate) fn said(&self) -> String {
        fs::read_to_string(self.folder.path("stderr")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let ended = self.process.try_wait();
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("the server: {ended:?}, it said: {}", self.said());
        }
    }
}

/// Nothing listens yet; or it does and is not quite ready: a client that connects while QEMU 5.2 or
/// the storage daemon 7.2 starts is greeted twice now and then, and negotiates twice for nothing.
fn is_not_up(error: &Error) -> bool {
    matches!(error.cause(), Cause::Connect(_))
}

/// Waits for what no event tells of.
pub(crate) fn wait_until(what: &str, mut is_so: impl FnMut() -> bool) {
    let started = Instant::now();
    while !is_so() {
        assert!(started.elapsed() < PLENTY, "not within {PLENTY:?}: {what}");
        thread::sleep(Duration::from_millis(5));
    }
}

/// Names of the events that have come, oldest first; they are taken.
pub(crate) fn event_names(connection: &mut Connection) -> Result<Vec<String>, Error> {
    let mut names = Vec::new();
    while let Some(event) = connection.event().look()? {
        names.push(event.name().to_owned());
    }
    Ok(names)
}

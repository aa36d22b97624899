//! Servers that run as long as a test needs them.

use std::fs::{self, File};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::{Duration, Instant};
use std::{env, io, thread};

use qmp_driver::{Address, Builder, Client, Runtime};
use tempfile::TempDir;

/// More than anything takes, on a machine that is busy with something else.
pub(crate) const PLENTY: Duration = Duration::from_secs(30);

/// What makes QEMU light: no machine, no guest.
pub(crate) const LIGHT: &str = "-nodefaults -display none -S -accel tcg -M none -m 16";

/// Names the list when `cargo xtask test` runs the tests.
const LIST: &str = "QMP_TEST_QEMU";

/// The programs of one version of QEMU.
#[derive(Clone, Debug)]
pub(crate) struct Suite {
    version: String,
    bin: PathBuf,
}

/// A running server, and a folder for its files. It is killed when dropped.
#[derive(Debug)]
pub(crate) struct Server {
    process: Child,
    folder: TempDir,
    suite: Suite,
}

/// Runs a test on one version.
pub(crate) fn on(version: &str, test: impl FnOnce(&Suite)) {
    let list = match env::var_os(LIST) {
        Some(list) => PathBuf::from(list),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/qemu/versions"),
    };
    let text = fs::read_to_string(&list).unwrap_or_else(|error| {
        panic!("no QEMU for the tests: run `cargo xtask qemu` first ({}: {error})", list.display())
    });
    let found = text.lines().find_map(|line| {
        let (name, bin) = line.split_once('\t')?;
        (name == version).then_some(bin)
    });
    match found {
        Some(why) if why.starts_with("not run") => notice(&format!("QEMU {version}: {why}")),
        Some(bin) => test(&Suite { version: version.to_owned(), bin: PathBuf::from(bin) }),
        None => panic!("QEMU {version} is not in {}: run `cargo xtask qemu` first", list.display()),
    }
}

/// Says something that must be seen though the test passes, which hides what it prints.
pub(crate) fn notice(text: &str) {
    let _ = writeln!(io::stderr(), "{text}");
}

/// A folder whose path is short enough for sockets.
pub(crate) fn folder() -> TempDir {
    tempfile::Builder::new().prefix("qmp").tempdir().unwrap()
}

impl Suite {
    /// `7.2`, say.
    pub(crate) fn version(&self) -> &str {
        &self.version
    }

    /// Before QEMU 10, a client that comes while the server starts may be served by two of its
    /// threads at once, which lose bytes to each other.
    pub(crate) fn is_old(&self) -> bool {
        matches!(self.version.as_str(), "5.2" | "7.2")
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.bin.join(name)
    }

    /// What takes long is done on the newest alone.
    pub(crate) fn is_newest(&self) -> bool {
        self.version == "11.1"
    }

    /// QEMU without a machine, one monitor listening on the socket `qmp`.
    pub(crate) fn qemu(&self) -> Server {
        let folder = folder();
        let monitor = format!("unix:{},server=on,wait=off", folder.path().join("qmp").display());
        self.qemu_in(folder, &monitor)
    }

    pub(crate) fn qemu_in(&self, folder: TempDir, monitor: &str) -> Server {
        self.start("qemu-system-x86_64", folder, |command| {
            command.args(LIGHT.split(' ')).arg("-qmp").arg(monitor);
        })
    }

    pub(crate) fn storage_daemon(&self) -> Server {
        let folder = folder();
        let socket = folder.path().join("qmp");
        let socket = format!("socket,id=c,path={},server=on,wait=off", socket.display());
        self.start("qemu-storage-daemon", folder, |command| {
            command.args(["--chardev", &socket, "--monitor", "chardev=c"]);
        })
    }

    /// A guest agent on this machine, listening on the socket `qmp`.
    pub(crate) fn agent(&self) -> Server {
        self.agent_at("unix-listen", "qmp")
    }

    /// A guest agent on this machine, that keeps its files in the folder and cannot shut it down.
    pub(crate) fn agent_at(&self, method: &str, path: &str) -> Server {
        let folder = folder();
        let inside = |name: &str| folder.path().join(name);
        let (state, configuration) = (inside("state"), inside("configuration"));
        fs::create_dir(&state).unwrap();
        fs::write(&configuration, "").unwrap();
        let pid = inside("pid");
        self.start("qemu-ga", folder, |command| {
            command.env("QGA_CONF", configuration);
            command.arg("-t").arg(state).arg("-f").arg(pid);
            command.args(["-b", "guest-shutdown,guest-suspend-disk,guest-suspend-ram"]);
            command.args(["-m", method, "-p", path]);
        })
    }

    /// Starts a program inside the folder.
    pub(crate) fn start(
        &self,
        name: &str,
        folder: TempDir,
        arguments: impl FnOnce(&mut Command),
    ) -> Server {
        let mut command = Command::new(self.path(name));
        arguments(&mut command);
        command.current_dir(folder.path()).stdin(Stdio::null());
        command.stdout(File::create(folder.path().join("stdout")).unwrap());
        command.stderr(File::create(folder.path().join("stderr")).unwrap());
        let process = command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}"));
        Server { process, folder, suite: self.clone() }
    }
}

impl Server {
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
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

    /// The address of the socket `qmp`, once the server listens there.
    pub(crate) fn address(&mut self) -> Address {
        let path = self.path("qmp");
        let started = Instant::now();
        while !path.exists() {
            assert!(self.process.try_wait().unwrap().is_none(), "{}", self.said());
            assert!(started.elapsed() < PLENTY, "{}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
        while self.suite.is_old() && !self.is_settled() && started.elapsed() < PLENTY {
            thread::sleep(Duration::from_millis(2));
        }
        Address::unix(path.as_os_str().as_encoded_bytes())
    }

    /// Connects. A socket is there before somebody listens on it.
    ///
    /// Now and then QEMU 5.2 greets a client that comes while it starts, and then never reads: two
    /// of its threads accept, and one of them waits for the next client for ever. It gets one.
    pub(crate) async fn connect<R: Runtime>(&mut self, build: impl Fn() -> Builder<R>) -> Client {
        let address = self.address();
        let started = Instant::now();
        let patience = match self.suite.version() == "5.2" {
            true => PLENTY / 6,
            false => PLENTY,
        };
        loop {
            match build().handshake_deadline(patience).connect(&address).await {
                Err(error) if matches!(error.cause(), qmp_driver::Cause::Connect(_)) => {
                    assert!(started.elapsed() < PLENTY, "{error}: {}", self.said());
                }
                Err(error) if error.is_timeout() && patience < PLENTY => {
                    assert!(started.elapsed() < PLENTY, "{error}: {}", self.said());
                    notice(&format!("QEMU 5.2 has to be woken: {error}"));
                    drop(self.occupy());
                }
                connected => return connected.unwrap(),
            }
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    pub(crate) fn signal(&self, signal: &str) {
        let pid = self.process.id().to_string();
        assert!(Command::new("kill").args([signal, &pid]).status().unwrap().success());
    }

    /// How it has ended, if it has.
    pub(crate) fn has_ended(&mut self) -> io::Result<Option<ExitStatus>> {
        self.process.try_wait()
    }

    /// Waits until it has ended by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < PLENTY, "{}", self.said());
            thread::sleep(Duration::from_millis(5));
        }
    }

    /// What it wrote to its standard error.
    fn said(&self) -> String {
        fs::read_to_string(self.path("stderr")).unwrap_or_default()
    }

    /// A connection that says nothing, and is served before the next.
    pub(crate) fn occupy(&self) -> UnixStream {
        UnixStream::connect(self.path("qmp")).unwrap()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
        if thread::panicking() {
            eprintln!("the server said: {}", self.said());
        }
    }
}

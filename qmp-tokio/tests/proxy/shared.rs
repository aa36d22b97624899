//! The example at work.

use std::io::{BufRead, BufReader, ErrorKind, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};
use std::sync::LazyLock;
use std::time::Duration;

use conformance::server::{PLENTY, Server, Suite, on};
use qmp_tokio::Client;

static EXAMPLE: LazyLock<PathBuf> = LazyLock::new(|| conformance::example("qmp-tokio", "proxy"));

/// The example, killed when dropped.
pub(crate) struct Proxy {
    pub(crate) process: Child,
    pub(crate) output: BufReader<ChildStdout>,
}

impl Proxy {
    /// Starts it; it can open so many files.
    pub(crate) fn start(monitor: &str, shared: &str, files: u32) -> Self {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("ulimit -n {files}; exec \"$0\" \"$@\"")]);
        command.arg(&*EXAMPLE).args([monitor, shared]);
        let mut process = command.stdin(Stdio::null()).stdout(Stdio::piped()).spawn().unwrap();
        let output = BufReader::new(process.stdout.take().unwrap());
        Self { process, output }
    }

    /// Waits until it serves.
    pub(crate) fn serves(mut self) -> Result<Self, String> {
        let mut line = String::new();
        self.output.read_line(&mut line).unwrap();
        if line.contains("is shared at unix:") {
            return Ok(self);
        }
        Err(format!("the proxy ended with {}", self.process.wait().unwrap()))
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// A QEMU whose monitor the example shares. It has a second one, `direct`.
pub(crate) struct Shared {
    pub(crate) proxy: Proxy,
    pub(crate) qemu: Server,
}

impl Shared {
    async fn start(suite: &Suite, files: u32) -> Self {
        let direct = "unix:{}/direct,server=on,wait=off";
        let monitor = "unix:{}/qmp,server=on,wait=off";
        let mut qemu = suite.qemu_with(&["-qmp", direct, "-qmp", monitor]);
        let monitor = qemu.address().to_string();
        let shared = format!("unix:{}", qemu.path("shared").display());
        let proxy = qemu.once_up(async || Proxy::start(&monitor, &shared, files).serves());
        let proxy = proxy.await;
        Self { proxy, qemu }
    }

    pub(crate) async fn client(&self) -> Client {
        let builder = qmp_tokio::builder().handshake_timeout(PLENTY);
        builder.connect(self.qemu.path("shared")).await.unwrap()
    }

    /// A client that is past the negotiation.
    pub(crate) fn lines(&self, socket: &str) -> Lines {
        let mut lines = Lines::connect(&self.qemu.path(socket));
        lines.negotiate("");
        lines
    }
}

/// A client that sends and receives lines.
pub(crate) struct Lines {
    pub(crate) stream: BufReader<UnixStream>,
}

impl Lines {
    pub(crate) fn connect(path: &Path) -> Self {
        Self::over(UnixStream::connect(path).unwrap())
    }

    pub(crate) fn over(stream: UnixStream) -> Self {
        stream.set_read_timeout(Some(PLENTY)).unwrap();
        Self { stream: BufReader::new(stream) }
    }

    /// Reads the greeting, and negotiates with these arguments.
    pub(crate) fn negotiate(&mut self, arguments: &str) {
        let greeting = self.line().unwrap();
        assert!(greeting.starts_with(r#"{"QMP":"#), "{greeting}");
        self.send(&format!(r#"{{"execute": "qmp_capabilities"{arguments}}}"#));
        assert_eq!(self.line().unwrap(), r#"{"return": {}}"#);
    }

    pub(crate) fn send(&mut self, message: &str) {
        writeln!(self.stream.get_mut(), "{message}").unwrap();
    }

    /// The next line, `None` at the end of the stream.
    pub(crate) fn line(&mut self) -> Option<String> {
        let mut line = String::new();
        match self.stream.read_line(&mut line) {
            Ok(0) => None,
            // The other end has left something unread.
            Err(error) if error.kind() == ErrorKind::ConnectionReset => None,
            read => {
                read.unwrap();
                Some(line.trim_end().to_owned())
            }
        }
    }

    /// Whether something comes within this time.
    pub(crate) fn says_something_within(&mut self, time: Duration) -> bool {
        self.stream.get_ref().set_read_timeout(Some(time)).unwrap();
        let said = self.stream.fill_buf().is_ok_and(|said| !said.is_empty());
        self.stream.get_ref().set_read_timeout(Some(PLENTY)).unwrap();
        said
    }
}

/// Runs a test on each version.
pub(crate) fn on_each(test: impl AsyncFn(Shared)) {
    on_each_with_files(1000, test);
}

/// Runs a test on each version, with a proxy that can open so many files.
pub(crate) fn on_each_with_files(files: u32, test: impl AsyncFn(Shared)) {
    for version in ["5.2", "7.2", "10.0", "11.1"] {
        on(version, |suite| {
            let runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = { runtime }.worker_threads(2).enable_all().build().unwrap();
            runtime.block_on(async { test(Shared::start(suite, files).await).await });
        });
    }
}

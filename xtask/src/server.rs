//! The programs that clients connect to.

use std::fs::File;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// How long a program may take to open its socket.
const PATIENCE: Duration = Duration::from_secs(20);

/// A program of QEMU, ended when it is dropped.
pub(crate) struct Server {
    name: String,
    child: Child,
    log: std::path::PathBuf,
}

impl Server {
    /// Starts a QEMU that waits before its guest's first instruction, with a monitor at the socket.
    pub(crate) fn qemu(bin: &Path, socket: &Path) -> Result<Self> {
        let address = format!("unix:{},server=on,wait=off", socket.display());
        let arguments = ["-nodefaults", "-display", "none", "-accel", "tcg", "-m", "16", "-S"];
        let arguments = [&arguments[..], &["-qmp", &address]].concat();
        Self::start(&bin.join("qemu-system-x86_64"), &arguments, socket)
    }

    /// Starts a guest agent on this machine. Its files are in the socket's folder.
    pub(crate) fn agent(bin: &Path, socket: &Path) -> Result<Self> {
        let state = socket.parent().unwrap_or_else(|| Path::new("/"));
        let [path, state, pid] =
            [socket, state, &socket.with_extension("pid")].map(|path| path.display().to_string());
        let arguments = ["-m", "unix-listen", "-p", &path, "-t", &state, "-f", &pid];
        Self::start(&bin.join("qemu-ga"), &arguments, socket)
    }

    /// Starts it and waits until its socket exists. Its output goes to a file in the socket's
    /// folder.
    pub(crate) fn start(program: &Path, arguments: &[&str], socket: &Path) -> Result<Self> {
        let name = program.file_name().unwrap_or_default().to_string_lossy().into_owned();
        println!("\n$ {name} {}", arguments.join(" "));
        let log = socket.with_extension("log");
        let output = File::create(&log)?;
        let child = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(output.try_clone()?)
            .stderr(output)
            .spawn()
            .with_context(|| format!("cannot start {}", program.display()))?;
        let mut server = Self { name, child, log };
        let start = Instant::now();
        while !socket.exists() {
            if let Some(status) = server.child.try_wait()? {
                bail!("{} exited with {status}: {}", server.name, server.printed());
            }
            if start.elapsed() > PATIENCE {
                bail!(
                    "{} did not open its socket in {PATIENCE:?}: {}",
                    server.name,
                    server.printed()
                );
            }
            sleep(Duration::from_millis(10));
        }
        Ok(server)
    }

    /// Waits until it has ended by itself.
    pub(crate) fn join(mut self) -> Result<()> {
        let status = self.child.wait()?;
        println!("{} has ended: {status}", self.name);
        if status.success() { Ok(()) } else { bail!("{}: {}", self.name, self.printed()) }
    }

    fn printed(&self) -> String {
        let printed = std::fs::read_to_string(&self.log).unwrap_or_default();
        if printed.is_empty() { "it printed nothing".to_owned() } else { printed }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

//! The servers that clients connect to.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

use crate::options::Options;

/// How long a server may take to open its socket.
const PATIENCE: Duration = Duration::from_secs(30);

/// The server that a workload needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// The fake server, as a monitor.
    Fake,
    /// No server.
    None,
    /// QEMU of this version.
    Qemu(&'static str),
    StorageDaemon(&'static str),
    Agent(&'static str),
}

/// A running server; it ends when it is dropped.
pub(crate) struct Server {
    child: Option<Child>,
    folder: PathBuf,
    /// The address for clients.
    pub(crate) socket: PathBuf,
}

impl Server {
    /// Starts one in a folder of its own. The inner `Err` is the reason why there is none on this
    /// machine.
    pub(crate) fn start(kind: Kind, options: &Options) -> Result<Result<Self, String>> {
        let folder = std::env::temp_dir().join(format!("qmp-bench-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let socket = folder.join(if matches!(kind, Kind::Fake) { "monitor" } else { "socket" });
        let at = socket.display();
        let Some(mut command) = (match kind {
            Kind::None => return Ok(Ok(Self { child: None, folder, socket })),
            Kind::Fake => {
                let mut command = Command::new(options.programs.join("bench-server"));
                command.arg(&folder);
                Some(command)
            }
            Kind::Qemu(version) => program(options, version, "qemu-system-x86_64").map(|mut it| {
                it.args(["-M", "none", "-display", "none", "-nodefaults", "-qmp"]);
                it.arg(format!("unix:{at},server=on,wait=off"));
                it
            }),
            Kind::StorageDaemon(version) => {
                program(options, version, "qemu-storage-daemon").map(|mut it| {
                    it.arg("--chardev");
                    it.arg(format!("socket,id=c,path={at},server=on,wait=off"));
                    it.args(["--monitor", "chardev=c"]);
                    it
                })
            }
            Kind::Agent(version) => program(options, version, "qemu-ga").map(|mut it| {
                it.args(["-m", "unix-listen", "-p"]).arg(&socket).arg("-t").arg(&folder);
                it
            }),
        }) else {
            return Ok(Err(format!("{kind:?} cannot be had on this machine")));
        };
        let log = File::create(folder.join("log"))?;
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let mut server = Self { child: Some(child), folder, socket };
        server.wait()?;
        Ok(Ok(server))
    }

    /// Starts a fake server that logs what it receives.
    pub(crate) fn counting(options: &Options) -> Result<Self> {
        let folder = std::env::temp_dir().join(format!("qmp-bench-count-{}", std::process::id()));
        fs::create_dir_all(&folder)?;
        let log = File::create(folder.join("log"))?;
        let mut command = Command::new(options.programs.join("bench-server"));
        command.arg(&folder).arg("count").stdin(Stdio::null()).stdout(log);
        let child = command.spawn().with_context(|| format!("cannot start {command:?}"))?;
        let socket = folder.join("monitor");
        let mut server = Self { child: Some(child), folder, socket };
        server.wait()?;
        Ok(server)
    }

    /// Returns the bytes and commands of the last connection that was closed.
    pub(crate) fn last_received(&self, before: usize) -> Result<(f64, f64)> {
        let started = Instant::now();
        while started.elapsed() < PATIENCE {
            let log = self.log();
            let lines: Vec<_> = log.lines().filter(|line| line.starts_with("received")).collect();
            if lines.len() > before {
                let mut numbers = lines[lines.len() - 1].split(' ').skip(1).map(str::parse);
                if let (Some(Ok(bytes)), Some(Ok(commands))) = (numbers.next(), numbers.next()) {
                    return Ok((bytes, commands));
                }
            }
            sleep(Duration::from_millis(5));
        }
        bail!("the server has not counted");
    }

    /// Returns the number of connections that were closed.
    pub(crate) fn ended(&self) -> usize {
        self.log().lines().filter(|line| line.starts_with("received")).count()
    }

    fn wait(&mut self) -> Result<()> {
        let started = Instant::now();
        while !self.socket.exists() {
            if let Some(status) = self.child.as_mut().map(Child::try_wait).transpose()?.flatten() {
                bail!("the server ended with {status}: {}", self.log());
            }
            if started.elapsed() > PATIENCE {
                bail!("the server did not open its socket: {}", self.log());
            }
            sleep(Duration::from_millis(5));
        }
        Ok(())
    }

    fn log(&self) -> String {
        fs::read_to_string(self.folder.join("log")).unwrap_or_default()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        if let Some(child) = &mut self.child {
            // It may have ended already.
            let _ = child.kill();
            let _ = child.wait();
        }
        let _ = fs::remove_dir_all(&self.folder);
    }
}

fn program(options: &Options, version: &str, name: &str) -> Option<Command> {
    let (_, folder) = options.qemus.iter().find(|(known, _)| known == version)?;
    let program = folder.join(name);
    Path::new(&program).exists().then(|| Command::new(program))
}

//! A guest that runs as long as a test needs it.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{env, fs};

use qmp_tokio::types::qga::{GuestExec, GuestExecStatus, GuestExecStatusReply};
use qmp_tokio::types::{Base64, Cont, events::Resume};
use qmp_tokio::{Client, Error, TypedEvent};

use crate::server::{PLENTY, Server, Suite, folder, notice};
use crate::state;

/// Names the list when `cargo xtask test` runs the tests.
const LIST: &str = "QMP_TEST_GUEST";

/// A guest whose agent is up, its QEMU, and connections to both.
#[derive(Debug)]
pub(crate) struct Guest {
    pub(crate) qemu: Client,
    pub(crate) agent: Client,
    pub(crate) server: Server,
    version: String,
}

/// Runs a test with the guest of one version.
pub(crate) fn on(version: &str, test: impl AsyncFnOnce(Guest)) {
    crate::server::on(version, |suite| match boot_files(version) {
        Ok(files) => {
            let mut runtime = tokio::runtime::Builder::new_multi_thread();
            let runtime = runtime.worker_threads(1).enable_all().build().unwrap();
            runtime.block_on(async {
                test(Guest::resume(suite, version, &files).await).await;
            });
        }
        Err(why) => notice(&format!("guest of QEMU {version}: {why}")),
    });
}

/// What a guest boots from.
#[derive(Debug)]
pub(crate) struct BootFiles {
    kernel: PathBuf,
    initramfs: PathBuf,
}

/// Those of one version, or why there are none.
fn boot_files(version: &str) -> Result<BootFiles, String> {
    let list = match env::var_os(LIST) {
        Some(list) => PathBuf::from(list),
        None => Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/guest/versions"),
    };
    let text = fs::read_to_string(&list).unwrap_or_else(|error| {
        panic!(
            "no guest for the tests: run `cargo xtask guest` first ({}: {error})",
            list.display()
        )
    });
    let found = text.lines().find_map(|line| {
        let (name, initramfs) = line.split_once('\t')?;
        (name == version).then_some(initramfs)
    });
    match found {
        Some(why) if why.starts_with("not run") => Err(why.to_owned()),
        Some(initramfs) => Ok(BootFiles {
            kernel: list.with_file_name("kernel"),
            initramfs: PathBuf::from(initramfs),
        }),
        None => panic!("QEMU {version} is not in {}: run `cargo xtask guest`", list.display()),
    }
}

/// Starts a machine, with a monitor at the socket `qmp` and an agent's port at the socket `agent`.
pub(crate) fn start(suite: &Suite, version: &str, files: &BootFiles, incoming: &str) -> Server {
    let folder = folder();
    let socket = |name: &str| format!("{},server=on,wait=off", folder.path().join(name).display());
    let (monitor, agent) = (socket("qmp"), socket("agent"));
    suite.start("qemu-system-x86_64", folder, |command| {
        match is_old(version) {
            true => command.args(["-machine", "pc"]),
            // Unplugged by PCI Express' own rules, which give people five seconds to change their
            // mind.
            false => command
                .args(["-machine", "q35", "-device", "pcie-root-port,id=root1"])
                .args(["-global", "ICH9-LPC.acpi-pci-hotplug-with-bridge-support=off"]),
        };
        command.args(["-accel", "tcg", "-m", "256M,slots=1,maxmem=512M"]);
        command.args(["-nodefaults", "-display", "none", "-serial", "file:serial"]);
        command.arg("-kernel").arg(&files.kernel).arg("-initrd").arg(&files.initramfs);
        command.args(["-append", "console=ttyS0 quiet mitigations=off nokaslr panic=-1"]);
        command.args(["-qmp", &format!("unix:{monitor}")]);
        command.args(["-chardev", &format!("socket,id=agent,path={agent}")]);
        command.args(["-device", "virtio-serial-pci"]);
        command
            .args(["-device", "virtserialport,chardev=agent,id=agent,name=org.qemu.guest_agent.0"]);
        if !incoming.is_empty() {
            command.args(["-incoming", incoming]);
        }
    })
}

/// Whether it is a QEMU whose q35 cannot be used: Linux finds no device that was plugged in, and does
/// not come back from a reboot, for QEMU resets the machine for ever.
fn is_old(version: &str) -> bool {
    version == "5.2"
}

/// Connects to the agent, once it is there.
pub(crate) async fn connect_agent(server: &Server) -> Client {
    let builder = qmp_tokio::builder().agent().handshake_timeout(2 * PLENTY);
    builder.connect(server.path("agent")).await.unwrap()
}

impl Guest {
    /// Goes on from where a guest was that has booted.
    async fn resume(suite: &Suite, version: &str, files: &BootFiles) -> Self {
        let state = state::booted(suite, version, files).await;
        let mut server = start(suite, version, files, &format!("exec:cat {}", state.display()));
        let qemu = server.connect(qmp_tokio::builder).await;
        state::restored(&qemu).await;
        let resumed = qemu.event().named(Resume::NAME).timeout(PLENTY);
        qemu.call(&Cont::new()).await.unwrap();
        resumed.await.unwrap();
        let agent = connect_agent(&server).await;
        Self { qemu, agent, server, version: version.to_owned() }
    }

    pub(crate) fn is_old(&self) -> bool {
        is_old(&self.version)
    }

    /// Starts a program by a shell, its output captured.
    pub(crate) async fn begin(&self, script: &str) -> i64 {
        let exec = GuestExec::new("/bin/sh").arg(["-c", script]).capture_output(true);
        self.agent.call(&exec).timeout(PLENTY).await.unwrap().pid
    }

    /// How the program stands.
    pub(crate) async fn status(&self, pid: i64) -> Result<GuestExecStatusReply, Error> {
        self.agent.call(&GuestExecStatus::new(pid)).timeout(PLENTY).await
    }

    /// Waits for the end of the program.
    pub(crate) async fn finish(&self, pid: i64) -> GuestExecStatusReply {
        let started = Instant::now();
        loop {
            let program = self.status(pid).await.unwrap();
            if program.exited {
                return program;
            }
            assert!(started.elapsed() < PLENTY, "{program:?}");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// What a script that succeeds has to say.
    pub(crate) async fn shell(&self, script: &str) -> String {
        let pid = self.begin(script).await;
        let program = self.finish(pid).await;
        assert_eq!(program.exitcode, Some(0), "{script}: {}", text(program.err_data));
        text(program.out_data)
    }
}

/// Returns the output of a program as text.
pub(crate) fn text(output: Option<Base64>) -> String {
    String::from_utf8(output.unwrap_or_default().into_vec()).unwrap()
}

//! The boards, and images that run on them in an emulator.

use std::fs::File;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread::sleep;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// The time limit of an image. A run takes a tenth of a second.
const PATIENCE: Duration = Duration::from_secs(60);

/// A board, and the compiler's target for it.
pub(super) struct Board {
    pub(super) target: &'static str,
    pub(super) emulator: &'static str,
    machine: &'static [&'static str],
    /// The maximum bytes of flash of the monitor image at `opt-level = "s"`, so that growth is
    /// noticed.
    pub(super) most_flash: u64,
}

pub(super) const BOARDS: [Board; 2] = [
    Board {
        target: "thumbv7em-none-eabi",
        emulator: "qemu-system-arm",
        machine: &["-machine", "mps2-an386"],
        most_flash: 36 * 1024,
    },
    Board {
        target: "riscv32imac-unknown-none-elf",
        emulator: "qemu-system-riscv32",
        machine: &["-machine", "virt", "-bios", "none", "-m", "16"],
        most_flash: 42 * 1024,
    },
];

impl Board {
    /// Runs an image whose serial line is connected to a socket; returns its output.
    pub(super) fn run(&self, emulator: &Path, image: &Path, socket: &Path) -> Result<String> {
        let log = socket.with_extension("console");
        let console = File::create(&log)?;
        let mut child = Command::new(emulator)
            .args(self.machine)
            .args(["-display", "none", "-monitor", "none"])
            .args(["-semihosting-config", "enable=on,target=native"])
            .arg("-serial")
            .arg(format!("unix:{}", socket.display()))
            .arg("-kernel")
            .arg(image)
            .stdin(Stdio::null())
            .stdout(console.try_clone()?)
            .stderr(console)
            .spawn()
            .with_context(|| format!("cannot start {}", emulator.display()))?;
        let start = Instant::now();
        let status = loop {
            if let Some(status) = child.try_wait()? {
                break Some(status);
            }
            if start.elapsed() > PATIENCE {
                child.kill()?;
                child.wait()?;
                break None;
            }
            sleep(Duration::from_millis(10));
        };
        let said = std::fs::read_to_string(&log)?;
        said.lines().for_each(|line| println!("  {line}"));
        match status {
            Some(status) if status.success() => Ok(said),
            Some(status) => bail!("{} ended with {status}", image.display()),
            None => bail!("{} did not end in {PATIENCE:?}", image.display()),
        }
    }
}

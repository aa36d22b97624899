//! One version of QEMU, from Debian's packages.

use std::fmt;
use std::path::Path;
use std::process::Command;
use std::time::Instant;

use anyhow::{Result, bail};

use super::PROGRAMS;
use super::releases::Release;
use crate::debian::{Apt, Setting, SuiteGone, Tree};
use crate::process;

/// qemu-utils contains qemu-img. The storage daemon is in qemu-system-common (which qemu-system-x86
/// needs) up to bookworm, and in qemu-utils from trixie on.
const PACKAGES: [&str; 3] = ["qemu-system-x86", "qemu-guest-agent", "qemu-utils"];

/// Large programs that are not needed.
const LEFT_OUT: [&str; 2] = ["./usr/bin/qemu-system-i386", "./usr/bin/qemu-system-*-microvm"];

/// Firmware folders: most builds contain absolute paths and would use the host's.
const FIRMWARE: [&str; 3] = ["usr/share/qemu", "usr/share/seabios", "usr/lib/ipxe/qemu"];

/// The mirror no longer has this version. The message contains the version it has.
#[derive(Debug)]
pub(super) struct Unavailable(String);

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Unavailable {}

/// Creates `<dir>/<version>`, which appears only after its programs ran successfully.
pub(super) fn build(apt: &Apt, dir: &Path, release: &Release) -> Result<()> {
    let start = Instant::now();
    let closure =
        apt.resolve(release.suites, release.prefer, &PACKAGES).map_err(|error| match error
            .downcast::<SuiteGone>()
        {
            Ok(gone) => Unavailable(gone.to_string()).into(),
            Err(error) => error,
        })?;
    let offered = closure.version(PACKAGES[0]).unwrap_or_default();
    if !release.covers(offered) {
        let suite = release.suites.last().copied().unwrap_or_default();
        bail!(Unavailable(format!("suite {suite} now has QEMU {offered}")));
    }
    let packages = closure.fetch()?;

    let tree = Tree::unpack(&dir.join(release.version), &packages, &LEFT_OUT)?;
    for program in PROGRAMS {
        wrap(&tree, program)?;
        check_version(&tree.bin().join(program), release)?;
    }
    tree.keep()?;
    eprintln!(
        "QEMU {}: {} packages unpacked in {:.1} s",
        release.version,
        packages.len(),
        start.elapsed().as_secs_f32()
    );
    Ok(())
}

pub(super) fn wrap(tree: &Tree, program: &str) -> Result<()> {
    let modules = tree.library_dir()?.join("qemu");
    let mut setting = Setting {
        environment: vec![
            ("QEMU_MODULE_DIR", format!("$root/{}", modules.display())),
            ("GIO_MODULE_DIR", "/nonexistent".into()),
        ],
        arguments: Vec::new(),
    };
    if program.starts_with("qemu-system-") {
        for folder in FIRMWARE {
            setting.arguments.extend(["-L".into(), format!("$root/{folder}")]);
        }
    }
    tree.wrap(program, &setting)
}

/// Runs `program --version` and checks its output for the release.
fn check_version(program: &Path, release: &Release) -> Result<()> {
    let said = process::read(Command::new(program).arg("--version"))?;
    if said.split_whitespace().any(|word| release.covers(word)) {
        return Ok(());
    }
    bail!("{} --version says {:?}", program.display(), said.lines().next().unwrap_or_default())
}

//! QEMUs for other machines than this one: the boards that firmware runs on.

use std::path::PathBuf;

use anyhow::Result;

use super::build::wrap;
use crate::debian::{Apt, SuiteGone, Tree};
use crate::{lock, process, workspace};

/// The programs, and the packages that contain them.
const PROGRAMS: [&str; 2] = ["qemu-system-arm", "qemu-system-riscv32"];
const PACKAGES: [&str; 2] = ["qemu-system-arm", "qemu-system-riscv"];

/// The first suite that has all those packages.
const SUITE: &str = "trixie";

/// Returns one of the programs, or why there is none.
pub(crate) fn emulator(program: &str) -> Result<Result<PathBuf, String>> {
    let dir = workspace::target("qemu");
    let bin = dir.join("emulators/bin");
    if bin.join(program).is_file() {
        return Ok(Ok(bin.join(program)));
    }
    if let Some(installed) = process::find(program) {
        return Ok(Ok(installed));
    }
    let _lock = lock::lock(&dir)?;
    let Some(apt) = Apt::open(dir.join(".apt"))? else {
        return Ok(Err(format!("{program} is neither on the PATH nor available as a package")));
    };
    let closure = match apt.resolve(&[SUITE], None, &PACKAGES) {
        Ok(closure) => closure,
        Err(error) if error.is::<SuiteGone>() => return Ok(Err(error.to_string())),
        Err(error) => return Err(error),
    };
    let tree = Tree::unpack(&dir.join("emulators"), &closure.fetch()?, &[])?;
    for program in PROGRAMS {
        wrap(&tree, program)?;
    }
    tree.keep()?;
    Ok(Ok(bin.join(program)))
}

//! LLVM's coverage programs, of the version that this Rust is built with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::Llvm;
use crate::debian::{Apt, Setting, Tree};
use crate::{lock, process, workspace};

/// The Debian suites that may have that version.
const SUITES: [&[&str]; 3] = [&["trixie"], &["trixie", "trixie-backports"], &["sid"]];

/// Searches rustup's `llvm-tools`, the `PATH` and Debian's packages, which are unpacked.
pub(super) fn find() -> Result<Llvm> {
    let version = workspace::rustc_says("LLVM version")?;
    let major = version.split('.').next().unwrap_or_default();
    if let Some(llvm) = from_rustup().or_else(|| from_path(major)) {
        return Ok(llvm);
    }
    from_packages(&workspace::target("llvm"), major)
}

fn from_rustup() -> Option<Llvm> {
    let libraries = process::read(workspace::rustc().args(["--print", "target-libdir"])).ok()?;
    let bin = Path::new(libraries.trim()).parent()?.join("bin");
    let llvm = Llvm { profdata: bin.join("llvm-profdata"), cov: bin.join("llvm-cov") };
    (llvm.profdata.is_file() && llvm.cov.is_file()).then_some(llvm)
}

/// Versioned names come first; a name without a version counts if the version is right.
fn from_path(major: &str) -> Option<Llvm> {
    let program = |name: &str| -> Option<PathBuf> {
        process::find(&format!("{name}-{major}")).or_else(|| {
            let plain = process::find(name)?;
            let said = process::read(Command::new(&plain).arg("--version")).ok()?;
            said.contains(&format!("LLVM version {major}.")).then_some(plain)
        })
    };
    Some(Llvm { profdata: program("llvm-profdata")?, cov: program("llvm-cov")? })
}

fn from_packages(dir: &Path, major: &str) -> Result<Llvm> {
    let _lock = lock::lock(dir)?;
    let name = dir.join(major);
    let programs = [format!("llvm-profdata-{major}"), format!("llvm-cov-{major}")];
    if !name.exists() {
        unpack(dir, &name, &format!("llvm-{major}"), &programs).with_context(|| {
            format!(
                "no LLVM {major}, which reads this Rust's coverage; \
                 run `rustup component add llvm-tools`"
            )
        })?;
    }
    let [profdata, cov] = programs.map(|program| name.join("bin").join(program));
    Ok(Llvm { profdata, cov })
}

fn unpack(dir: &Path, name: &Path, package: &str, programs: &[String]) -> Result<()> {
    let Some(apt) = Apt::open(dir.join(".apt"))? else {
        bail!("Debian's packages are not available here");
    };
    let mut refusals = Vec::new();
    for suites in SUITES {
        let closure = match apt.resolve(suites, None, &[package]) {
            Ok(closure) => closure,
            Err(error) => {
                refusals.push(format!("{error:#}"));
                continue;
            }
        };
        let tree = Tree::unpack(name, &closure.fetch()?, &[])?;
        for program in programs {
            tree.wrap(program, &Setting::default())?;
            process::read(Command::new(tree.bin().join(program)).arg("--version"))?;
        }
        return tree.keep();
    }
    bail!("{}", refusals.join("\n"))
}

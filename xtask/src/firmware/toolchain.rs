//! `core` for a target on which cargo does not run.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use super::on_manifest;
use crate::debian::{Apt, Tree};
use crate::{lock, process, workspace};

/// Debian suites that may have the standard library's source of that release.
const SUITES: [&str; 5] = ["trixie-backports", "bookworm", "trixie", "sid", "experimental"];

/// Where a target's `core` comes from.
pub(super) enum Core {
    /// It is installed, compiled.
    Compiled,
    /// It is compiled here, from rustup's component `rust-src`.
    Component,
    /// It is compiled here, from this `library` folder.
    Library(PathBuf),
}

impl Core {
    /// Searches the target's compiled library, rustup's component and Debian's packages; returns
    /// why there is none otherwise.
    pub(super) fn find(target: &str) -> Result<Result<Self, String>> {
        if is_compiled(target)? {
            return Ok(Ok(Self::Compiled));
        }
        let sysroot = process::read(workspace::rustc().args(["--print", "sysroot"]))?;
        if Path::new(sysroot.trim()).join("lib/rustlib/src/rust/library/Cargo.lock").is_file() {
            return Ok(Ok(Self::Component));
        }
        Ok(from_packages()?
            .map(Self::Library)
            .map_err(|why| format!("{why}; alternatively, run `rustup target add {target}`")))
    }

    /// Returns a cargo command for the target, in the firmware workspace.
    pub(super) fn cargo(&self, command: &str, target: &str, dir: &Path) -> Command {
        let mut cargo = workspace::cargo();
        cargo.args([command, "--quiet", "--locked", "--release", "--target", target]);
        on_manifest(&mut cargo).arg("--target-dir").arg(dir);
        if !matches!(self, Self::Compiled) {
            cargo.arg("-Zbuild-std=core").env("RUSTC_BOOTSTRAP", "1");
        }
        if let Self::Library(library) = self {
            // cargo's internal variable, which is the only way to set the path of the library.
            cargo.env("__CARGO_TESTS_ONLY_SRC_ROOT", library);
        }
        cargo
    }
}

fn is_compiled(target: &str) -> Result<bool> {
    let libraries =
        process::read(workspace::rustc().args(["--print", "target-libdir", "--target", target]))?;
    let Ok(mut entries) = fs::read_dir(libraries.trim()) else {
        return Ok(false);
    };
    Ok(entries.any(|entry| {
        entry.is_ok_and(|entry| entry.file_name().to_string_lossy().starts_with("libcore-"))
    }))
}

/// Unpacks the standard library's source of exactly this Rust version from Debian's package.
fn from_packages() -> Result<Result<PathBuf, String>> {
    let release = workspace::rustc_says("release")?;
    let dir = workspace::target("rust");
    let name = dir.join(format!("src-{release}"));
    let library = name.join("root/usr/src").join(format!("rustc-{release}")).join("library");
    if library.is_dir() {
        return Ok(Ok(library));
    }
    let _lock = lock::lock(&dir)?;
    let Some(apt) = Apt::open(dir.join(".apt"))? else {
        return Ok(Err("the source of Rust's library is not available as a package".into()));
    };
    let mut last = None;
    for suite in SUITES {
        // A suite may no longer exist.
        let versions = match apt.versions(suite, "rust-src") {
            Ok(versions) => versions,
            Err(error) => {
                last = Some(error);
                continue;
            }
        };
        let Some(version) = versions.iter().find(|version| is_of(&release, version)) else {
            continue;
        };
        println!("unpacking rust-src {version} from Debian's {suite}");
        let closure = apt.resolve(&[suite], None, &[&format!("rust-src={version}")])?;
        let tree = Tree::unpack(&name, &closure.fetch()?, &[])?;
        tree.keep()?;
        return Ok(Ok(library));
    }
    let why = last.map_or_else(String::new, |error| format!(" ({error:#})"));
    Ok(Err(format!("no suite of Debian has rust-src {release}{why}")))
}

/// Returns whether a package's version, such as `1.95.0+dfsg1-2`, is of exactly this release.
fn is_of(release: &str, version: &str) -> bool {
    version.strip_prefix(release).is_some_and(|rest| rest.starts_with(['+', '-', '~']))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_release_will_do() {
        assert!(is_of("1.95.0", "1.95.0+dfsg1-2~bpo13+1"));
        assert!(is_of("1.95.0", "1.95.0-1"));
        assert!(!is_of("1.95.0", "1.95.01-1"));
        assert!(!is_of("1.95.0", "1.94.1+dfsg1-1"));
    }
}

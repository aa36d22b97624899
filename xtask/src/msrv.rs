//! `cargo xtask msrv`: compiles the published crates with the minimum supported Rust version.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::debian::{Apt, Setting, Tree};
use crate::outcome::Outcome;
use crate::{lock, process, workspace};

/// `rust-version` of the workspace, which this package shares.
const VERSION: &str = env!("CARGO_PKG_RUST_VERSION");

const CRATES: [&str; 8] = [
    "qmp-proto",
    "qmp-sockets",
    "qmp-driver",
    "qmp-blocking",
    "qmp-tokio",
    "qmp-smol",
    "qmp-mock",
    "qmp-cli",
];

/// The Debian suite that may have that Rust, and its packages of rustc and cargo.
const SOURCES: [(&str, [&str; 2]); 2] =
    [("bookworm", ["rustc-web", "cargo-web"]), ("trixie", ["rustc", "cargo"])];

pub(crate) fn run(_: &[String]) -> Result<()> {
    check()?.report("msrv");
    Ok(())
}

pub(crate) fn check() -> Result<Outcome> {
    let dir = workspace::target("rust");
    let _lock = lock::lock(&dir)?;
    let mut cargo = match from_rustup() {
        Some(cargo) => cargo,
        None => match from_packages(&dir)? {
            Ok(bin) => from_bin(&bin),
            Err(why) => return Ok(Outcome::NotRun(why)),
        },
    };
    cargo.current_dir(workspace::root()).args([
        "check",
        "--locked",
        "--lib",
        "--bins",
        "--target-dir",
    ]);
    cargo.arg(dir.join("build"));
    for name in CRATES {
        cargo.args(["--package", name]);
    }
    process::run(&mut cargo)?;
    println!("msrv: {} compile with Rust {VERSION}", CRATES.join(", "));
    Ok(Outcome::Passed)
}

/// Returns a toolchain that rustup has already installed.
fn from_rustup() -> Option<Command> {
    let version = Command::new("rustup")
        .args(["run", VERSION, "cargo", "--version"])
        .env("RUSTUP_AUTO_INSTALL", "0")
        .output();
    if !version.ok()?.status.success() {
        return None;
    }
    let mut cargo = Command::new("rustup");
    cargo.args(["run", VERSION, "cargo"]).env_remove("RUSTC").env_remove("RUSTUP_TOOLCHAIN");
    Some(cargo)
}

fn from_bin(bin: &Path) -> Command {
    let mut cargo = Command::new(bin.join("cargo"));
    cargo.env("RUSTC", bin.join("rustc"));
    cargo
}

/// Returns a compiler unpacked from Debian's packages, or why there is none.
fn from_packages(dir: &Path) -> Result<Result<PathBuf, String>> {
    let name = dir.join(VERSION);
    if name.join("bin/cargo").is_file() {
        return Ok(Ok(name.join("bin")));
    }
    let advice = format!("run `rustup toolchain install {VERSION}`");
    let Some(apt) = Apt::open(dir.join(".apt"))? else {
        return Ok(Err(format!("neither rustup nor Debian's packages have Rust here; {advice}")));
    };
    let mut offers = Vec::new();
    for (suite, packages) in SOURCES {
        let closure = match apt.resolve(&[suite], None, &packages) {
            Ok(closure) => closure,
            Err(error) => {
                offers.push(format!("{error:#}"));
                continue;
            }
        };
        let offered = closure.version(packages[0]).unwrap_or_default();
        if !is_of(VERSION, offered) {
            offers.push(format!("suite {suite} has {offered}"));
            continue;
        }
        let tree = Tree::unpack(&name, &closure.fetch()?, &[])?;
        for program in ["cargo", "rustc"] {
            tree.wrap(program, &Setting::default())?;
        }
        let said = process::read(Command::new(tree.bin().join("rustc")).arg("--version"))?;
        if !said.split_whitespace().any(|word| is_of(VERSION, word)) {
            bail!("the unpacked rustc --version says {said:?}, not {VERSION}");
        }
        tree.keep()?;
        return Ok(Ok(name.join("bin")));
    }
    Ok(Err(format!("no Rust {VERSION} in Debian's packages ({}); {advice}", offers.join(", "))))
}

/// Returns whether `full`, such as `1.85.0+dfsg3`, is a release of `version`.
fn is_of(version: &str, full: &str) -> bool {
    full.strip_prefix(version).is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_patch_release_is_of_its_version_and_a_later_version_is_not() {
        assert!(is_of("1.85", "1.85.0+dfsg3"));
        assert!(is_of("1.85", "1.85.1"));
        assert!(!is_of("1.8", "1.85.0"));
        assert!(!is_of("1.85", "1.96.0"));
    }
}

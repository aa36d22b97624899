//! `cargo xtask publish`: checks whether the crates can be published. Nothing is uploaded.

use std::path::Path;
use std::process::Command;

use anyhow::{Result, ensure};

use crate::outcome::Outcome;
use crate::{process, tool, workspace};

/// The published crates, dependencies first.
pub(crate) const CRATES: [&str; 9] = [
    "qmp-proto",
    "qmp-types",
    "qmp-sockets",
    "qmp-driver",
    "qmp-blocking",
    "qmp-tokio",
    "qmp-smol",
    "qmp-mock",
    PROGRAM,
];

/// The crate without a library.
const PROGRAM: &str = "qmp-cli";

/// Files that each package must contain.
const FILES: [&str; 4] = ["Cargo.toml", "LICENSE-APACHE", "LICENSE-MIT", "README.md"];

/// Systems that are only type-checked, with the crates that exist there.
const SYSTEMS: [(&str, &[&str]); 2] = [
    ("x86_64-pc-windows-msvc", &["qmp-blocking", "qmp-tokio", "qmp-smol"]),
    ("aarch64-apple-darwin", &["qmp-blocking", "qmp-tokio", "qmp-smol", "qmp-mock"]),
];

const SEMVER_CHECKS: &str = "0.44.0";

pub(crate) fn run(_: &[String]) -> Result<()> {
    contents()?;
    Outcome::Passed.report("contents of the packages");
    dry_run()?;
    Outcome::Passed.report("dry run");
    minimal_versions()?;
    Outcome::Passed.report("minimal versions");
    for (target, crates) in SYSTEMS {
        other_system(target, crates)?.report(target);
    }
    semver()?.report("semver");
    Ok(())
}

fn contents() -> Result<()> {
    for name in CRATES {
        let mut list = workspace::cargo();
        list.args(["package", "--list", "--allow-dirty", "--package", name]);
        let list = process::read(&mut list)?;
        for file in FILES {
            ensure!(list.lines().any(|line| line == file), "the package {name} has no {file}");
        }
    }
    Ok(())
}

/// Packages the crates, compiles each package against the others, and stops before the upload.
fn dry_run() -> Result<()> {
    let mut publish = workspace::cargo();
    publish.args(["publish", "--dry-run", "--allow-dirty", "--locked", "--workspace"]);
    process::run(&mut publish)
}

/// Compiles the crates with the oldest dependencies that their manifests allow.
///
/// The manifests are copied, so that the workspace's lock file is not changed.
fn minimal_versions() -> Result<()> {
    let folder = workspace::target("minimal-versions");
    let copy = folder.join("workspace");
    if copy.exists() {
        std::fs::remove_dir_all(&copy)?;
    }
    std::fs::create_dir_all(&copy)?;
    let files = process::read(workspace::git().args(["ls-files", "-z"]))?;
    for file in files.split_terminator('\0').filter(|file| is_source(file)) {
        let to = copy.join(file);
        if let Some(parent) = to.parent() {
            std::fs::create_dir_all(parent)?;
        }
        std::fs::copy(workspace::root().join(file), to)?;
    }
    let unstable = |command: &mut Command| {
        command.current_dir(&copy).env("RUSTC_BOOTSTRAP", "1");
        command.env("CARGO_TARGET_DIR", folder.join("build"));
    };
    let mut update = workspace::cargo();
    unstable(update.args(["update", "-Zdirect-minimal-versions"]));
    process::run(&mut update)?;
    let mut check = workspace::cargo();
    unstable(check.args(["check", "--lib", "--bins", "--all-features"]));
    for name in CRATES {
        check.args(["--package", name]);
    }
    process::run(&mut check)
}

/// The lock file is generated again.
fn is_source(file: &str) -> bool {
    file != "Cargo.lock" && !file.starts_with("docs/") && Path::new(file).is_relative()
}

/// Type-checks crates for a system and denies warnings.
fn other_system(target: &str, crates: &[&str]) -> Result<Outcome> {
    let libraries =
        process::read(workspace::rustc().args(["--print", "target-libdir", "--target", target]))?;
    if !Path::new(libraries.trim()).is_dir() {
        let added = process::collect(Command::new("rustup").args(["target", "add", target]));
        if !added.is_ok_and(|added| added.success) {
            let why = format!("its library is not installed; run `rustup target add {target}`");
            return Ok(Outcome::NotRun(why));
        }
    }
    let mut check = workspace::cargo();
    check.args(["check", "--locked", "--lib", "--all-features", "--target", target]);
    check.arg("--target-dir").arg(workspace::target("systems")).env("RUSTFLAGS", "-D warnings");
    for name in crates {
        check.args(["--package", name]);
    }
    process::run(&mut check)?;
    Ok(Outcome::Passed)
}

/// Compares the public API with that of the last release.
fn semver() -> Result<Outcome> {
    let tags =
        process::read(workspace::git().args(["tag", "--list", "v*", "--sort", "-v:refname"]))?;
    let Some(last) = tags.lines().next() else {
        return Ok(Outcome::NotRun("no release is tagged yet".into()));
    };
    let checks = tool::install("cargo-semver-checks", SEMVER_CHECKS)?;
    let mut command = Command::new(checks);
    command.current_dir(workspace::root()).args(["semver-checks", "--baseline-rev", last]);
    for name in CRATES.iter().filter(|name| **name != PROGRAM) {
        command.args(["--package", name]);
    }
    process::run(&mut command)?;
    Ok(Outcome::Passed)
}

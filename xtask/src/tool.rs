//! Cargo programs that the chores use, built once.

use std::path::PathBuf;
use std::process::Command;

use anyhow::Result;

use crate::{process, workspace};

/// Builds a program, such as `cargo-deny`, into `target/tools` unless it is there.
pub(crate) fn install(name: &str, version: &str) -> Result<PathBuf> {
    let folder = workspace::target("tools");
    let program = folder.join("bin").join(name);
    // As `cargo deny` would call it.
    let command = name.strip_prefix("cargo-").unwrap_or(name);
    for args in [&["--version"][..], &[command, "--version"]] {
        let said = process::read(Command::new(&program).args(args));
        if said.is_ok_and(|said| said.split_whitespace().any(|word| word == version)) {
            return Ok(program);
        }
    }
    println!("building {name} {version}, once");
    let mut cargo = workspace::cargo();
    cargo.args(["install", "--locked", "--version", version, "--root"]).arg(folder);
    process::run(cargo.arg(name))?;
    Ok(program)
}

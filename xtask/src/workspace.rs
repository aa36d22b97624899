//! The folders of the workspace, and commands that run in it.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Result, bail};

use crate::process;

/// The folder of the workspace's `Cargo.toml`.
pub(crate) fn root() -> PathBuf {
    let manifest_dir = std::env::var_os("CARGO_MANIFEST_DIR")
        .map_or_else(|| PathBuf::from(env!("CARGO_MANIFEST_DIR")), PathBuf::from);
    manifest_dir.parent().map_or_else(|| manifest_dir.clone(), Path::to_path_buf)
}

/// A folder for the chores, `target/<name>`. It stays in the workspace even if `CARGO_TARGET_DIR`
/// moves cargo's output elsewhere, so that tests find it.
pub(crate) fn target(name: &str) -> PathBuf {
    root().join("target").join(name)
}

/// The folder that cargo builds the workspace in.
pub(crate) fn build_folder() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// The compiler of the cargo that runs this chore.
pub(crate) fn rustc() -> Command {
    Command::new(std::env::var_os("RUSTC").unwrap_or_else(|| "rustc".into()))
}

/// Returns a line of `rustc -vV`, such as `host` or `LLVM version`.
pub(crate) fn rustc_says(name: &str) -> Result<String> {
    let said = process::read(rustc().arg("-vV"))?;
    let mut lines = said.lines().filter_map(|line| line.split_once(": "));
    match lines.find(|(key, _)| *key == name) {
        Some((_, value)) => Ok(value.to_owned()),
        None => bail!("rustc -vV does not print its {name}"),
    }
}

/// The cargo that runs this chore, started in the workspace.
pub(crate) fn cargo() -> Command {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.current_dir(root());
    cargo
}

/// Git, started in the workspace.
pub(crate) fn git() -> Command {
    let mut git = Command::new("git");
    git.current_dir(root());
    git
}

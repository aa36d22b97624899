//! A program on Linux with `core` and `alloc` only.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::sizes::Sizes;
use super::{Extent, STRICT, on_manifest};
use crate::folder::Folder;
use crate::no_std::Sysroot;
use crate::outcome::Outcome;
use crate::server::Server;
use crate::{process, qemu, workspace};

/// Returns why the program cannot be built or run, if it cannot.
fn out_of_reach() -> Option<Outcome> {
    let why = "this is not Linux".to_owned();
    (!cfg!(target_os = "linux")).then_some(Outcome::NotRun(why))
}

pub(super) fn lint(dir: &Path) -> Result<Outcome> {
    if let Some(not_run) = out_of_reach() {
        return Ok(not_run);
    }
    let sysroot = Sysroot::make(&workspace::target("firmware").join("core-sysroot"))?;
    process::run(package(&mut sysroot.cargo("clippy", &dir.join("linux"))).args(STRICT))?;
    Ok(Outcome::Passed)
}

pub(super) fn show(dir: &Path, _: Extent) -> Result<Outcome> {
    if let Some(not_run) = out_of_reach() {
        return Ok(not_run);
    }
    let sysroot = Sysroot::make(&workspace::target("firmware").join("core-sysroot"))?;
    let dir = dir.join("linux");
    process::run(package(&mut sysroot.cargo("build", &dir)))?;
    let program = sysroot.programs(&dir).join("without-std");

    let folder = Folder::create("qmp-linux")?;
    let socket = folder.path().join("qmp");
    let server = Server::qemu(&qemu::newest()?.bin, &socket)?;
    process::run(Command::new(&program).arg(&socket))?;
    server.join()?;
    println!("the program has {}", Sizes::of(&program)?);
    Ok(Outcome::Passed)
}

fn package(cargo: &mut Command) -> &mut Command {
    on_manifest(cargo).args(["--locked", "--release", "--package", "without-std"])
}

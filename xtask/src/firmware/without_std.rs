//! A program on Linux that has `core` and `alloc` only.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use super::sizes::Sizes;
use super::{Extent, on_manifest};
use crate::folder::Folder;
use crate::no_std::Sysroot;
use crate::outcome::Outcome;
use crate::server::Server;
use crate::{process, qemu, workspace};

pub(super) fn show(dir: &Path, _: Extent) -> Result<Outcome> {
    if !cfg!(target_os = "linux") {
        return Ok(Outcome::NotRun("this is not Linux".into()));
    }
    let sysroot = Sysroot::make(&workspace::target("core-sysroot"))?;
    let dir = dir.join("linux");
    let mut build = sysroot.cargo("build", &dir);
    on_manifest(&mut build).args(["--locked", "--release", "--package", "without-std"]);
    process::run(&mut build)?;
    let program = sysroot.programs(&dir).join("without-std");

    let folder = Folder::create("qmp-linux")?;
    let socket = folder.path().join("qmp");
    let server = Server::qemu(&qemu::newest()?.bin, &socket)?;
    process::run(Command::new(&program).arg(&socket))?;
    server.join()?;
    println!("the program has {}", Sizes::of(&program)?);
    Ok(Outcome::Passed)
}

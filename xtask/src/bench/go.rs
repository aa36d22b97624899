//! Builds the client for go-qemu with Debian's Go; nothing is installed.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::debian::{Apt, Tree};
use crate::{process, workspace};

const SUITE: &str = "bookworm";
const PACKAGES: [&str; 2] = ["golang-go", "golang-github-digitalocean-go-qemu-dev"];

/// Large, and not needed to build.
const LEFT_OUT: [&str; 2] = ["./usr/share/go-*/test", "./usr/lib/go-*/pkg/linux_*_race"];

/// Returns the program, or why there is none. A quick run does not download a compiler for it.
pub(super) fn prepare(dir: &Path, quick: bool) -> Result<Result<PathBuf, String>> {
    let tree = dir.join("debian");
    if !tree.is_dir() {
        if quick {
            return Ok(Err("a quick run does not download Go".to_owned()));
        }
        let Some(apt) = Apt::open(dir.join(".apt"))? else {
            return Ok(Err("Debian's packages are not available here".to_owned()));
        };
        println!("bench: fetching Go, once");
        let packages = apt.resolve(&[SUITE], None, &PACKAGES)?.fetch()?;
        Tree::unpack(&tree, &packages, &LEFT_OUT)?.keep()?;
    }
    build(&tree.join("root"), dir).map(Ok)
}

fn build(root: &Path, dir: &Path) -> Result<PathBuf> {
    let go = compiler(&root.join("usr/lib"))?;
    let program = dir.join("client");
    let source = workspace::root().join("benches/clients/go/client.go");
    let mut build = Command::new(go.join("bin/go"));
    build.args(["build", "-o"]).arg(&program).arg(source);
    build.env("GOROOT", &go).env("GOPATH", root.join("usr/share/gocode"));
    build.env("GOCACHE", dir.join("cache")).env("GO111MODULE", "off").env("CGO_ENABLED", "0");
    process::read(&mut build)?;
    Ok(program)
}

/// Returns the folder of the compiler, which has its version in its name.
fn compiler(libraries: &Path) -> Result<PathBuf> {
    let entries = fs::read_dir(libraries).with_context(|| format!("{}", libraries.display()))?;
    for entry in entries.flatten() {
        if entry.file_name().to_string_lossy().starts_with("go-1") {
            return Ok(entry.path());
        }
    }
    bail!("no compiler is in {}", libraries.display())
}

//! `cargo xtask no-std`: proves that no tier of qmp-proto needs `std`.
//!
//! qmp-proto and its dependencies are compiled for the host with a sysroot that contains only core
//! and alloc. A crate that declares `#![no_std]` may still get `std` through a dependency's
//! feature; here that fails to compile.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tiers::TIERS;
use crate::{lock, process, workspace};

/// The crates of the sysroot.
const CRATES: [&str; 3] = ["core", "alloc", "compiler_builtins"];

/// The error of rustc if a crate needs more.
const REFUSAL: &str = "can't find crate for `std`";

pub(crate) fn run(_: &[String]) -> Result<()> {
    let dir = workspace::target("no-std");
    let _lock = lock::lock(&dir)?;
    let sysroot = Sysroot::make(&workspace::target("core-sysroot"))?;
    for tier in TIERS {
        let mut check = sysroot.cargo("check", &dir);
        process::run(check.args(["--package", "qmp-proto"]).args(tier.args))?;
        println!("no-std: qmp-proto's {} tier needs no std", tier.name);
    }
    sysroot.prove_refusal(&dir)
}

/// A sysroot for the host without `std`.
pub(crate) struct Sysroot {
    dir: PathBuf,
    host: String,
}

impl Sysroot {
    pub(crate) fn make(dir: &Path) -> Result<Self> {
        let host = workspace::rustc_says("host")?;
        let from = process::read(workspace::rustc().args(["--print", "target-libdir"]))?;
        let to = dir.join("lib/rustlib").join(&host).join("lib");
        if to.exists() {
            fs::remove_dir_all(&to)?;
        }
        fs::create_dir_all(&to).with_context(|| format!("cannot make {}", to.display()))?;
        for entry in fs::read_dir(from.trim())? {
            let file = entry?.path();
            if belongs(&file) {
                symlink(&file, to.join(file.file_name().unwrap_or_default()))?;
            }
        }
        Ok(Self { dir: dir.to_owned(), host })
    }

    /// Returns a cargo command with this sysroot. The target is given explicitly, so that build
    /// scripts and procedural macros, which run on the host, use the ordinary sysroot.
    pub(crate) fn cargo(&self, command: &str, dir: &Path) -> Command {
        let mut cargo = workspace::cargo();
        cargo.args([command, "--quiet", "--target", &self.host, "--target-dir"]);
        cargo.arg(dir.join("build"));
        cargo.env("CARGO_ENCODED_RUSTFLAGS", format!("--sysroot\x1f{}", self.dir.display()));
        cargo
    }

    /// The folder of programs that [`cargo`](Self::cargo) builds for release.
    pub(crate) fn programs(&self, dir: &Path) -> PathBuf {
        dir.join("build").join(&self.host).join("release")
    }

    /// Checks the proof itself: a crate of which only a dependency uses `std` must fail to compile.
    fn prove_refusal(&self, dir: &Path) -> Result<()> {
        let crate_dir = dir.join("wants-std");
        fs::create_dir_all(crate_dir.join("src"))?;
        let manifest = crate_dir.join("Cargo.toml");
        fs::write(
            &manifest,
            "[package]\nname = \"wants-std\"\nversion = \"0.0.0\"\nedition = \"2024\"\n\n\
             [dependencies]\nmemchr = { version = \"2\", features = [\"std\"] }\n\n[workspace]\n",
        )?;
        fs::write(crate_dir.join("src/lib.rs"), "#![no_std]\n")?;
        fs::copy(workspace::root().join("Cargo.lock"), crate_dir.join("Cargo.lock"))?;
        let output = process::collect(
            self.cargo("check", dir)
                .arg("--manifest-path")
                .arg(&manifest)
                .env("CARGO_TERM_COLOR", "never"),
        )?;
        if output.success {
            bail!("a crate that uses std compiled, too, so this check proves nothing");
        }
        if !output.stderr.contains(REFUSAL) {
            bail!("a crate that uses std failed for another reason:\n{}", output.stderr);
        }
        println!("no-std: a crate whose dependency uses std does not compile, as expected");
        Ok(())
    }
}

/// Returns whether `file` is one of the crates, such as `libcore-0123456789abcdef.rlib`.
fn belongs(file: &Path) -> bool {
    let stem = file.file_stem().unwrap_or_default().to_string_lossy();
    let name = stem.strip_prefix("lib").and_then(|stem| stem.rsplit_once('-'));
    // rustc needs both kinds of metadata if there are two.
    let kind = file.extension().is_some_and(|kind| kind == "rlib" || kind == "rmeta");
    kind && name.is_some_and(|(name, _hash)| CRATES.contains(&name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_core_and_alloc_and_what_they_need_belong_to_the_sysroot() {
        assert!(belongs(Path::new("/lib/libcore-0011.rlib")));
        assert!(belongs(Path::new("/lib/libcompiler_builtins-0011.rmeta")));
        assert!(!belongs(Path::new("/lib/libstd-0011.rlib")));
        assert!(!belongs(Path::new("/lib/librustc_std_workspace_core-0011.rlib")));
        assert!(!belongs(Path::new("/lib/libcore-0011.so")));
    }
}

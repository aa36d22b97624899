//! `cargo xtask coverage`: measures which lines of qmp-proto its tests cover, over all tiers
//! together.
//!
//! Examples in the documentation are run by `cargo xtask test` but not measured here.

mod llvm;
mod report;

use std::ffi::OsString;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::tiers::{TIERS, Tier};
use crate::{lock, process, workspace};

pub(crate) fn run(_: &[String]) -> Result<()> {
    let dir = workspace::target("coverage");
    let _lock = lock::lock(&dir)?;
    let llvm = llvm::find()?;
    let profiles = dir.join("profiles");
    if profiles.exists() {
        fs::remove_dir_all(&profiles)?;
    }
    let mut programs = Vec::new();
    for tier in TIERS {
        programs.extend(test(&tier, &dir, &profiles)?);
    }
    let lines = llvm.lines(&profiles, &dir.join("merged.profdata"), &programs)?;
    let source = workspace::root().join("qmp-proto/src");
    let report = report::Report::new(&source, &lines)?;
    print!("{report}");
    let uncovered = dir.join("uncovered.txt");
    fs::write(&uncovered, report.uncovered())
        .with_context(|| format!("cannot write {}", uncovered.display()))?;
    println!("uncovered lines: {}", uncovered.display());
    Ok(())
}

/// Runs qmp-proto's tests of one tier with counters compiled in, and returns the test programs.
fn test(tier: &Tier, dir: &Path, profiles: &Path) -> Result<Vec<PathBuf>> {
    let host = workspace::rustc_says("host")?;
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--package", "qmp-proto", "--lib", "--tests"]).args(tier.args);
    // With an explicit target, build scripts are compiled without counters.
    cargo.args(["--target", &host, "--target-dir"]).arg(dir.join("build"));
    cargo.env("CARGO_ENCODED_RUSTFLAGS", "-Cinstrument-coverage");
    cargo.env("CARGO_TERM_COLOR", "never");
    let mut file = OsString::from(profiles);
    file.push("/%m-%p.profraw");
    cargo.env("LLVM_PROFILE_FILE", file);
    let output = process::collect(&mut cargo)?;
    if !output.success {
        bail!("the {} tier's tests failed:\n{}{}", tier.name, output.stdout, output.stderr);
    }
    let programs: Vec<_> = output.stderr.lines().filter_map(program).collect();
    if programs.is_empty() {
        bail!("cargo printed no test program:\n{}", output.stderr);
    }
    Ok(programs.into_iter().map(|program| workspace::root().join(program)).collect())
}

/// Returns the program in cargo's `Running unittests src/lib.rs (target/debug/deps/name-0123)`.
fn program(line: &str) -> Option<&str> {
    let (_, program) = line.trim_start().strip_prefix("Running ")?.split_once(" (")?;
    program.strip_suffix(')')
}

/// LLVM's programs that read the counters.
struct Llvm {
    profdata: PathBuf,
    cov: PathBuf,
}

impl Llvm {
    /// Returns how often each line ran, in lcov's text format.
    fn lines(&self, profiles: &Path, merged: &Path, programs: &[PathBuf]) -> Result<String> {
        let mut merge = Command::new(&self.profdata);
        merge.args(["merge", "--sparse", "--output"]).arg(merged).arg(profiles);
        process::read(&mut merge)?;
        let mut export = Command::new(&self.cov);
        export.args(["export", "--format=lcov", "--instr-profile"]).arg(merged);
        for program in programs {
            export.arg("--object").arg(program);
        }
        process::read(&mut export)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn test_programs_are_read_from_what_cargo_says() {
        let line = "     Running unittests src/lib.rs (target/x/debug/deps/qmp_proto-01ab)";
        assert_eq!(program(line), Some("target/x/debug/deps/qmp_proto-01ab"));
        assert_eq!(program("    Finished `test` profile in 0.43s"), None);
    }
}

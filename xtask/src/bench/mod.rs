//! `cargo xtask bench`: compares the library with its peers.
//!
//! The benchmarks are in `benches/`, a workspace of its own, whose README describes them. This
//! chore builds them and prepares what is not Rust: QEMUs, a Python with `qemu.qmp`, a Go with
//! `go-qemu`.

mod go;
pub(crate) mod instructions;
mod python;
mod vocabulary;

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result};

use crate::outcome::Outcome;
use crate::{process, qemu, workspace};

/// The versions of QEMU that clients are measured with.
const QEMUS: [&str; 2] = ["7.2", "11.1"];

pub(crate) fn run(args: &[String]) -> Result<()> {
    if let Some(("--instructions", rest)) =
        args.split_first().map(|(first, rest)| (first.as_str(), rest))
    {
        return match rest {
            [] => instructions::check().map(|outcome| outcome.report("instructions")),
            [record] if record == "--record" => instructions::record(),
            _ => anyhow::bail!("--instructions accepts no argument except --record"),
        };
    }
    if args == ["--vocabulary"] {
        return vocabulary::run();
    }
    let quick = args.iter().any(|arg| arg == "--quick");
    let mut runner = Command::new(build(&["--workspace"])?.join("bench-runner"));
    build_tool()?;
    runner.current_dir(workspace::root()).arg("--output").arg(folder());
    runner.arg("--docs").arg(workspace::root().join("docs/performance"));
    match qemu::install(&QEMUS.map(str::to_owned)) {
        Ok(versions) => {
            for version in versions {
                runner.arg("--qemu").arg(format!("{}={}", version.name, version.bin.display()));
            }
        }
        Err(error) => println!("not run: benchmarks that need a QEMU: {error:#}"),
    }
    hand_over(&mut runner, "python", python::prepare(&folder().join("python")));
    hand_over(&mut runner, "go", go::prepare(&folder().join("go"), quick));
    process::run(runner.args(args))
}

/// The folder for everything that the benchmarks create, including downloads.
fn folder() -> PathBuf {
    workspace::target("bench")
}

/// Builds programs of the benchmarks' workspace for release, and returns their folder.
fn build(selection: &[&str]) -> Result<PathBuf> {
    let target = target();
    let mut cargo = workspace::cargo();
    cargo.current_dir(workspace::root().join("benches"));
    cargo.args(["build", "--release", "--locked", "--target-dir"]).arg(&target).args(selection);
    process::run(&mut cargo).context("the benchmarks cannot be built")?;
    Ok(target.join("release"))
}

/// Builds the command-line tool beside the benchmarks.
fn build_tool() -> Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--release", "--locked", "--package", "qmp-cli", "--target-dir"]);
    process::run(cargo.arg(target())).context("the tool cannot be built")
}

/// The folder that cargo builds them in.
fn target() -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR");
    target.map_or_else(|| folder().join("build"), PathBuf::from)
}

/// Prepares a client in another language; an error counts as a reason why there is none.
fn hand_over(runner: &mut Command, name: &str, prepared: Result<Result<PathBuf, String>>) {
    match prepared {
        Ok(Ok(program)) => runner.arg(format!("--{name}")).arg(program),
        Ok(Err(why)) => runner.arg(format!("--no-{name}")).arg(why),
        Err(error) => runner.arg(format!("--no-{name}")).arg(format!("{error:#}")),
    };
}

/// The packages of that workspace that need none of the peers.
const OWN: [&str; 9] = [
    "bench-messages",
    "bench-measure",
    "bench-core",
    "bench-server",
    "bench-blocking",
    "bench-async",
    "bench-proto",
    "bench-floor",
    "bench-runner",
];

/// Checks that the benchmarks match the library: lints and tests, without measuring.
pub(crate) fn check() -> Result<Outcome> {
    for (command, strict) in
        [("clippy", &["--all-targets", "--", "-D", "warnings"][..]), ("test", &[])]
    {
        let mut cargo = workspace::cargo();
        cargo.current_dir(workspace::root().join("benches"));
        cargo.args([command, "--locked", "--quiet", "--target-dir"]).arg(target());
        for package in OWN {
            cargo.args(["--package", package]);
        }
        process::run(cargo.args(strict))?;
    }
    Ok(Outcome::Passed)
}

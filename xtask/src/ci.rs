//! `cargo xtask ci`: runs every check of a change, in order.

use std::time::Instant;

use anyhow::{Result, bail};

use crate::outcome::Outcome;
use crate::tiers::TIERS;
use crate::{bench, firmware, loom, msrv, no_std, process, test, vocabulary, workspace};

struct Stage {
    name: &'static str,
    run: fn() -> Result<Outcome>,
}

/// The fast checks first.
const STAGES: &[Stage] = &[
    Stage { name: "fmt", run: fmt },
    Stage { name: "clippy", run: clippy },
    Stage { name: "docs", run: docs },
    Stage { name: "vocabulary", run: || vocabulary::check().map(|()| Outcome::Passed) },
    Stage { name: "features", run: features },
    Stage { name: "no-std", run: || no_std::run(&[]).map(|()| Outcome::Passed) },
    Stage { name: "firmware", run: firmware::check },
    Stage { name: "msrv", run: msrv::check },
    Stage { name: "loom", run: || loom::run(&[]).map(|()| Outcome::Passed) },
    Stage { name: "benches", run: bench::check },
    Stage { name: "instructions", run: bench::instructions::check },
    Stage { name: "test", run: || test::run(&[]).map(|()| Outcome::Passed) },
];

/// A separate workspace.
const FUZZ: [&str; 2] = ["--manifest-path", "fuzz/Cargo.toml"];

pub(crate) fn run(_: &[String]) -> Result<()> {
    let mut table = Vec::new();
    let mut failed = Vec::new();
    for stage in STAGES {
        println!("\n#### {}", stage.name);
        let start = Instant::now();
        let result = match (stage.run)() {
            Ok(Outcome::Passed) => "ok".to_owned(),
            Ok(Outcome::NotRun(why)) => format!("not run: {} because {why}", stage.name),
            Err(error) => {
                failed.push(stage.name);
                eprintln!("error: {error:#}");
                "FAILED".to_owned()
            }
        };
        let line = format!("{:<12} {:>7.1} s  {result}", stage.name, start.elapsed().as_secs_f32());
        println!("#### {line}");
        table.push(line);
    }
    println!("\n{}", table.join("\n"));
    if !failed.is_empty() {
        bail!("stages failed: {}", failed.join(", "));
    }
    Ok(())
}

fn fmt() -> Result<Outcome> {
    if let Some(missing) = missing("fmt", "rustfmt") {
        return Ok(missing);
    }
    cargo(&["fmt", "--all", "--check"])?;
    let mut firmware = workspace::cargo();
    firmware.args(["fmt", "--all", "--check", "--manifest-path"]).arg(firmware::manifest());
    process::run(&mut firmware)?;
    cargo(&["fmt", "--all", "--check", "--manifest-path", "benches/Cargo.toml"])?;
    cargo(&["fmt", "--all", "--check", FUZZ[0], FUZZ[1]])?;
    cargo(&["fmt", "--check", "--manifest-path", test::FOREIGN])?;
    Ok(Outcome::Passed)
}

fn clippy() -> Result<Outcome> {
    if let Some(missing) = missing("clippy", "clippy") {
        return Ok(missing);
    }
    const STRICT: [&str; 3] = ["--", "-D", "warnings"];
    cargo(&[&["clippy", "--workspace", "--all-targets", "--all-features"], &STRICT[..]].concat())?;
    for tier in TIERS {
        let qmp_proto = ["clippy", "--package", "qmp-proto", "--all-targets"];
        cargo(&[&qmp_proto, tier.args, &STRICT].concat())?;
    }
    let mut fuzz = workspace::cargo();
    // Without libFuzzer itself, which is C++.
    fuzz.arg("clippy").args(FUZZ).args(["--locked", "--all-targets", "--no-default-features"]);
    process::run(fuzz.arg("--target-dir").arg(workspace::target("fuzz/check")).args(STRICT))?;
    let foreign = ["clippy", "--all-targets", "--locked", "--manifest-path", test::FOREIGN];
    cargo(&[&foreign, &STRICT[..]].concat())?;
    firmware::lint()
}

fn docs() -> Result<Outcome> {
    let mut doc = workspace::cargo();
    doc.args(["doc", "--workspace", "--no-deps", "--all-features", "--document-private-items"]);
    process::run(doc.env("RUSTDOCFLAGS", "-D warnings"))?;
    Ok(Outcome::Passed)
}

/// Checks each crate separately: in a build of the whole workspace, the features of one crate hide
/// that another did not enable them.
fn features() -> Result<Outcome> {
    for tier in TIERS {
        cargo(&[&["check", "--package", "qmp-proto"], tier.args].concat())?;
    }
    for package in [
        "qmp-proto",
        "qmp-types",
        "qmp-sockets",
        "qmp-driver",
        "qmp-blocking",
        "qmp-tokio",
        "qmp-smol",
        "conformance",
        "qmp-mock",
        "qmp-cli",
        "xtask",
    ] {
        cargo(&["check", "--package", package])?;
    }
    for package in ["qmp-blocking", "qmp-tokio", "qmp-smol", "qmp-cli"] {
        cargo(&["check", "--package", package, "--no-default-features"])?;
    }
    Ok(Outcome::Passed)
}

fn cargo(args: &[&str]) -> Result<()> {
    process::run(workspace::cargo().args(args))
}

/// Returns whether one of rustup's components is missing.
fn missing(command: &str, component: &str) -> Option<Outcome> {
    let version = process::collect(workspace::cargo().args([command, "--version"]));
    let here = version.is_ok_and(|output| output.success);
    (!here).then(|| {
        Outcome::NotRun(format!("it is not installed; run `rustup component add {component}`"))
    })
}

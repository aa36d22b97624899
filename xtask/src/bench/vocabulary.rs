//! Measures the cost of the vocabulary: the time to build it, and the size of programs that use it.

use std::fs;
use std::path::Path;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::{process, workspace};

/// The adapters. Each is built with the feature `types` and without it.
const ADAPTERS: [&str; 3] = ["qmp-blocking", "qmp-tokio", "qmp-smol"];

/// The programs whose sizes are compared, and their descriptions.
const PROGRAMS: [(&str, &str); 3] = [
    ("smallest-blocking", "untyped"),
    ("smallest-typed", "one typed query"),
    ("smallest-typed-large", "three of the largest types"),
];

/// Measures and prints build times and sizes.
pub(super) fn run() -> Result<()> {
    println!("| build | debug: CPU, elapsed | release: CPU, elapsed |\n|---|--:|--:|");
    let alone = [false, true].map(alone);
    row("qmp-types alone, with its dependencies built", alone)?;
    for adapter in ADAPTERS {
        let with = [false, true].map(|release| from_nothing(adapter, release, &[]));
        row(&format!("{adapter}, from nothing"), with)?;
        let without =
            [false, true].map(|release| from_nothing(adapter, release, &["--no-default-features"]));
        row(&format!("{adapter} without types"), without)?;
    }
    sizes()
}

/// CPU time and elapsed time in seconds.
struct Spent {
    cpu: f64,
    elapsed: f64,
}

fn row(what: &str, spent: [Result<Spent>; 2]) -> Result<()> {
    let [debug, release] = spent;
    let (debug, release) = (debug?, release?);
    println!(
        "| {what} | {:.1} s, {:.1} s | {:.1} s, {:.1} s |",
        debug.cpu, debug.elapsed, release.cpu, release.elapsed
    );
    Ok(())
}

/// Measures a build of the crate alone: builds it, cleans only this package, and builds it again.
fn alone(release: bool) -> Result<Spent> {
    let target = workspace::target("bench/vocabulary/alone");
    build("qmp-types", release, &[], &target)?;
    let mut clean = workspace::cargo();
    clean.args(["clean", "--quiet", "--package", "qmp-types", "--target-dir"]).arg(&target);
    process::run(if release { clean.arg("--release") } else { &mut clean })?;
    build("qmp-types", release, &[], &target)
}

fn from_nothing(package: &str, release: bool, features: &[&str]) -> Result<Spent> {
    let target = workspace::target("bench/vocabulary/from-nothing");
    if target.exists() {
        fs::remove_dir_all(&target).context("cannot remove the last build")?;
    }
    build(package, release, features, &target)
}

fn build(package: &str, release: bool, features: &[&str], target: &Path) -> Result<Spent> {
    let mut cargo = workspace::cargo();
    cargo.args(["build", "--quiet", "--locked", "--package", package, "--target-dir"]);
    cargo.arg(target).args(features);
    if release {
        cargo.arg("--release");
    }
    let (cpu, started) = (cpu_of_children()?, Instant::now());
    process::run(&mut cargo)?;
    Ok(Spent { cpu: cpu_of_children()? - cpu, elapsed: started.elapsed().as_secs_f64() })
}

/// Returns the CPU time of all child processes that have exited, from `/proc/self/stat`.
fn cpu_of_children() -> Result<f64> {
    let stat = fs::read_to_string("/proc/self/stat").context("/proc/self/stat cannot be read")?;
    // The 14th and 15th value after the program's name, which may contain spaces.
    let (_, values) = stat.rsplit_once(") ").context("/proc/self/stat is incomplete")?;
    let ticks = values.split(' ').skip(13).take(2).map(|it| it.parse::<f64>().unwrap_or(0.0));
    // On Linux a tick is a hundredth of a second.
    Ok(ticks.sum::<f64>() / 100.0)
}

fn sizes() -> Result<()> {
    let target = super::target();
    let mut cargo = workspace::cargo();
    cargo.current_dir(workspace::root().join("benches"));
    cargo.args(["build", "--quiet", "--locked", "--profile", "smallest", "--target-dir"]);
    cargo.arg(&target);
    for (name, _) in PROGRAMS {
        cargo.args(["--package", name]);
    }
    process::run(&mut cargo).context("the programs cannot be built")?;
    println!("\n| stripped program of qmp-blocking | kB | more |\n|---|--:|--:|");
    let mut first = None;
    for (name, what) in PROGRAMS {
        let file = target.join("smallest").join(name);
        let size = fs::metadata(&file).with_context(|| file.display().to_string())?.len();
        let more = size.saturating_sub(*first.get_or_insert(size));
        println!("| {what} | {} | {} |", size / 1000, more / 1000);
    }
    Ok(())
}

//! `cargo xtask firmware`: the core where there is no `std`: on bare metal, inside WebAssembly, in
//! a program on Linux; and that no call of it can panic where there is no allocator.

mod bare_metal;
mod board;
mod sizes;
mod toolchain;
mod wasm;
mod without_std;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};
use toolchain::Core;

use crate::outcome::Outcome;
use crate::{lock, process, workspace};

/// One of the places where the core is shown to run.
struct Place {
    name: &'static str,
    show: fn(&Path, Extent) -> Result<Outcome>,
}

/// How much is shown.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What a check of every change has time for.
    Quick,
    All,
}

const PLACES: [Place; 3] = [
    Place { name: "Linux without std", show: without_std::show },
    Place { name: "bare metal", show: bare_metal::show },
    Place { name: "WebAssembly", show: wasm::show },
];

pub(crate) fn run(_: &[String]) -> Result<()> {
    show(Extent::All)?.report("firmware");
    Ok(())
}

/// All but the proof at another level of optimization.
pub(crate) fn check() -> Result<Outcome> {
    show(Extent::Quick)
}

fn show(extent: Extent) -> Result<Outcome> {
    let dir = workspace::target("firmware");
    let _lock = lock::lock(&dir)?;
    let mut not_run = Vec::new();
    for place in PLACES {
        println!("\n== {}", place.name);
        let start = Instant::now();
        let outcome = (place.show)(&dir, extent).with_context(|| place.name)?;
        outcome.report(&format!("{} ({:.1} s)", place.name, start.elapsed().as_secs_f32()));
        if let Outcome::NotRun(why) = outcome {
            not_run.push(format!("{}: {why}", place.name));
        }
    }
    if not_run.is_empty() { Ok(Outcome::Passed) } else { Ok(Outcome::NotRun(not_run.join("; "))) }
}

/// Lints it all, each part for what it runs on.
pub(crate) fn lint() -> Result<Outcome> {
    const STRICT: [&str; 3] = ["--", "-D", "warnings"];
    let dir = workspace::target("firmware");
    let _lock = lock::lock(&dir)?;
    let mut clippy = workspace::cargo();
    on_manifest(clippy.args(["clippy", "--quiet", "--locked", "--all-targets"]));
    clippy.args(["--package", "wasm-client", "--package", "wasm-host"]);
    process::run(clippy.arg("--target-dir").arg(dir.join("wasm")).args(STRICT))?;
    let bare_metal = board::BOARDS.map(|board| (board.target, "bare-metal"));
    for (target, package) in bare_metal.into_iter().chain([(wasm::TARGET, "wasm-module")]) {
        let core = match Core::find(target)? {
            Ok(core) => core,
            Err(why) => return Ok(Outcome::NotRun(format!("for {target}: {why}"))),
        };
        let mut clippy = core.cargo("clippy", target, &dir.join(package));
        clippy.args(["--package", package, "--all-features"]);
        process::run(clippy.args(STRICT))?;
    }
    Ok(Outcome::Passed)
}

/// Where the workspace is that is shown.
pub(crate) fn manifest() -> PathBuf {
    workspace::root().join("firmware/Cargo.toml")
}

/// Has cargo work on that workspace.
fn on_manifest(cargo: &mut Command) -> &mut Command {
    cargo.arg("--manifest-path").arg(manifest())
}

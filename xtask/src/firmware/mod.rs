//! `cargo xtask firmware`: runs the core without `std`: on bare metal, inside WebAssembly, and in a
//! program on Linux. Checks that no call of it can panic in the tier without an allocator.

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

use crate::outcome::Outcome;
use crate::{lock, workspace};

/// A target on which the core is run.
struct Place {
    name: &'static str,
    lint: fn(&Path) -> Result<Outcome>,
    show: fn(&Path, Extent) -> Result<Outcome>,
}

/// How much is run.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Extent {
    /// What fits into the time of a check of every change.
    Quick,
    All,
}

const PLACES: [Place; 3] = [
    Place { name: "Linux without std", lint: without_std::lint, show: without_std::show },
    Place { name: "bare metal", lint: bare_metal::lint, show: bare_metal::show },
    Place { name: "WebAssembly", lint: wasm::lint, show: wasm::show },
];

/// Options for clippy.
const STRICT: [&str; 3] = ["--", "-D", "warnings"];

pub(crate) fn run(_: &[String]) -> Result<()> {
    show(Extent::All)?.report("firmware");
    Ok(())
}

/// Everything except the proof at another level of optimization.
pub(crate) fn check() -> Result<Outcome> {
    show(Extent::Quick)
}

/// Lints the programs of each target.
pub(crate) fn lint() -> Result<Outcome> {
    at_each_place(|place, dir| (place.lint)(dir))
}

fn show(extent: Extent) -> Result<Outcome> {
    at_each_place(|place, dir| {
        println!("\n== {}", place.name);
        let start = Instant::now();
        let outcome = (place.show)(dir, extent)?;
        outcome.report(&format!("{} ({:.1} s)", place.name, start.elapsed().as_secs_f32()));
        Ok(outcome)
    })
}

/// Runs a function for each target; one that is not available does not stop the others.
fn at_each_place(act: impl Fn(&Place, &Path) -> Result<Outcome>) -> Result<Outcome> {
    let dir = workspace::target("firmware");
    let _lock = lock::lock(&dir)?;
    let mut not_run = Vec::new();
    for place in &PLACES {
        if let Outcome::NotRun(why) = act(place, &dir).context(place.name)? {
            not_run.push(format!("{}: {why}", place.name));
        }
    }
    Ok(Outcome::unless(not_run))
}

/// The folder of the firmware workspace.
pub(crate) fn manifest() -> PathBuf {
    workspace::root().join("firmware/Cargo.toml")
}

/// Runs cargo in that workspace.
fn on_manifest(cargo: &mut Command) -> &mut Command {
    cargo.arg("--manifest-path").arg(manifest())
}

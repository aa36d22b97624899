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

use crate::outcome::Outcome;
use crate::{lock, workspace};

/// One of the places where the core is shown to run.
struct Place {
    name: &'static str,
    lint: fn(&Path) -> Result<Outcome>,
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
    Place { name: "Linux without std", lint: without_std::lint, show: without_std::show },
    Place { name: "bare metal", lint: bare_metal::lint, show: bare_metal::show },
    Place { name: "WebAssembly", lint: wasm::lint, show: wasm::show },
];

/// What clippy is told.
const STRICT: [&str; 3] = ["--", "-D", "warnings"];

pub(crate) fn run(_: &[String]) -> Result<()> {
    show(Extent::All)?.report("firmware");
    Ok(())
}

/// All but the proof at another level of optimization.
pub(crate) fn check() -> Result<Outcome> {
    show(Extent::Quick)
}

/// Lints each place's programs for what they run on.
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

/// Does something with each, though one may be out of reach.
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

/// Where the workspace is that is shown.
pub(crate) fn manifest() -> PathBuf {
    workspace::root().join("firmware/Cargo.toml")
}

/// Has cargo work on that workspace.
fn on_manifest(cargo: &mut Command) -> &mut Command {
    cargo.arg("--manifest-path").arg(manifest())
}

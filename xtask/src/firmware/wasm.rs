//! The core inside WebAssembly.

use std::path::Path;

use anyhow::{Context, Result};

use super::toolchain::Core;
use super::{Extent, STRICT, on_manifest};
use crate::outcome::Outcome;
use crate::{process, workspace};

const TARGET: &str = "wasm32-unknown-unknown";

pub(super) fn lint(dir: &Path) -> Result<Outcome> {
    let mut clippy = workspace::cargo();
    on_manifest(clippy.args(["clippy", "--quiet", "--locked", "--all-targets"]));
    clippy.args(["--package", "wasm-client", "--package", "wasm-host"]);
    process::run(clippy.arg("--target-dir").arg(dir.join("wasm")).args(STRICT))?;
    let core = match Core::find(TARGET)? {
        Ok(core) => core,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let mut clippy = core.cargo("clippy", TARGET, &dir.join("lint"));
    process::run(clippy.args(["--package", "wasm-module"]).args(STRICT))?;
    Ok(Outcome::Passed)
}

pub(super) fn show(dir: &Path, _: Extent) -> Result<Outcome> {
    let core = match Core::find(TARGET)? {
        Ok(core) => core,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let build = dir.join("wasm-module");
    process::run(core.cargo("build", TARGET, &build).args(["--package", "wasm-module"]))?;
    let module = build.join(TARGET).join("release/wasm_module.wasm");
    let size = std::fs::metadata(&module)
        .with_context(|| format!("cannot find {}", module.display()))?
        .len();
    println!("the module has {size} bytes");

    let mut test = workspace::cargo();
    on_manifest(test.args(["test", "--quiet", "--locked"])).args(["--package", "wasm-host"]);
    process::run(test.arg("--target-dir").arg(dir.join("wasm")).env("QMP_WASM_MODULE", module))?;
    Ok(Outcome::Passed)
}

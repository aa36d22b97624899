//! The core inside WebAssembly.

use std::path::Path;

use anyhow::{Context, Result};

use super::toolchain::Core;
use super::{Extent, on_manifest};
use crate::outcome::Outcome;
use crate::{process, workspace};

pub(super) const TARGET: &str = "wasm32-unknown-unknown";

pub(super) fn show(dir: &Path, _: Extent) -> Result<Outcome> {
    let core = match Core::find(TARGET)? {
        Ok(core) => core,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    let build = dir.join("wasm-module");
    process::run(core.cargo("build", TARGET, &build).args(["--package", "wasm-module"]))?;
    let module = build.join(TARGET).join("release/wasm_module.wasm");
    let size = std::fs::metadata(&module)
        .with_context(|| format!("there is no {}", module.display()))?
        .len();
    println!("the module has {size} bytes");

    let mut test = workspace::cargo();
    on_manifest(test.args(["test", "--quiet", "--locked"])).args(["--package", "wasm-host"]);
    process::run(test.arg("--target-dir").arg(dir.join("wasm")).env("QMP_WASM_MODULE", module))?;
    Ok(Outcome::Passed)
}

//! A Python with `qemu.qmp`.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::Result;

use crate::process;

const PACKAGE: &str = "qemu.qmp==0.0.6";

/// Returns the Python of an environment in `dir`, or why there is none.
pub(super) fn prepare(dir: &Path) -> Result<Result<PathBuf, String>> {
    let python = dir.join("bin/python3");
    let has = |python: &Path| {
        process::collect(Command::new(python).args(["-c", "import qemu.qmp"]))
            .is_ok_and(|output| output.success)
    };
    if has(&python) {
        return Ok(Ok(python));
    }
    if process::find("python3").is_none() {
        return Ok(Err("python3 is not installed".to_owned()));
    }
    let made = process::collect(Command::new("python3").args(["-m", "venv"]).arg(dir))?;
    if !made.success {
        return Ok(Err(format!(
            "python3 cannot create an environment: {}",
            last_line(&made.stderr)
        )));
    }
    let pip = process::collect(Command::new(&python).args(["-m", "pip", "install", PACKAGE]))?;
    if !has(&python) {
        return Ok(Err(format!("{PACKAGE} is not available: {}", last_line(&pip.stderr))));
    }
    Ok(Ok(python))
}

fn last_line(text: &str) -> &str {
    text.trim_end().lines().last().unwrap_or_default()
}

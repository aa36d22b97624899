//! `cargo xtask python`: installs a Python with `qemu.qmp`, whose clients test our servers.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result};

use crate::{lock, process, workspace};

/// With its version, because the tests expect its exact behaviour.
const PACKAGE: &str = "qemu.qmp==0.0.6";

pub(crate) fn run(_: &[String]) -> Result<()> {
    match install()? {
        Ok(programs) => println!("{PACKAGE}: {}", programs.display()),
        Err(why) => println!("not run: every test with {PACKAGE}: {why}"),
    }
    Ok(())
}

/// The file that tests read: the folder of the programs, or why there is none.
pub(crate) fn programs_file() -> PathBuf {
    workspace::target("python").join("programs")
}

/// Creates a separate environment, once; nothing is installed elsewhere.
pub(crate) fn install() -> Result<Result<PathBuf, String>> {
    let dir = workspace::target("python");
    let _lock = lock::lock(&dir)?;
    let made = make(&dir.join("environment"))?;
    let said = match &made {
        Ok(programs) => programs.display().to_string(),
        Err(why) => format!("not run: {why}"),
    };
    let file = programs_file();
    fs::write(&file, said).with_context(|| format!("cannot write {}", file.display()))?;
    Ok(made)
}

fn make(environment: &Path) -> Result<Result<PathBuf, String>> {
    let programs = environment.join("bin");
    if is_whole(&programs) {
        return Ok(Ok(programs));
    }
    if process::find("python3").is_none() {
        return Ok(Err("python3 is not installed".to_owned()));
    }
    let mut venv = Command::new("python3");
    let made = process::collect(venv.args(["-m", "venv", "--clear"]).arg(environment))?;
    if !made.success {
        let said = last_line(&(made.stdout + &made.stderr));
        return Ok(Err(format!("python3 cannot create an environment: {said}")));
    }
    let mut pip = Command::new(programs.join("python3"));
    let pip = process::collect(pip.args(["-m", "pip", "install", PACKAGE]))?;
    if !is_whole(&programs) {
        return Ok(Err(format!("{PACKAGE} is not available: {}", last_line(&pip.stderr))));
    }
    Ok(Ok(programs))
}

/// Returns whether that version and its program exist.
fn is_whole(programs: &Path) -> bool {
    let (package, version) = PACKAGE.split_once("==").unwrap_or_default();
    let ask = format!("from importlib.metadata import version; print(version('{package}'))");
    let said = process::read(Command::new(programs.join("python3")).args(["-c", &ask]));
    said.is_ok_and(|said| said.trim() == version) && programs.join("qmp-shell").is_file()
}

fn last_line(text: &str) -> String {
    text.trim_end().lines().last().unwrap_or_default().to_owned()
}

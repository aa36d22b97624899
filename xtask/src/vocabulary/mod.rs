//! The vocabulary of `qmp-types`: from QEMU's schema files to facts, and from facts to Rust.

mod distil;
#[path = "../../../qmp-types/src/facts.rs"]
#[allow(dead_code, reason = "`qmp-types` uses the rest of it")]
mod facts;
mod generate;
mod merge;
mod qapi;
mod sources;

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, Result, bail};

use self::facts::Facts;
use self::generate::GENERATED;
use crate::{process, workspace};

pub(crate) fn run(args: &[String]) -> Result<()> {
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match args.as_slice() {
        ["distil"] => {
            let text = distil::distil()?;
            fs::write(facts_file(), text).context("cannot write the facts")?;
            write()
        }
        [] => write(),
        ["--check"] => check(),
        other => bail!("unknown argument {other:?}; expected distil, --check or nothing"),
    }
}

/// Checks that the checked-in files are what the facts generate.
pub(crate) fn check() -> Result<()> {
    let expected = formatted(&workspace::target("vocabulary").join("check"))?;
    for (name, text) in &expected {
        let found = fs::read_to_string(types().join(name)).unwrap_or_default();
        if found != *text {
            bail!("{name} is not up to date: run `cargo xtask vocabulary`");
        }
    }
    match stray(&expected)?.first() {
        Some(name) => bail!("{name} is not generated from the facts: run `cargo xtask vocabulary`"),
        None => Ok(()),
    }
}

fn write() -> Result<()> {
    let made = formatted(&types())?;
    for name in stray(&made)? {
        fs::remove_file(types().join(&name)).with_context(|| format!("cannot remove {name}"))?;
    }
    Ok(())
}

/// Writes the files to a folder, formats them there and returns them.
fn formatted(folder: &Path) -> Result<BTreeMap<String, String>> {
    let text = fs::read_to_string(facts_file()).context("cannot read the facts")?;
    let made = generate::generate(&text, &Facts::read(&text))?;
    let mut rustfmt = Command::new("rustfmt");
    rustfmt.arg("--config-path").arg(workspace::root()).args(["--edition", "2024"]);
    // Sorted by name, so the root module comes after the modules that it declares.
    for (name, text) in &made {
        let file = folder.join(name);
        let parent = file.parent().unwrap_or(folder);
        fs::create_dir_all(parent).with_context(|| format!("cannot make {}", parent.display()))?;
        fs::write(&file, text).with_context(|| format!("cannot write {}", file.display()))?;
        rustfmt.arg(file);
    }
    process::read(&mut rustfmt)?;
    let read = |name: String| {
        let text = fs::read_to_string(folder.join(&name))?;
        Ok((name, text))
    };
    made.into_keys().map(read).collect()
}

/// Returns the files among the generated ones that the facts do not generate.
fn stray(made: &BTreeMap<String, String>) -> Result<Vec<String>> {
    let folder = types().join(GENERATED);
    let names = files(&folder)?.into_iter().map(|name| format!("{GENERATED}/{name}"));
    Ok(names.filter(|name| !made.contains_key(name)).collect())
}

fn files(folder: &Path) -> Result<Vec<String>> {
    let entries =
        fs::read_dir(folder).with_context(|| format!("cannot read {}", folder.display()))?;
    let name = |entry: std::io::Result<fs::DirEntry>| {
        Ok(entry?.file_name().to_string_lossy().into_owned())
    };
    entries.map(name).collect()
}

fn types() -> PathBuf {
    workspace::root().join("qmp-types")
}

fn facts_file() -> PathBuf {
    types().join("facts.txt")
}

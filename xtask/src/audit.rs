//! `cargo xtask audit`: checks the dependencies against `deny.toml`.

use std::path::Path;
use std::process::Command;

use anyhow::Result;

use crate::outcome::Outcome;
use crate::{process, tool, workspace};

/// The cargo-deny version that `deny.toml` is written for.
const VERSION: &str = "0.20.2";

pub(crate) fn run(_: &[String]) -> Result<()> {
    let deny = tool::install("cargo-deny", VERSION)?;
    process::run(check(&deny).args(["bans", "licenses", "sources"]))?;
    Outcome::Passed.report("bans, licenses, sources");
    advisories(&deny)?.report("advisories");
    Ok(())
}

fn check(deny: &Path) -> Command {
    let mut check = Command::new(deny);
    check.current_dir(workspace::root()).args(["--all-features", "check"]);
    check
}

/// Checks for known vulnerabilities. The database is downloaded each time, from a host of its own.
fn advisories(deny: &Path) -> Result<Outcome> {
    let output = process::collect(check(deny).arg("advisories"))?;
    if output.stderr.contains("failed to fetch advisory database") {
        return Ok(Outcome::NotRun("the advisory database cannot be fetched".into()));
    }
    eprint!("{}", output.stderr);
    anyhow::ensure!(output.success, "cargo-deny found advisories against the dependencies");
    Ok(Outcome::Passed)
}

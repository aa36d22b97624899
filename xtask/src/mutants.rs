//! `cargo xtask mutants`: puts small bugs into qmp-proto, one at a time, and checks whether its
//! tests detect them.

use anyhow::{Context, Result, bail};

use crate::{lock, process, tool, workspace};

/// The cargo-mutants version that `.cargo/mutants.toml` is written for.
const VERSION: &str = "27.1.0";

/// How often a law is checked on one mutant: rarely, because there are many mutants, and the laws
/// begin with the most effective inputs.
const ROUNDS: &str = "300";

/// `args` are passed to cargo-mutants: `--shard 0/8` runs an eighth, `--file` selects a part of the
/// source.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mutants = tool::install("cargo-mutants", VERSION)?;
    let folder = workspace::target("mutants");
    let _lock = lock::lock(&folder)?;
    let mut command = std::process::Command::new(mutants);
    command.current_dir(workspace::root());
    command.args(["mutants", "--package", "qmp-proto", "--output"]).arg(&folder).args(args);
    command.env("PROPTEST_CASES", ROUNDS).env("LAWS_ROUNDS", ROUNDS);
    let status =
        command.status().with_context(|| format!("cannot start {}", process::display(&command)))?;
    match status.code() {
        Some(0) => Ok(()),
        // cargo-mutants' exit code for missed mutants; all others are different failures.
        Some(2) => {
            bail!("mutants were missed: {}", folder.join("mutants.out/missed.txt").display())
        }
        _ => bail!("{} failed ({status})", process::display(&command)),
    }
}

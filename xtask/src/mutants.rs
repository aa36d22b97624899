//! `cargo xtask mutants`: small bugs put into qmp-proto, one at a time, and whether its tests
//! notice.

use anyhow::{Context, Result, bail};

use crate::{lock, process, tool, workspace};

/// The cargo-mutants that `.cargo/mutants.toml` is written for.
const VERSION: &str = "27.1.0";

/// How often a law is tried on one mutant: seldom, since there are many mutants, and the laws begin
/// with what is most telling.
const ROUNDS: &str = "300";

/// `args` go to cargo-mutants: `--shard 0/8` tries an eighth, `--file` names a part of the source.
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
        // Its own code for that; all else is trouble of another kind.
        Some(2) => {
            bail!("mutants were missed: {}", folder.join("mutants.out/missed.txt").display())
        }
        _ => bail!("{} failed ({status})", process::display(&command)),
    }
}

//! `cargo xtask loom`: checks every order in which threads can take the driver's locks.

use anyhow::Result;

use crate::{process, workspace};

/// The models are built with loom's locks instead of the standard library's, in a folder of their
/// own, because the flag would cause everything else to be rebuilt.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut models = workspace::cargo();
    models.args(["test", "--release", "--package", "qmp-driver", "--test", "loom"]);
    models.args(["--test", "loom_server"]).args(args);
    models.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", workspace::target("loom"));
    process::run(&mut models)
}

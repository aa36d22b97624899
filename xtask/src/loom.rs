//! `cargo xtask loom`: every order in which threads can take the driver's locks.

use anyhow::Result;

use crate::{process, workspace};

/// The models are built with locks of loom's in the place of the standard library's, in a folder of
/// their own: the flag would have everything else built anew.
pub(crate) fn run(args: &[String]) -> Result<()> {
    let mut models = workspace::cargo();
    models.args(["test", "--release", "--package", "qmp-driver", "--test", "loom"]);
    models.args(["--test", "loom_server"]).args(args);
    models.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", workspace::target("loom"));
    process::run(&mut models)
}

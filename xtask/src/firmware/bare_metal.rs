//! A microcontroller that talks to a QEMU and to a guest agent over its serial line.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::board::{BOARDS, Board};
use super::sizes::Sizes;
use super::toolchain::Core;
use super::{Extent, STRICT};
use crate::folder::Folder;
use crate::outcome::Outcome;
use crate::server::Server;
use crate::{process, qemu};

/// The function that the images' panic handler calls and that does not exist.
const NO_PANIC: &str = "undefined symbol: this_image_can_panic";

/// The images that communicate, the one that only starts, and the one that makes every call.
const IMAGES: [&str; 4] = ["monitor", "agent", "idle", "every_call"];

pub(super) fn lint(dir: &Path) -> Result<Outcome> {
    on_each_board(|board, core| {
        let mut clippy = core.cargo("clippy", board.target, &dir.join("lint"));
        process::run(clippy.args(["--package", "bare-metal", "--all-features"]).args(STRICT))?;
        Ok(Outcome::Passed)
    })
}

pub(super) fn show(dir: &Path, extent: Extent) -> Result<Outcome> {
    on_each_board(|board, core| show_on(board, core, dir, extent))
}

/// Runs a function for each board for which there is a `core`.
fn on_each_board(act: impl Fn(&Board, Core) -> Result<Outcome>) -> Result<Outcome> {
    let mut not_run = Vec::new();
    for board in &BOARDS {
        let outcome = match Core::find(board.target)? {
            Ok(core) => act(board, core).context(board.target)?,
            Err(why) => Outcome::NotRun(why),
        };
        if let Outcome::NotRun(why) = outcome {
            not_run.push(format!("{}: {why}", board.target));
        }
    }
    Ok(Outcome::unless(not_run))
}

fn show_on(board: &Board, core: Core, dir: &Path, extent: Extent) -> Result<Outcome> {
    let images = Images { board, core, dir: dir.join("bare-metal") };
    // That they link proves that nothing in them can panic.
    let levels: &[&str] = if extent == Extent::All { &["3", "s"] } else { &["s"] };
    for level in levels {
        images.build(level)?;
        println!("{}: at opt-level {level} no call of the core can panic", board.target);
    }
    images.prove_refusal()?;
    images.measure()?;
    let emulator = match qemu::emulator(board.emulator)? {
        Ok(emulator) => emulator,
        Err(why) => return Ok(Outcome::NotRun(why)),
    };
    images.talk_to_monitor(&emulator)?;
    images.talk_to_agent(&emulator)?;
    Ok(Outcome::Passed)
}

struct Images<'b> {
    board: &'b Board,
    core: Core,
    dir: PathBuf,
}

impl Images<'_> {
    fn image(&self, name: &str) -> PathBuf {
        self.dir.join(self.board.target).join("release").join(name)
    }

    fn build(&self, level: &str) -> Result<()> {
        let mut build = self.core.cargo("build", self.board.target, &self.dir);
        build.args(["--package", "bare-metal"]);
        build.arg("--config").arg(format!("profile.release.opt-level={}", in_toml(level)));
        for image in IMAGES {
            build.args(["--bin", image]);
        }
        process::run(&mut build)
    }

    /// Checks the proof itself: an image that can panic must not link.
    fn prove_refusal(&self) -> Result<()> {
        let mut build = self.core.cargo("build", self.board.target, &self.dir);
        build.args(["--package", "bare-metal", "--features", "panics", "--bin", "panics"]);
        let output = process::collect(build.env("CARGO_TERM_COLOR", "never"))?;
        if output.success {
            bail!("an image that can panic was linked, too, so this check proves nothing");
        }
        if !output.stderr.contains(NO_PANIC) {
            bail!("an image that can panic did not link for another reason:\n{}", output.stderr);
        }
        println!("{}: an image that can panic does not link, as expected", self.board.target);
        Ok(())
    }

    fn measure(&self) -> Result<()> {
        for image in IMAGES {
            println!("{}: {image} has {}", self.board.target, Sizes::of(&self.image(image))?);
        }
        let (monitor, idle) = (Sizes::of(&self.image("monitor"))?, Sizes::of(&self.image("idle"))?);
        println!(
            "{}: the monitor's image is {} bytes larger than the one that only starts",
            self.board.target,
            monitor.flash.saturating_sub(idle.flash)
        );
        let most = self.board.most_flash;
        if monitor.flash > most {
            bail!("the monitor's image has {} bytes, more than the allowed {most}", monitor.flash);
        }
        Ok(())
    }

    fn talk_to_monitor(&self, emulator: &Path) -> Result<()> {
        let folder = Folder::create("qmp-firmware")?;
        let socket = folder.path().join("qmp");
        let server = Server::qemu(&qemu::newest()?.bin, &socket)?;
        let said = self.board.run(emulator, &self.image("monitor"), &socket)?;
        expect(&said, &["greeting: QEMU", "CommandNotFound", "event: RESUME", "event: STOP"])?;
        // The image has sent `quit`.
        server.join()
    }

    fn talk_to_agent(&self, emulator: &Path) -> Result<()> {
        let folder = Folder::create("qmp-firmware")?;
        let socket = folder.path().join("qga");
        let _server = Server::agent(&qemu::newest()?.bin, &socket)?;
        let said = self.board.run(emulator, &self.image("agent"), &socket)?;
        expect(&said, &["guest-ping: {}", "guest-file-open: GenericError"])
    }
}

/// The image checks its results itself; here is checked that it ran at all.
fn expect(said: &str, parts: &[&str]) -> Result<()> {
    match parts.iter().chain(&["done; stack"]).find(|part| !said.contains(**part)) {
        Some(missing) => bail!("the image did not say {missing:?}"),
        None => Ok(()),
    }
}

/// A level is a number or a letter; letters are passed as strings.
fn in_toml(level: &str) -> String {
    if level.parse::<u8>().is_ok() { level.to_owned() } else { format!("{level:?}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_letter_is_a_string() {
        assert_eq!(in_toml("3"), "3");
        assert_eq!(in_toml("s"), "\"s\"");
    }

    #[test]
    fn what_an_image_did_not_say_is_named() {
        assert!(expect("event: STOP\ndone; stack 1 of 2 bytes\n", &["event: STOP"]).is_ok());
        let error = expect("done; stack 1 of 2 bytes\n", &["event: STOP"]).unwrap_err();
        assert_eq!(error.to_string(), "the image did not say \"event: STOP\"");
    }
}

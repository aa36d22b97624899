//! `cargo xtask guest`: creates a small Linux with the guest agent of each QEMU, under
//! `target/guest`.
//!
//! `target/guest/kernel` with `target/guest/<version>` boots to the agent of that version in a few
//! seconds, without KVM. `target/guest/versions` lists them, one per line: `version<TAB>initramfs`,
//! or `version<TAB>not run: why`.

mod initramfs;
mod kernel;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

use crate::debian::Tree;
use crate::{lock, qemu, workspace};
use kernel::Kernel;

pub(crate) fn run(_: &[String]) -> Result<()> {
    qemu::install(&[])?;
    for (version, guest) in build()? {
        match guest {
            Ok(initramfs) => println!("guest of QEMU {version}: {}", initramfs.display()),
            Err(why) => println!("not run: a guest of QEMU {version}: {why}"),
        }
    }
    Ok(())
}

/// A version of QEMU, and the initramfs with its agent or why there is none.
pub(crate) type Guest = (String, Result<PathBuf, String>);

/// The file that lists the guests for tests.
pub(crate) fn list_file() -> PathBuf {
    workspace::target("guest").join("versions")
}

/// Creates a guest for each listed QEMU, and lists the guests.
pub(crate) fn build() -> Result<Vec<Guest>> {
    let dir = workspace::target("guest");
    let _lock = lock::lock(&dir)?;
    let kernel = Kernel::unpack(&dir)?;
    if let Ok(kernel) = &kernel {
        replace(&dir.join("kernel"), &fs::read(kernel.image()?)?)?;
    }
    let mut guests = Vec::new();
    for (version, bin) in qemu::listed()? {
        let tree = bin.and_then(|bin| {
            let tree = bin.parent().and_then(Tree::open);
            tree.ok_or_else(|| "its agent is only available from Debian's packages".to_owned())
        });
        let guest = match (&kernel, tree) {
            (Err(why), _) => Err(why.clone()),
            (_, Err(why)) => Err(why),
            (Ok(kernel), Ok(tree)) => {
                let initramfs = dir.join(&version);
                let content = initramfs::build(kernel, &tree)
                    .with_context(|| format!("cannot make a guest of QEMU {version}"))?;
                replace(&initramfs, &content)?;
                Ok(initramfs)
            }
        };
        guests.push((version, guest));
    }
    list(&guests)?;
    Ok(guests)
}

fn list(guests: &[Guest]) -> Result<()> {
    let mut text = String::new();
    for (version, guest) in guests {
        match guest {
            Ok(initramfs) => writeln!(text, "{version}\t{}", initramfs.display())?,
            Err(why) => writeln!(text, "{version}\tnot run: {why}")?,
        }
    }
    replace(&list_file(), text.as_bytes())
}

/// Renamed into place, because a test of another run may be reading it.
fn replace(file: &Path, content: &[u8]) -> Result<()> {
    let next = file.with_extension("next");
    fs::write(&next, content)
        .and_then(|()| fs::rename(&next, file))
        .with_context(|| format!("cannot write {}", file.display()))
}

//! The machine's own QEMU, for machines without Debian packages.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, Result, bail};

use super::{PROGRAMS, Version};
use crate::process;

/// The message if no QEMU is installed.
const HOW_TO_INSTALL: &str = "\
no QEMU to test with: install one
  Fedora, RHEL:  dnf install qemu-system-x86-core qemu-img qemu-guest-agent
  openSUSE:      zypper install qemu-x86 qemu-tools qemu-guest-agent
  Arch:          pacman -S qemu-full qemu-guest-agent
  Alpine:        apk add qemu-system-x86_64 qemu-img qemu-storage-daemon qemu-guest-agent
  Nix:           nix-shell -p qemu
  macOS:         brew install qemu
or, with apt-get and dpkg-deb here, name a mirror of Debian in DEBIAN_MIRROR: several versions
are then unpacked and none is installed";

/// Creates `<dir>/path/bin` with links to the programs on the `PATH`.
pub(super) fn link(dir: &Path) -> Result<Version> {
    let Some(system) = process::find(PROGRAMS[0]) else { bail!("{HOW_TO_INSTALL}") };
    let said = process::read(Command::new(&system).arg("--version"))?;
    let name = version(&said)
        .with_context(|| format!("{} --version says {said:?}", system.display()))?
        .to_owned();
    let bin = dir.join("path/bin");
    fs::create_dir_all(&bin).with_context(|| format!("cannot make {}", bin.display()))?;
    for program in PROGRAMS {
        let link = bin.join(program);
        if fs::symlink_metadata(&link).is_ok() {
            fs::remove_file(&link)?;
        }
        match process::find(program) {
            Some(found) => symlink(found, link)?,
            None => eprintln!("not run: tests with {program}: it is not on the PATH"),
        }
    }
    eprintln!("Debian's packages are not available here; only QEMU {name} on the PATH is used");
    Ok(Version { name, bin })
}

/// Returns `9.2` for `QEMU emulator version 9.2.4 (...)`.
fn version(said: &str) -> Option<&str> {
    let full = said.split_once(" version ")?.1.split_whitespace().next()?;
    let (major, rest) = full.split_once('.')?;
    let minor = rest.split(|c: char| !c.is_ascii_digit()).next()?;
    (!minor.is_empty()).then(|| &full[..major.len() + 1 + minor.len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_is_taken_from_what_qemu_says() {
        let said = "QEMU emulator version 7.2.22 (Debian 1:7.2+dfsg-7+deb12u18)\nCopyright";
        assert_eq!(version(said), Some("7.2"));
        assert_eq!(version("QEMU emulator version 10.1\n"), Some("10.1"));
        assert_eq!(version("something else"), None);
    }
}

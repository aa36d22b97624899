//! `cargo xtask qemu`: unpacks several versions of QEMU side by side under `target/qemu`.
//!
//! `target/qemu/<version>/bin/<program>` runs a program of that version, and `target/qemu/versions`
//! lists all, one per line: `version<TAB>bin folder`, or `version<TAB>not run: why`.

mod build;
mod emulators;
mod on_path;
mod releases;

use std::fmt::Write as _;
use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::debian::Apt;
use crate::{lock, workspace};
use build::{Unavailable, build};
pub(crate) use emulators::emulator;
use releases::{RELEASES, Release};

/// The programs of each version.
pub(crate) const PROGRAMS: [&str; 4] =
    ["qemu-system-x86_64", "qemu-storage-daemon", "qemu-img", "qemu-ga"];

/// With fewer versions than this, the tests would prove too little.
const ENOUGH: usize = 3;

pub(crate) fn run(args: &[String]) -> Result<()> {
    for version in install(args)? {
        println!("QEMU {}: {}", version.name, version.bin.display());
    }
    Ok(())
}

/// A QEMU that can be run.
pub(crate) struct Version {
    /// The version, such as `10.0`.
    pub(crate) name: String,
    /// The folder with its programs.
    pub(crate) bin: PathBuf,
}

/// The file that lists the versions for tests.
pub(crate) fn list_file() -> PathBuf {
    workspace::target("qemu").join("versions")
}

/// The versions that tests know and that are not available.
pub(crate) fn not_run() -> Result<Vec<String>> {
    let listed = listed()?.into_iter();
    Ok(listed.filter(|(_, bin)| bin.is_err()).map(|(name, _)| name).collect())
}

/// The versions that tests know, each with the folder of its programs or why there is none.
pub(crate) fn listed() -> Result<Vec<(String, Result<PathBuf, String>)>> {
    let list = fs::read_to_string(list_file()).context("cannot read the list of QEMUs")?;
    let lines = list.lines().filter_map(|line| line.split_once('\t'));
    Ok(lines
        .map(|(name, bin)| match bin.strip_prefix("not run: ") {
            Some(why) => (name.to_owned(), Err(why.to_owned())),
            None => (name.to_owned(), Ok(PathBuf::from(bin))),
        })
        .collect())
}

/// Installs the `wanted` versions (all, if none is named) unless they are there, and lists all
/// installed versions, named or not.
pub(crate) fn install(wanted: &[String]) -> Result<Vec<Version>> {
    let releases = select(wanted)?;
    let dir = workspace::target("qemu");
    let _lock = lock::lock(&dir)?;
    let missing: Vec<&Release> =
        releases.into_iter().filter(|release| !is_complete(&dir, release)).collect();
    if !missing.is_empty() {
        match Apt::open(dir.join(".apt"))? {
            Some(apt) => build_all(&apt, &dir, &missing)?,
            None if wanted.is_empty() => {
                let found = on_path::link(&dir)?;
                let name = stand_in(&found.name).to_owned();
                if name != found.name {
                    eprintln!("the tests use QEMU {} instead of {name}", found.name);
                }
                return list(vec![Version { name, ..found }]);
            }
            None => bail!(
                "a version can be named only where Debian's packages can be had: with apt-get and \
                 dpkg-deb, and a mirror in apt's settings or in DEBIAN_MIRROR"
            ),
        }
    }
    list(complete(&dir))
}

/// Returns the newest installed version; if there is none, installs one.
pub(crate) fn newest() -> Result<Version> {
    let there = || complete(&workspace::target("qemu")).pop();
    if let Some(version) = there() {
        return Ok(version);
    }
    for release in RELEASES.iter().rev() {
        // Its error was printed already; an older version may still be available.
        if install(&[release.version.to_owned()]).is_ok() {
            break;
        }
    }
    match there() {
        Some(version) => Ok(version),
        None => install(&[])?.pop().context("no QEMU is installed"),
    }
}

fn select(wanted: &[String]) -> Result<Vec<&'static Release>> {
    if wanted.is_empty() {
        return Ok(RELEASES.iter().collect());
    }
    let known = || RELEASES.map(|release| release.version).join(", ");
    wanted
        .iter()
        .map(|name| {
            RELEASES
                .iter()
                .find(|release| release.version == name)
                .with_context(|| format!("no suite is known for QEMU {name}, only for {}", known()))
        })
        .collect()
}

/// Returns the release whose tests fit another version best: the latest one before it, or the
/// first.
fn stand_in(version: &str) -> &'static str {
    let number = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().unwrap_or_default());
        (parts.next(), parts.next())
    };
    let before = RELEASES.iter().rev().find(|release| number(release.version) <= number(version));
    before.unwrap_or(&RELEASES[0]).version
}

/// Builds each, and fails after the last if one failed or too many are no longer available.
fn build_all(apt: &Apt, dir: &Path, releases: &[&Release]) -> Result<()> {
    let (mut unavailable, mut failures) = (0, Vec::new());
    for release in releases {
        match build(apt, dir, release) {
            Ok(()) => {}
            Err(error) if error.is::<Unavailable>() => {
                unavailable += 1;
                eprintln!("not run: QEMU {}: {error:#}", release.version);
            }
            Err(error) => failures.push(format!("QEMU {}: {error:#}", release.version)),
        }
    }
    if !failures.is_empty() {
        bail!("{}", failures.join("\n"));
    }
    let there = complete(dir).len();
    if unavailable > 0 && there < ENOUGH {
        bail!("the tests need at least {ENOUGH} versions of QEMU, and only {there} are available");
    }
    Ok(())
}

fn complete(dir: &Path) -> Vec<Version> {
    RELEASES
        .iter()
        .filter(|release| is_complete(dir, release))
        .map(|release| Version {
            name: release.version.to_owned(),
            bin: dir.join(release.version).join("bin"),
        })
        .collect()
}

/// A version appears completely or not at all; anything that is missing was deleted afterwards.
fn is_complete(dir: &Path, release: &Release) -> bool {
    let bin = dir.join(release.version).join("bin");
    PROGRAMS.iter().all(|program| bin.join(program).is_file())
}

/// Lists every version that tests know, with the folder of its programs or as not run.
fn list(versions: Vec<Version>) -> Result<Vec<Version>> {
    let mut text = String::new();
    for Release { version: name, .. } in &RELEASES {
        match versions.iter().find(|version| version.name == *name) {
            Some(version) => writeln!(text, "{name}\t{}", version.bin.display())?,
            None => writeln!(text, "{name}\tnot run: it is not available on this machine")?,
        }
    }
    let file = list_file();
    // Renamed into place, because a test of another run may be reading it.
    let next = file.with_extension("next");
    fs::write(&next, text)
        .and_then(|()| fs::rename(&next, &file))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(versions)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn without_a_name_every_release_is_selected() {
        assert_eq!(select(&[]).unwrap().len(), RELEASES.len());
    }

    #[test]
    fn an_unknown_version_is_refused_with_those_that_are_known() {
        let error = select(&["9.0".into()]).err().unwrap().to_string();
        assert_eq!(error, "no suite is known for QEMU 9.0, only for 5.2, 7.2, 10.0, 11.1");
    }
}

//! A package with all its dependencies.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use super::apt::apt_get;
use crate::process;

/// A package's downloaded file.
pub(crate) struct Package {
    pub(super) name: String,
    pub(super) version: String,
    pub(super) file: PathBuf,
}

/// Resolved packages with all dependencies, possibly not downloaded.
pub(crate) struct Closure {
    /// In the order of installation.
    pub(super) packages: Vec<Package>,
    pub(super) config: PathBuf,
    /// The packages that apt-get resolved.
    pub(super) args: Vec<String>,
    /// The files whose age is that of the indexes.
    pub(super) indexes: Vec<PathBuf>,
}

impl Closure {
    /// Returns the upstream version of one of its packages.
    pub(crate) fn version(&self, name: &str) -> Option<&str> {
        let package = self.packages.iter().find(|package| package.name == name)?;
        Some(upstream(&package.version))
    }

    /// Downloads the files that are missing.
    pub(crate) fn fetch(self) -> Result<Vec<Package>> {
        if self.packages.iter().any(|package| !package.file.exists()) {
            let mut download = apt_get(&self.config);
            download.args(["--quiet=2", "--yes", "--download-only"]).args(&self.args);
            process::read(&mut download).inspect_err(|_| self.distrust_indexes()).context(
                "a package cannot be downloaded; if the mirror has replaced it, try again",
            )?;
        }
        if let Some(missing) = self.packages.iter().find(|package| !package.file.exists()) {
            bail!("apt-get did not leave {}", missing.file.display());
        }
        Ok(self.packages)
    }

    /// Makes the next run download the indexes again, because the mirror may have other packages
    /// now.
    fn distrust_indexes(&self) {
        for index in &self.indexes {
            // If one remains, it is only used until it expires.
            let _ = fs::remove_file(index);
        }
    }
}

/// Parses the plan of `apt-get --simulate install`; apt keeps the files in `archives`.
pub(super) fn planned_packages(plan: &str, archives: &Path) -> Vec<Package> {
    let planned = plan.lines().filter_map(planned);
    planned
        .map(|(name, version, arch)| Package {
            name: name.to_owned(),
            version: version.to_owned(),
            file: archives.join(archive_name(name, version, arch)),
        })
        .collect()
}

/// Returns the upstream part of a Debian version: for `1:7.2+dfsg-7+deb12u12` it is `7.2+dfsg`.
fn upstream(version: &str) -> &str {
    let version = version.split_once(':').map_or(version, |(_epoch, rest)| rest);
    version.rsplit_once('-').map_or(version, |(upstream, _revision)| upstream)
}

/// Parses name, version and architecture from a line such as `Inst tar (1.34 Debian:12/stable
/// [amd64])`.
fn planned(line: &str) -> Option<(&str, &str, &str)> {
    let (name, rest) = line.strip_prefix("Inst ")?.split_once(' ')?;
    let (_, offer) = rest.split_once('(')?;
    let version = offer.split_whitespace().next()?;
    let arch = offer.split_once('[')?.1.split_once(']')?.0;
    Some((name, version, arch))
}

/// Returns apt's file name for a package: the colon of an epoch is escaped.
fn archive_name(name: &str, version: &str, arch: &str) -> String {
    format!("{name}_{}_{arch}.deb", version.replace(':', "%3a"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_planned_installation_names_the_file_that_apt_keeps() {
        let line = "Inst qemu-utils (1:7.2+dfsg-7+deb12u12 Debian:12.11/oldstable [amd64]) []";
        let (name, version, arch) = planned(line).unwrap();
        assert_eq!(
            archive_name(name, version, arch),
            "qemu-utils_1%3a7.2+dfsg-7+deb12u12_amd64.deb"
        );
        assert_eq!(planned("Conf qemu-utils (1:7.2 Debian:12.11/oldstable [amd64])"), None);
        assert_eq!(planned("Reading package lists..."), None);
    }

    #[test]
    fn the_upstream_is_without_epoch_and_revision() {
        assert_eq!(upstream("1:7.2+dfsg-7+deb12u12"), "7.2+dfsg");
        assert_eq!(upstream("1:11.1.3+ds-1~bpo13+1"), "11.1.3+ds");
        assert_eq!(upstream("1.85.0"), "1.85.0");
    }
}

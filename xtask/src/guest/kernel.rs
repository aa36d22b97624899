//! Linux, its modules and busybox, from Debian's packages.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result, bail};

use crate::debian::{Apt, SuiteGone, Tree};

/// A suite whose modules are not compressed, because the guest cannot decompress them.
const SUITE: &str = "bookworm";

/// The kernel for virtual machines, which is the smallest.
const PACKAGES: [&str; 2] = ["linux-image-cloud-amd64", "busybox-static"];

/// Modules that a guest without a network or a disk does not need: most of the package.
const LEFT_OUT: [&str; 3] =
    ["./lib/modules/*/kernel/fs", "./lib/modules/*/kernel/net", "./usr/share/bash-completion"];

/// The folder with the unpacked packages.
pub(super) struct Kernel {
    root: PathBuf,
}

impl Kernel {
    /// Unpacks the packages unless they are there; returns why if they are not available.
    pub(super) fn unpack(dir: &Path) -> Result<Result<Self, String>> {
        let name = dir.join("linux");
        if !name.is_dir() {
            let Some(apt) = Apt::open(dir.join(".apt"))? else {
                return Ok(Err("its kernel comes from Debian's packages, which need apt-get, \
                               dpkg-deb and a mirror of Debian"
                    .into()));
            };
            if apt.architecture() != "amd64" {
                return Ok(Err("its kernel and its packages are for amd64".into()));
            }
            let closure = match apt.resolve(&[SUITE], None, &PACKAGES) {
                Ok(closure) => closure,
                Err(error) => match error.downcast::<SuiteGone>() {
                    Ok(gone) => return Ok(Err(gone.to_string())),
                    Err(error) => return Err(error),
                },
            };
            Tree::unpack(&name, &closure.fetch()?, &LEFT_OUT)?.keep()?;
        }
        Ok(Ok(Self { root: name.join("root") }))
    }

    /// Returns the kernel that QEMU boots.
    pub(super) fn image(&self) -> Result<PathBuf> {
        only(&self.root.join("boot"), "vmlinuz-")
    }

    pub(super) fn busybox(&self) -> PathBuf {
        self.root.join("usr/bin/busybox")
    }

    /// Returns the files of modules, each after its dependencies.
    pub(super) fn modules(&self, names: &[&str]) -> Result<Vec<PathBuf>> {
        let mut files = Vec::new();
        collect(&only(&self.root.join("usr/lib/modules"), "")?.join("kernel"), &mut files)?;
        let mut order = Vec::new();
        for name in names {
            add(name, &files, &mut order)?;
        }
        Ok(order)
    }
}

fn only(dir: &Path, prefix: &str) -> Result<PathBuf> {
    let entries = fs::read_dir(dir).with_context(|| format!("cannot read {}", dir.display()))?;
    let mut names = entries.flatten().filter(|entry| {
        let name = entry.file_name();
        name.to_string_lossy().starts_with(prefix)
    });
    match names.next() {
        Some(entry) => Ok(entry.path()),
        None => bail!("{} contains no {prefix}", dir.display()),
    }
}

fn collect(dir: &Path, files: &mut Vec<PathBuf>) -> Result<()> {
    for entry in fs::read_dir(dir)?.flatten() {
        match entry.file_type()?.is_dir() {
            true => collect(&entry.path(), files)?,
            false => files.push(entry.path()),
        }
    }
    Ok(())
}

/// A module without a file is built into the kernel.
fn add(name: &str, files: &[PathBuf], order: &mut Vec<PathBuf>) -> Result<()> {
    let Some(file) = files.iter().find(|file| is_called(file, name)) else {
        return Ok(());
    };
    if order.contains(file) {
        return Ok(());
    }
    let content = fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    for dependency in dependencies(&content) {
        add(&dependency, files, order)?;
    }
    order.push(file.clone());
    Ok(())
}

/// File names may have dashes where the modules' own names have underscores.
fn is_called(file: &Path, name: &str) -> bool {
    let stem =
        file.file_name().and_then(|name| name.to_str()).and_then(|it| it.strip_suffix(".ko"));
    stem.is_some_and(|stem| stem.replace('-', "_") == name.replace('-', "_"))
}

/// Returns the dependencies in a module's information, a string among others that end in zeros:
/// `depends=virtio,virtio_ring`.
fn dependencies(module: &[u8]) -> Vec<String> {
    const KEY: &[u8] = b"depends=";
    let entry = module.split(|byte| *byte == 0).find_map(|entry| entry.strip_prefix(KEY));
    let names = String::from_utf8_lossy(entry.unwrap_or_default()).into_owned();
    names.split(',').filter(|name| !name.is_empty()).map(str::to_owned).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_comes_after_what_it_depends_on() {
        let dir = std::env::temp_dir().join(format!("xtask-modules-{}", std::process::id()));
        fs::create_dir_all(dir.join("drivers")).unwrap();
        for (name, depends) in [("virtio-pci", "virtio,ring"), ("ring", ""), ("virtio", "ring")] {
            let content = format!("ELF\0license=GPL\0depends={depends}\0name={name}\0");
            fs::write(dir.join("drivers").join(format!("{name}.ko")), content).unwrap();
        }
        let mut files = Vec::new();
        collect(&dir, &mut files).unwrap();
        let mut order = Vec::new();
        for name in ["built_in", "virtio_pci", "ring"] {
            add(name, &files, &mut order).unwrap();
        }
        let stems = order.iter().map(|file| file.file_stem().unwrap().to_str().unwrap());
        assert_eq!(stems.collect::<Vec<_>>(), ["ring", "virtio", "virtio-pci"]);
        fs::remove_dir_all(dir).unwrap();
    }
}

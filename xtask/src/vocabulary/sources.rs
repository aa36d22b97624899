//! The sources of each version's schema files and manual.

use std::fs;
use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, Result, bail};

use crate::{debian, process, workspace};

/// A version of QEMU in the vocabulary.
pub(super) struct Source {
    pub(super) version: &'static str,
    /// Debian's copies of the source; the first available one is used. Point releases do not change
    /// the schema.
    archives: &'static [File],
    /// The package with the manual, whose anchors are used for links.
    manual: Option<File>,
}

/// A file of Debian's pool.
struct File {
    name: &'static str,
    sha256: &'static str,
}

/// Oldest first. Versions are added and never removed, because the vocabulary covers all of them.
pub(super) const SOURCES: [Source; 4] = [
    Source {
        version: "5.2",
        archives: &[File {
            name: "qemu_5.2+dfsg.orig.tar.xz",
            sha256: "be5ae7ddc88d68af81c7b2435b95c1cad4e9416c9a1426ee5a6a4b9a9c0bf87e",
        }],
        manual: None,
    },
    Source {
        version: "7.2",
        archives: &[File {
            name: "qemu_7.2+dfsg.orig.tar.xz",
            sha256: "91aca71520040edc40b8d437aa3004dae614f58e286cf653ee8996c07af2962f",
        }],
        manual: None,
    },
    Source {
        version: "10.0",
        archives: &[File {
            name: "qemu_10.0.13+ds.orig.tar.xz",
            sha256: "6a0888e806c2ffc0c5f0733e974f9aea55491950d3c47c98669c8b236dde59ae",
        }],
        manual: Some(File {
            name: "qemu-system-data_10.0.13+ds-0+deb13u1_all.deb",
            sha256: "a0e03c526cc09d4c2ab20aa19a8c12e916cdc49a170acb16a6563c28f70eafd3",
        }),
    },
    Source {
        version: "11.1",
        archives: &[
            File {
                name: "qemu_11.1.3+ds.orig.tar.xz",
                sha256: "502fe33503df3520b6a81176a94d77eef908eb252bacc675d7199f379ac26641",
            },
            // Some mirrors list 11.1.3 and do not have it.
            File {
                name: "qemu_11.1.1+ds.orig.tar.xz",
                sha256: "0b1376e75dbe3e2fea4e408f8669f88a723f419f36a5b7d74cc6a4cfe07e4f5e",
            },
        ],
        manual: Some(File {
            name: "qemu-system-data_11.1.3+ds-1~bpo13+1_all.deb",
            sha256: "cae10ea58330bdaa62ce290e20ca43f91b0a3757777644833f45700ab7b6c31d",
        }),
    },
];

const FOLDER: &str = "main/q/qemu";

impl Source {
    /// Unpacks the schema files and returns the folder that contains `qapi` and `qga`.
    pub(super) fn schema_files(&self) -> Result<PathBuf> {
        let folder = workspace::target("vocabulary").join(self.version);
        let mut failures = String::new();
        for archive in self.archives {
            let file = workspace::target("vocabulary").join(archive.name);
            match debian::fetch(FOLDER, archive.name, archive.sha256, &file) {
                Ok(()) => {
                    println!("{}: {}", self.version, archive.name);
                    fs::create_dir_all(&folder)
                        .with_context(|| format!("cannot make {}", folder.display()))?;
                    let mut tar = Command::new("tar");
                    tar.arg("-xf").arg(file).arg("-C").arg(&folder);
                    tar.args(["--strip-components=1", "--wildcards"]);
                    tar.args([
                        "*/qapi/*.json",
                        "*/storage-daemon/qapi/*",
                        "*/qga/qapi-schema.json",
                    ]);
                    process::read(&mut tar)?;
                    return Ok(folder);
                }
                Err(error) => failures.push_str(&format!("\n{}: {error:#}", archive.name)),
            }
        }
        bail!("the source of QEMU {} is not available:{failures}", self.version)
    }

    /// Returns the manual's pages about the system emulator, the storage daemon and the agent.
    pub(super) fn manual(&self) -> Result<Option<[String; 3]>> {
        let Some(manual) = &self.manual else { return Ok(None) };
        let file = workspace::target("vocabulary").join(manual.name);
        debian::fetch(FOLDER, manual.name, manual.sha256, &file)?;
        let folder = workspace::target("vocabulary").join(format!("{}-manual", self.version));
        fs::create_dir_all(&folder).with_context(|| format!("cannot make {}", folder.display()))?;
        process::read(Command::new("dpkg-deb").arg("--extract").arg(&file).arg(&folder))?;
        let interop = folder.join("usr/share/doc/qemu-system-common/interop");
        let page = |name: &str| {
            let file = interop.join(name);
            fs::read_to_string(&file).with_context(|| format!("cannot read {}", file.display()))
        };
        Ok(Some([
            page("qemu-qmp-ref.html")?,
            page("qemu-storage-daemon-qmp-ref.html")?,
            page("qemu-ga-ref.html")?,
        ]))
    }
}

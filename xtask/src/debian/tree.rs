//! A tree of unpacked packages, and wrappers that run its programs.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, Result, bail};

use super::closure::Package;
use crate::process::display;

/// Files of any package that are not needed.
const LEFT_OUT: [&str; 10] = [
    "./usr/lib/*/gconv",
    "./usr/lib/*/perl-base",
    "./usr/share/applications",
    "./usr/share/bug",
    "./usr/share/doc",
    "./usr/share/icons",
    "./usr/share/info",
    "./usr/share/lintian",
    "./usr/share/locale",
    "./usr/share/man",
];

/// Folders that contain programs.
const PROGRAM_DIRS: [&str; 3] = ["usr/bin", "usr/sbin", "usr/lib/rust-web/bin"];

/// Library folders below the architecture's own that programs are linked to.
const PRIVATE_LIBRARY_DIRS: [&str; 1] = ["pulseaudio"];

/// A folder with the packages' files in `root` and the wrappers in `bin`. It gets its final name
/// only by [`keep`](Self::keep), so a folder with that name is always complete.
pub(crate) struct Tree {
    /// The final name.
    name: PathBuf,
    /// The temporary name. The wrappers find the root relative to their own path, so renaming is
    /// safe.
    dir: PathBuf,
}

impl Tree {
    /// Unpacks `packages`, except files that match `left_out` (tar patterns such as
    /// `./usr/bin/example-*`), for the folder `name`.
    pub(crate) fn unpack(name: &Path, packages: &[Package], left_out: &[&str]) -> Result<Self> {
        let mut dir = name.as_os_str().to_owned();
        dir.push(".tmp");
        let tree = Self { name: name.to_owned(), dir: dir.into() };
        // An interrupted run may have left one.
        remove(&tree.dir)?;
        let root = tree.root();
        // Merged /usr, as on an installed system; `--keep-directory-symlink` preserves it.
        for folder in ["bin", "sbin", "lib", "lib64"] {
            fs::create_dir_all(root.join("usr").join(folder))?;
            symlink(Path::new("usr").join(folder), root.join(folder))?;
        }
        fs::create_dir(tree.bin())?;
        for package in packages {
            extract(&package.file, &root, left_out)
                .with_context(|| format!("cannot unpack {}", package.file.display()))?;
        }
        make_links_relative(&root, &root)?;
        let list = packages.iter().map(|package| format!("{} {}\n", package.name, package.version));
        fs::write(tree.dir.join("packages"), list.collect::<String>())?;
        Ok(tree)
    }

    /// Opens a tree that was kept before.
    pub(crate) fn open(name: &Path) -> Option<Self> {
        let tree = Self { name: name.to_owned(), dir: name.to_owned() };
        tree.root().is_dir().then_some(tree)
    }

    /// Gives the folder its final name, replacing an existing one.
    pub(crate) fn keep(self) -> Result<()> {
        remove(&self.name)?;
        fs::rename(&self.dir, &self.name)
            .with_context(|| format!("cannot rename {}", self.dir.display()))
    }

    /// Returns the folder of the wrappers.
    pub(crate) fn bin(&self) -> PathBuf {
        self.dir.join("bin")
    }

    /// Returns the folder of the packages' files.
    pub(crate) fn root(&self) -> PathBuf {
        self.dir.join("root")
    }

    /// The architecture's only library folder, relative to the root.
    pub(crate) fn library_dir(&self) -> Result<PathBuf> {
        Ok(self.loader()?.parent().map(Path::to_path_buf).unwrap_or_default())
    }

    /// Writes the wrapper of `program`, which runs it in the host's file system with the tree's own
    /// loader and libraries.
    pub(crate) fn wrap(&self, program: &str, setting: &Setting<'_>) -> Result<()> {
        let root = self.root();
        let Some(binary) = PROGRAM_DIRS
            .iter()
            .map(|dir| Path::new(dir).join(program))
            .find(|binary| root.join(binary).is_file())
        else {
            bail!("none of the packages contains {program}");
        };
        let loader = self.loader()?;
        let libraries = self.library_dir()?;
        let library_path = std::iter::once(libraries.clone())
            .chain(PRIVATE_LIBRARY_DIRS.iter().map(|dir| libraries.join(dir)))
            .map(|dir| in_root(&dir))
            .collect::<Vec<_>>()
            .join(":");
        let exports: String = setting
            .environment
            .iter()
            .map(|(name, value)| format!("export {name}=\"{value}\"\n"))
            .collect();
        let arguments: String =
            setting.arguments.iter().map(|argument| format!(" \"{argument}\"")).collect();
        let text = format!(
            "#!/bin/sh\n\
             # {program} with the libraries that it was built for.\n\
             root=$(cd \"${{0%/*}}/../root\" && pwd -P) || exit\n\
             {exports}\
             exec \"{}\" --inhibit-cache --library-path \"{library_path}\" \"{}\"{arguments} \"$@\"\n",
            in_root(&loader),
            in_root(&binary),
        );
        let wrapper = self.bin().join(program);
        fs::write(&wrapper, text)
            .and_then(|()| fs::set_permissions(&wrapper, fs::Permissions::from_mode(0o755)))
            .with_context(|| format!("cannot write {}", wrapper.display()))
    }

    /// The tree's dynamic loader, relative to the root.
    pub(crate) fn loader(&self) -> Result<PathBuf> {
        let root = self.root();
        for libraries in fs::read_dir(root.join("usr/lib"))?.flatten() {
            let Ok(entries) = fs::read_dir(libraries.path()) else {
                continue;
            };
            for entry in entries.flatten() {
                let name = entry.file_name();
                if name.to_string_lossy().starts_with("ld-linux") {
                    return Ok(Path::new("usr/lib").join(libraries.file_name()).join(name));
                }
            }
        }
        bail!("{} contains no dynamic loader", root.display())
    }
}

/// Arguments and environment that a wrapped program gets in addition to its own command line.
/// `$root` in a value stands for the folder of the packages' files.
#[derive(Default)]
pub(crate) struct Setting<'a> {
    pub(crate) environment: Vec<(&'a str, String)>,
    pub(crate) arguments: Vec<String>,
}

fn remove(dir: &Path) -> Result<()> {
    match fs::remove_dir_all(dir) {
        Err(error) if error.kind() != ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}

fn in_root(path: &Path) -> String {
    format!("$root/{}", path.display())
}

/// Runs `dpkg-deb --fsys-tarfile ARCHIVE | tar --extract`, which unpacks the files and runs no
/// scripts.
fn extract(archive: &Path, root: &Path, left_out: &[&str]) -> Result<()> {
    let mut unpack = Command::new("dpkg-deb");
    unpack.arg("--fsys-tarfile").arg(archive).stdin(Stdio::null()).stdout(Stdio::piped());
    let mut source =
        unpack.spawn().with_context(|| format!("cannot start {}", display(&unpack)))?;
    let mut tar = Command::new("tar");
    tar.arg("--extract").arg("--directory").arg(root).args([
        "--keep-directory-symlink",
        "--no-same-owner",
        "--exclude=./var",
    ]);
    let excluded = LEFT_OUT.iter().chain(left_out);
    tar.args(excluded.map(|pattern| format!("--exclude={pattern}")));
    if let Some(stream) = source.stdout.take() {
        tar.stdin(stream);
    }
    let extracted = tar.status();
    let unpacked = source.wait()?;
    let extracted = extracted.with_context(|| format!("cannot start {}", display(&tar)))?;
    if !unpacked.success() || !extracted.success() {
        bail!("dpkg-deb ended with {unpacked}, tar with {extracted}");
    }
    Ok(())
}

/// Points absolute links into the tree; unchanged, they would lead to the host's files.
fn make_links_relative(root: &Path, dir: &Path) -> Result<()> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let (path, kind) = (entry.path(), entry.file_type()?);
        if kind.is_dir() {
            make_links_relative(root, &path)?;
        } else if kind.is_symlink() {
            let target = fs::read_link(&path)?;
            if target.is_absolute() {
                let depth = dir.strip_prefix(root)?.components().count();
                fs::remove_file(&path)?;
                symlink(climb(depth, &target), &path)?;
            }
        }
    }
    Ok(())
}

/// Returns the path to `target`, which is absolute in the tree, from a folder `depth` levels below
/// its root.
fn climb(depth: usize, target: &Path) -> PathBuf {
    let up = std::iter::repeat_n(Component::ParentDir, depth);
    up.chain(target.components().filter(|part| matches!(part, Component::Normal(_)))).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_absolute_link_leads_into_the_tree() {
        assert_eq!(climb(2, Path::new("/lib/ld.so")), Path::new("../../lib/ld.so"));
        assert_eq!(climb(0, Path::new("/lib/ld.so")), Path::new("lib/ld.so"));
    }

    #[test]
    fn links_are_rewritten_at_every_depth_and_relative_ones_are_left() {
        let root = std::env::temp_dir().join(format!("xtask-links-{}", std::process::id()));
        fs::create_dir_all(root.join("a/b")).unwrap();
        fs::write(root.join("file"), "here").unwrap();
        symlink("/file", root.join("a/b/link")).unwrap();
        symlink("b", root.join("a/near")).unwrap();
        make_links_relative(&root, &root).unwrap();
        assert_eq!(fs::read_link(root.join("a/b/link")).unwrap(), Path::new("../../file"));
        assert_eq!(fs::read_to_string(root.join("a/b/link")).unwrap(), "here");
        assert_eq!(fs::read_link(root.join("a/near")).unwrap(), Path::new("b"));
        fs::remove_dir_all(root).unwrap();
    }
}

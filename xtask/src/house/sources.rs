//! The source files of a crate, by the paths of their modules.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A file and its module path: `["client", "link"]`, empty for the root.
#[derive(Debug)]
pub(super) struct File {
    pub(super) module: Vec<String>,
    /// Below `src`.
    pub(super) path: String,
    pub(super) text: String,
}

#[derive(Debug, Default)]
pub(super) struct Sources {
    pub(super) files: Vec<File>,
}

impl Sources {
    /// Reads all files below `src`, except those that contain only tests.
    pub(super) fn read(package: &Path) -> Result<Self> {
        let root = package.join("src");
        let mut sources = Self::default();
        let mut folders = vec![root.clone()];
        while let Some(folder) = folders.pop() {
            let entries = fs::read_dir(&folder).with_context(|| folder.display().to_string())?;
            let mut paths = entries.map(|entry| Ok(entry?.path())).collect::<Result<Vec<_>>>()?;
            paths.sort();
            for path in paths {
                if path.file_stem().is_some_and(|stem| stem == "tests") {
                    continue;
                }
                if path.is_dir() {
                    folders.push(path);
                } else if path.extension().is_some_and(|it| it == "rs") {
                    sources.files.push(File::read(&root, path)?);
                }
            }
        }
        Ok(sources)
    }

    /// Returns the file of the longest module path that the path begins with, and the number of
    /// segments it takes.
    pub(super) fn find(&self, path: &[String]) -> Option<(usize, usize)> {
        let matches = |(at, file): (usize, &File)| {
            path.starts_with(&file.module).then_some((at, file.module.len()))
        };
        self.files.iter().enumerate().filter_map(matches).max_by_key(|(_, length)| *length)
    }
}

impl File {
    fn read(root: &Path, path: PathBuf) -> Result<Self> {
        let text = fs::read_to_string(&path).with_context(|| path.display().to_string())?;
        let below = path.strip_prefix(root)?.with_extension("");
        let mut module: Vec<_> =
            below.iter().map(|part| part.to_string_lossy().into_owned()).collect();
        if module.last().is_some_and(|last| matches!(&**last, "mod" | "lib")) {
            module.pop();
        }
        let path = path.strip_prefix(root)?.display().to_string();
        Ok(Self { module, path, text })
    }
}

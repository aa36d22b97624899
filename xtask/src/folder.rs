//! Temporary folders.

use std::path::{Path, PathBuf};

use anyhow::{Context, Result};

/// A new temporary folder, removed when it is dropped. Socket paths in it are short, and other
/// users cannot access the sockets.
pub(crate) struct Folder(PathBuf);

impl Folder {
    pub(crate) fn create(name: &str) -> Result<Self> {
        let path = std::env::temp_dir().join(format!("{name}-{}", std::process::id()));
        std::fs::create_dir(&path).with_context(|| format!("cannot make {}", path.display()))?;
        Ok(Self(path))
    }

    pub(crate) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

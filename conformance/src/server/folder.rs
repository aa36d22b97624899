//! Folders for the files of a test.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that goes when it is dropped, its path short enough for sockets.
#[derive(Debug)]
pub struct Folder(TempDir);

/// A new one.
pub fn folder() -> Folder {
    Folder(tempfile::Builder::new().prefix("qmp").tempdir().unwrap())
}

impl Folder {
    /// Where it is.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// A file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// The same as text.
    pub fn name(&self, name: &str) -> String {
        self.file(name).into_os_string().into_string().unwrap()
    }
}

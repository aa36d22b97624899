//! Folders for the files of a test.

use std::path::{Path, PathBuf};

use tempfile::TempDir;

/// A folder that is removed when it is dropped, with a path short enough for sockets.
#[derive(Debug)]
pub struct Folder(TempDir);

/// Creates a folder.
pub fn folder() -> Folder {
    Folder(tempfile::Builder::new().prefix("qmp").tempdir().unwrap())
}

impl Folder {
    /// Returns its path.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Returns the path of a file in it.
    pub fn file(&self, name: &str) -> PathBuf {
        self.path().join(name)
    }

    /// Returns the path of a file in it as text.
    pub fn name(&self, name: &str) -> String {
        self.file(name).into_os_string().into_string().unwrap()
    }
}

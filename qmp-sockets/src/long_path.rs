//! Unix socket paths that are too long for a socket address.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use qmp_proto::Address;

/// The longest path, in bytes, that fits into a socket address: 107 on Linux, 103 elsewhere.
pub const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// Returns the address of a unix socket at `path`, which does not have to be UTF-8.
pub fn unix_address(path: impl AsRef<Path>) -> Address {
    Address::unix(path.as_ref().as_os_str().as_bytes())
}

/// Returns the bytes of an [`Address::Unix`] as a path.
pub(crate) fn path_of(bytes: &[u8]) -> &Path {
    Path::new(OsStr::from_bytes(bytes))
}

/// A path that fits into a socket address, valid while this value lives.
///
/// A short path is used unchanged. For a longer one, on Linux, a file descriptor is opened, and the
/// path goes through it: `/proc/self/fd/N`.
#[derive(Debug)]
pub struct ShortPath {
    path: PathBuf,
    _held: Option<OwnedFd>,
}

impl ShortPath {
    /// Shortens a path for connecting.
    ///
    /// # Errors
    ///
    /// Returns an error if a long path does not exist or may not be accessed, and, on other systems
    /// than Linux, if it is longer than [`LONGEST_PATH`].
    pub fn to_connect(path: &Path) -> io::Result<Self> {
        match check(path)? {
            Length::Fits => Ok(Self { path: path.to_owned(), _held: None }),
            #[cfg(target_os = "linux")]
            Length::TooLong => {
                use rustix::fs::{Mode, OFlags};
                let socket = rustix::fs::open(path, OFlags::PATH | OFlags::CLOEXEC, Mode::empty())?;
                Ok(Self { path: through(&socket), _held: Some(socket) })
            }
            #[cfg(not(target_os = "linux"))]
            Length::TooLong => Err(too_long(path)),
        }
    }

    /// Shortens a path for binding a new socket. The caller has opened its directory and keeps it
    /// open.
    ///
    /// # Errors
    ///
    /// Returns an error if the file name alone is too long, and, on other systems than Linux, if
    /// the whole path is longer than [`LONGEST_PATH`].
    pub(crate) fn to_bind(path: &Path, directory: impl AsFd) -> io::Result<Self> {
        let short = match check(path)? {
            Length::Fits => path.to_owned(),
            Length::TooLong if cfg!(target_os = "linux") => {
                through(directory).join(path.file_name().unwrap_or_default())
            }
            Length::TooLong => return Err(too_long(path)),
        };
        match check(&short)? {
            Length::Fits => Ok(Self { path: short, _held: None }),
            Length::TooLong => Err(too_long(path)),
        }
    }
}

impl AsRef<Path> for ShortPath {
    fn as_ref(&self) -> &Path {
        &self.path
    }
}

enum Length {
    Fits,
    TooLong,
}

fn check(path: &Path) -> io::Result<Length> {
    let bytes = path.as_os_str().as_bytes();
    if bytes.is_empty() || bytes.contains(&0) {
        // A path that starts with a zero byte would be an abstract name.
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "not the path of a file"));
    }
    Ok(if bytes.len() <= LONGEST_PATH { Length::Fits } else { Length::TooLong })
}

fn through(descriptor: impl AsFd) -> PathBuf {
    use std::os::fd::AsRawFd;
    PathBuf::from(format!("/proc/self/fd/{}", descriptor.as_fd().as_raw_fd()))
}

fn too_long(path: &Path) -> io::Error {
    let length = path.as_os_str().len();
    let what = if cfg!(target_os = "linux") { "file's own name" } else { "path" };
    io::Error::new(
        io::ErrorKind::InvalidInput,
        format!("the {what} is too long for a socket ({length} bytes in all); use a shorter one"),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_that_fits_is_used_as_it_is() {
        let longest = "x".repeat(LONGEST_PATH);
        let short = ShortPath::to_connect(Path::new(&longest)).unwrap();
        assert_eq!(short.as_ref(), Path::new(&longest));
    }

    #[test]
    fn a_path_that_could_name_an_abstract_socket_is_refused() {
        for path in ["", "\0vm", "a\0b"] {
            let error = ShortPath::to_connect(Path::new(path)).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }

    #[test]
    #[cfg(target_os = "linux")]
    fn a_long_path_that_does_not_exist_is_not_found() {
        let long = format!("/{}/vm.qmp", "x".repeat(150));
        let error = ShortPath::to_connect(Path::new(&long)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
    }

    #[test]
    fn an_address_keeps_a_path_that_is_not_utf8() {
        let path = path_of(b"/run/\xff.qmp");
        assert_eq!(unix_address(path), Address::unix(&b"/run/\xff.qmp"[..]));
    }
}

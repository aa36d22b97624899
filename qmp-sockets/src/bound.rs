//! Detects sockets that are bound and do not listen yet.

use std::io;

use rustix::fs::{Stat, major, minor};

use crate::sock_diag::{BOUND, LISTENING, SHOW_FILE, list};

/// Returns whether a socket is bound to this file, among the sockets of this network namespace.
///
/// Accepted connections refer to the same file and can outlive the server's socket. They are ignored.
pub(crate) fn is_bound(file: &Stat) -> io::Result<bool> {
    let of_file = identity(file);
    let found =
        list(BOUND | LISTENING, SHOW_FILE, |socket| (socket.file() == Some(of_file)).then_some(()));
    Ok(found?.is_some())
}

/// Returns a file's inode and device in the kernel's own form.
pub(crate) fn identity(file: &Stat) -> (u32, u32) {
    (file.st_ino as u32, major(file.st_dev) << 20 | minor(file.st_dev))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::{UnixListener, UnixStream};

    use super::*;

    #[test]
    fn a_socket_is_bound_to_its_file_until_it_is_closed() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("qmp");
        let listener = UnixListener::bind(&path).unwrap();
        let file = rustix::fs::stat(&path).unwrap();
        assert!(is_bound(&file).unwrap());
        let other = folder.path().join("other");
        std::fs::write(&other, "").unwrap();
        assert!(!is_bound(&rustix::fs::stat(&other).unwrap()).unwrap());

        let _client = UnixStream::connect(&path).unwrap();
        let _served = listener.accept().unwrap();
        drop(listener);
        assert!(!is_bound(&file).unwrap(), "the connection goes on, but nobody listens");
    }

    #[test]
    fn among_many_sockets_it_is_found() {
        let folder = tempfile::tempdir().unwrap();
        let bind = |number| {
            let path = folder.path().join(format!("{number}"));
            (UnixListener::bind(&path).unwrap(), rustix::fs::stat(&path).unwrap())
        };
        // More than fit into one part of the answer.
        let bound: Vec<_> = (0..700).map(bind).collect();
        assert!(is_bound(&bound[0].1).unwrap() && is_bound(&bound[699].1).unwrap());
    }
}

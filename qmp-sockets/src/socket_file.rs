//! The file of a listening unix socket. It never replaces a socket in use, and is removed at the
//! end.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;
use std::thread;
use std::time::Duration;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::long_path::ShortPath;
use crate::peer;

/// The file. Dropping this removes it, unless another file has replaced it.
#[derive(Debug)]
pub(crate) struct SocketFile {
    /// Kept open, so that the file is found even if the working directory changes.
    directory: OwnedFd,
    name: OsString,
    identity: (u64, u64),
}

impl SocketFile {
    /// Binds `socket` to a new file at `path` and listens. Only the current user may connect.
    ///
    /// A leftover socket file is replaced. A socket on which a server answers is not.
    pub(crate) fn listen(socket: &Socket, path: &Path, backlog: i32) -> io::Result<Self> {
        let name = path.file_name().ok_or(Errno::ISDIR)?.to_owned();
        let directory = match path.parent() {
            Some(parent) if !parent.as_os_str().is_empty() => parent,
            _ => Path::new("."),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = rustix::fs::open(directory, flags, Mode::empty())?;
        // Two programs that both find a leftover file must not both replace it.
        lock(&directory)?;
        let made = Self::make(socket, path, directory, name, backlog);
        if let Ok(file) = &made {
            rustix::fs::flock(&file.directory, FlockOperation::Unlock)?;
        }
        made
    }

    fn make(
        socket: &Socket,
        path: &Path,
        directory: OwnedFd,
        name: OsString,
        backlog: i32,
    ) -> io::Result<Self> {
        let short = ShortPath::to_bind(path, &directory)?;
        let address = SockAddr::unix(&short)?;
        match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                refuse_unless_dead(&file_status(&directory, &name)?, &address, path)?;
                rustix::fs::unlinkat(&directory, &name, AtFlags::empty())?;
                socket.bind(&address)?;
            }
            bound => bound?,
        }
        // Connections are refused before `listen`, so the file is never accessible to other users.
        let identity = identity(&file_status(&directory, &name)?);
        let file = Self { directory, name, identity };
        rustix::fs::chmodat(
            &file.directory,
            &file.name,
            Mode::RUSR | Mode::WUSR,
            AtFlags::empty(),
        )?;
        socket.listen(backlog)?;
        Ok(file)
    }
}

impl Drop for SocketFile {
    fn drop(&mut self) {
        let still_ours = file_status(&self.directory, &self.name)
            .is_ok_and(|status| identity(&status) == self.identity);
        if still_ours {
            // Another program may have removed it just now.
            let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
        }
    }
}

/// Locks the directory, in case another program starts to listen in it at the same time. Waits for
/// a short time.
fn lock(directory: &OwnedFd) -> io::Result<()> {
    for _ in 0..200 {
        match rustix::fs::flock(directory, FlockOperation::NonBlockingLockExclusive) {
            Err(Errno::WOULDBLOCK | Errno::INTR) => thread::sleep(Duration::from_millis(10)),
            // Continues without a lock on file systems that do not support locks.
            _ => return Ok(()),
        }
    }
    let text = "the directory of the socket has been locked by another program for 2 s";
    Err(io::Error::new(io::ErrorKind::ResourceBusy, text))
}

fn file_status(directory: &OwnedFd, name: &OsString) -> io::Result<Stat> {
    Ok(rustix::fs::statat(directory, name, AtFlags::SYMLINK_NOFOLLOW)?)
}

#[allow(clippy::unnecessary_cast, reason = "the types differ from system to system")]
fn identity(status: &Stat) -> (u64, u64) {
    (status.st_dev as u64, status.st_ino as u64)
}

/// Succeeds if the file is a socket on which no server answers.
fn refuse_unless_dead(file: &Stat, address: &SockAddr, path: &Path) -> io::Result<()> {
    let shown = path.display();
    if FileType::from_raw_mode(file.st_mode) != FileType::Socket {
        return Err(io::Error::new(
            io::ErrorKind::AlreadyExists,
            format!("{shown} exists and is not a socket; choose another path, or remove it"),
        ));
    }
    let client = Socket::new(Domain::UNIX, Type::STREAM, None)?;
    client.set_nonblocking(true)?;
    let server = match client.connect(address) {
        Ok(()) => peer::name(&client),
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => return Ok(()),
        // The server's queue of clients is full.
        Err(error) if error.kind() == io::ErrorKind::WouldBlock => None,
        Err(error) => {
            return Err(io::Error::new(
                error.kind(),
                format!("cannot determine whether a server still answers at {shown}: {error}"),
            ));
        }
    };
    let server = server.unwrap_or_else(|| "a server".to_owned());
    Err(io::Error::new(
        io::ErrorKind::AddrInUse,
        format!("{server} listens there already; stop it, or choose another path"),
    ))
}

//! The file of a listening unix socket. It never replaces a socket in use, and is removed at the
//! end.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::OwnedFd;
use std::path::Path;

use rustix::fs::{AtFlags, FileType, FlockOperation, Mode, OFlags, Stat};
use rustix::io::Errno;
use socket2::{Domain, SockAddr, Socket, Type};

use crate::long_path::ShortPath;
use crate::peer;

/// How often to retry a lock file that another program has just removed.
const ATTEMPTS: usize = 10;

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
        let short = ShortPath::to_bind(path, &directory)?;
        let address = SockAddr::unix(&short)?;
        let _replacing = match socket.bind(&address) {
            Err(error) if error.kind() == io::ErrorKind::AddrInUse => {
                refuse_unless_dead(&file_status(&directory, &name)?, &address, path)?;
                // Two programs that both find a leftover file must not both replace it.
                let replacing = Replacing::begin(&directory, &name)?;
                match file_status(&directory, &name) {
                    Ok(file) => {
                        refuse_unless_dead(&file, &address, path)?;
                        rustix::fs::unlinkat(&directory, &name, AtFlags::empty())?;
                    }
                    Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                    Err(error) => return Err(error),
                }
                socket.bind(&address)?;
                Some(replacing)
            }
            bound => {
                bound?;
                None
            }
        };
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

/// A lock file, held while a leftover socket file is replaced. Only users that can write to the directory
/// can hold it, and it is never waited for.
struct Replacing {
    directory: OwnedFd,
    name: OsString,
    /// Locked until this is dropped.
    _file: OwnedFd,
}

impl Replacing {
    fn begin(directory: &OwnedFd, socket: &OsStr) -> io::Result<Self> {
        let mut name = OsString::from(".");
        name.push(socket);
        name.push(".lock");
        let in_use =
            || io::Error::new(io::ErrorKind::AddrInUse, "another program starts to listen there");
        let flags =
            OFlags::CREATE | OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::CLOEXEC;
        for _ in 0..ATTEMPTS {
            let file = rustix::fs::openat(directory, &name, flags, Mode::RUSR | Mode::WUSR)?;
            // Continues without a lock on file systems that do not support locks.
            if let Err(Errno::WOULDBLOCK) =
                rustix::fs::flock(&file, FlockOperation::NonBlockingLockExclusive)
            {
                return Err(in_use());
            }
            // Its previous holder may have removed it in the meantime.
            let ours = identity(&rustix::fs::fstat(&file)?);
            if file_status(directory, &name).is_ok_and(|there| identity(&there) == ours) {
                return Ok(Self { directory: directory.try_clone()?, name, _file: file });
            }
        }
        Err(in_use())
    }
}

impl Drop for Replacing {
    fn drop(&mut self) {
        let _ = rustix::fs::unlinkat(&self.directory, &self.name, AtFlags::empty());
    }
}

fn file_status(directory: &OwnedFd, name: &OsStr) -> io::Result<Stat> {
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
        Err(error) if error.kind() == io::ErrorKind::ConnectionRefused => {
            if !is_bound(file) {
                return Ok(());
            }
            None
        }
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

/// Returns whether a process has bound the socket and does not listen yet. `false` if that cannot be
/// determined.
#[cfg(target_os = "linux")]
fn is_bound(file: &Stat) -> bool {
    crate::bound::is_bound(file).unwrap_or(false)
}

#[cfg(not(target_os = "linux"))]
fn is_bound(_: &Stat) -> bool {
    false
}

//! From an address to a connected socket.

use std::io;
use std::net::{IpAddr, SocketAddr, TcpStream, ToSocketAddrs};
use std::sync::mpsc;
use std::thread;
use std::time::Instant;

use qmp_proto::Address;

use crate::{ConnectError, Deadline, Socket};

/// Connects to `address`, until the deadline.
///
/// QMP serves one client per socket; the next few wait in a short queue and are connected without
/// being served. When that queue is full, this waits for a place in it. Whoever gets no greeting
/// after this has succeeded can learn the cause from [`describe_silence`](crate::describe_silence).
///
/// A TCP host is resolved, and its addresses are tried in turn with an equal share of the time left.
/// With a deadline, a name is looked up in a thread of its own, as the system's resolver cannot be
/// told when to stop.
///
/// # Errors
///
/// When nothing could be connected: the error names the address, the cause and what to try.
///
/// # Examples
///
/// ```no_run
/// use std::time::{Duration, Instant};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let deadline = Instant::now() + Duration::from_secs(10);
/// let socket = qmp_sockets::connect(&"unix:/run/vm.qmp".parse()?, Some(deadline))?;
/// # Ok(())
/// # }
/// ```
pub fn connect(address: &Address, deadline: Option<Instant>) -> Result<Socket, ConnectError> {
    let started = Instant::now();
    attempt(address, deadline.into()).map_err(|error| match error.kind() {
        io::ErrorKind::TimedOut => ConnectError::timed_out(address, started.elapsed()),
        _ => ConnectError::new(address, error),
    })
}

/// Connects to `address` if nothing has to be waited for: to a unix socket whose queue has room. The
/// socket does not block.
///
/// For whoever must not wait, a task of a runtime say. `None` says that [`connect`] may wait.
///
/// # Errors
///
/// As [`connect`].
#[cfg(unix)]
pub fn connect_at_once(address: &Address) -> Option<Result<Socket, ConnectError>> {
    let attempt = match address {
        Address::Unix(path) => local::unix_at_once(path),
        #[cfg(target_os = "linux")]
        Address::Abstract(name) => local::abstract_at_once(name),
        _ => return None,
    };
    match attempt {
        Err(error) if local::is_queue_full(&error) => None,
        attempt => Some(attempt.map_err(|error| ConnectError::new(address, error))),
    }
}

fn attempt(address: &Address, deadline: Deadline) -> io::Result<Socket> {
    match address {
        Address::Tcp { host, port } => tcp(host, *port, deadline),
        #[cfg(unix)]
        Address::Unix(path) => local::unix(path, deadline),
        #[cfg(target_os = "linux")]
        Address::Abstract(name) => local::abstract_unix(name, deadline),
        #[cfg(target_os = "linux")]
        Address::Vsock { cid, port } => local::vsock(*cid, *port, deadline),
        #[cfg(unix)]
        Address::Descriptor(number) => {
            Ok(Socket::try_from(crate::duplicate_inherited(*number)?)?.inherited())
        }
        _ => Err(unsupported(address)),
    }
}

pub(crate) fn unsupported(address: &Address) -> io::Error {
    let kind = match address {
        Address::Unix(_) => "unix sockets",
        Address::Abstract(_) => "abstract unix sockets",
        Address::Vsock { .. } => "vsock sockets",
        _ => "addresses of this kind",
    };
    io::Error::new(io::ErrorKind::Unsupported, format!("{kind} do not exist on this system"))
}

fn tcp(host: &str, port: u16, deadline: Deadline) -> io::Result<Socket> {
    if port == 0 {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "port 0 means any free port, and only to a listener",
        ));
    }
    let candidates = resolve(host, port, deadline)?;
    let mut last_error = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
    for (index, candidate) in candidates.iter().enumerate() {
        let left = u32::try_from(candidates.len() - index).unwrap_or(u32::MAX);
        let connected = match deadline.remaining().map(|remaining| remaining / left) {
            None => TcpStream::connect(candidate),
            Some(share) if share.is_zero() => Err(io::ErrorKind::TimedOut.into()),
            Some(share) => TcpStream::connect_timeout(candidate, share),
        };
        match connected {
            // A port of the kind that is given to clients, tried again and again, is ours one day.
            Ok(stream) if is_own_end(&stream) => {
                last_error = io::ErrorKind::ConnectionRefused.into();
            }
            Ok(stream) => {
                // A request and its answer are small: neither must wait for more to come.
                stream.set_nodelay(true)?;
                return Ok(stream.into());
            }
            Err(error) => last_error = error,
        }
    }
    Err(last_error)
}

/// Whether a socket is connected to itself: TCP does that when nobody listens on the port that the
/// system happens to choose for the client.
fn is_own_end(stream: &TcpStream) -> bool {
    matches!((stream.local_addr(), stream.peer_addr()), (Ok(ours), Ok(theirs)) if ours == theirs)
}

/// The socket addresses of a host: at once when it is numeric, else by the system's resolver.
pub(crate) fn resolve(host: &str, port: u16, deadline: Deadline) -> io::Result<Vec<SocketAddr>> {
    if let Ok(ip) = host.parse::<IpAddr>() {
        return Ok(vec![SocketAddr::new(ip, port)]);
    }
    let host = host.to_owned();
    let look_up = move || (host.as_str(), port).to_socket_addrs().map(Iterator::collect);
    let Some(remaining) = deadline.remaining() else {
        return look_up();
    };
    let (sender, receiver) = mpsc::sync_channel(1);
    thread::Builder::new().name("qmp name lookup".to_owned()).spawn(move || {
        // Nobody receives when the deadline has passed.
        let _ = sender.send(look_up());
    })?;
    match receiver.recv_timeout(remaining) {
        Ok(resolved) => resolved,
        Err(_) => Err(io::ErrorKind::TimedOut.into()),
    }
}

#[cfg(unix)]
mod local {
    use std::io;
    #[cfg(target_os = "linux")]
    use std::os::fd::OwnedFd;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    use socket2::{Domain, SockAddr, Type};

    use crate::long_path::{ShortPath, path_of};
    use crate::{Deadline, Socket};

    pub(super) fn unix(path: &[u8], deadline: Deadline) -> io::Result<Socket> {
        let short = ShortPath::to_connect(path_of(path))?;
        stream(&SockAddr::unix(&short)?, deadline)
    }

    pub(super) fn unix_at_once(path: &[u8]) -> io::Result<Socket> {
        let short = ShortPath::to_connect(path_of(path))?;
        stream_at_once(&SockAddr::unix(&short)?)
    }

    #[cfg(target_os = "linux")]
    pub(super) fn abstract_unix(name: &[u8], deadline: Deadline) -> io::Result<Socket> {
        stream(&crate::abstract_name::socket_address(name)?, deadline)
    }

    #[cfg(target_os = "linux")]
    pub(super) fn abstract_at_once(name: &[u8]) -> io::Result<Socket> {
        stream_at_once(&crate::abstract_name::socket_address(name)?)
    }

    /// Almost every queue has room, so this is tried first: setting a timeout and taking it back
    /// costs two system calls.
    fn stream(address: &SockAddr, deadline: Deadline) -> io::Result<Socket> {
        if deadline.expired() {
            return Err(io::ErrorKind::TimedOut.into());
        }
        match stream_at_once(address) {
            Err(error) if is_queue_full(&error) => stream_in_time(address, deadline),
            connected => {
                let socket = connected?;
                socket.set_nonblocking(false)?;
                Ok(socket)
            }
        }
    }

    fn stream_at_once(address: &SockAddr) -> io::Result<Socket> {
        #[cfg(target_os = "linux")]
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM.nonblocking(), None)?;
        #[cfg(not(target_os = "linux"))]
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        #[cfg(not(target_os = "linux"))]
        socket.set_nonblocking(true)?;
        socket.connect(address)?;
        Ok(UnixStream::from(socket).into())
    }

    /// Linux says the first, other systems may say the second.
    pub(super) fn is_queue_full(error: &io::Error) -> bool {
        let waits = [rustix::io::Errno::AGAIN, rustix::io::Errno::INPROGRESS];
        waits.iter().any(|errno| error.raw_os_error() == Some(errno.raw_os_error()))
    }

    /// A full queue of the server makes `connect` wait for as long as a write may wait: Linux takes
    /// the same option for both. Elsewhere a full queue refuses at once.
    fn stream_in_time(address: &SockAddr, deadline: Deadline) -> io::Result<Socket> {
        let socket = socket2::Socket::new(Domain::UNIX, Type::STREAM, None)?;
        loop {
            let timeout = deadline.remaining();
            if timeout == Some(Duration::ZERO) {
                return Err(io::ErrorKind::TimedOut.into());
            }
            // The option counts in microseconds and takes zero for "no timeout".
            let timeout = timeout.map(|timeout| timeout.max(Duration::from_millis(1)));
            socket.set_write_timeout(timeout)?;
            match socket.connect(address) {
                Ok(()) => break,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {}
                Err(error) => return Err(error),
            }
        }
        socket.set_write_timeout(None)?;
        Ok(UnixStream::from(socket).into())
    }

    #[cfg(target_os = "linux")]
    pub(super) fn vsock(cid: u32, port: u32, deadline: Deadline) -> io::Result<Socket> {
        let socket = socket2::Socket::new(Domain::VSOCK, Type::STREAM, None)?;
        let address = SockAddr::vsock(cid, port);
        match deadline.remaining() {
            None => socket.connect(&address)?,
            Some(remaining) => socket.connect_timeout(&address, remaining)?,
        }
        // Linux looks for an error before it looks whether the wait is over: a refusal in between
        // passes for a connection.
        if let Some(error) = socket.take_error()? {
            return Err(error);
        }
        Socket::try_from(OwnedFd::from(socket))
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests;

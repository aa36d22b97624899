//! The server's threads.

use std::io;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::thread::{self, JoinHandle};

use qmp_sockets::{Listener, Socket};
use rustix::event::{PollFd, PollFlags, poll};

use crate::connection::Connection;
use crate::shared::Shared;

/// Serves clients one at a time or concurrently, until the mock is dropped.
pub(crate) fn accept_clients(
    shared: &Arc<Shared>,
    listener: Listener,
) -> io::Result<JoinHandle<()>> {
    let (ours, theirs) = wake_pair()?;
    shared.lock().accepting = Some(theirs);
    let shared = Arc::clone(shared);
    thread::Builder::new().name("qmp-mock".to_owned()).spawn(move || {
        while !shared.lock().stopping {
            match listener.try_accept() {
                Ok(socket) => greet(&shared, socket),
                // The cause may be temporary, such as too many open files.
                Err(_) => wait(&listener, &ours),
            }
        }
    })
}

/// Serves a client in a thread of its own.
pub(crate) fn spawn(shared: &Arc<Shared>, socket: Socket) -> io::Result<()> {
    let served = Arc::clone(shared);
    let (ours, theirs) = wake_pair()?;
    // Before the thread starts, so that clients are numbered in the order of their connections.
    let Some(arrival) = shared.arrive(theirs) else {
        return Ok(());
    };
    let thread = thread::Builder::new().name(format!("qmp-mock-{}", arrival.client));
    thread.spawn(move || Connection::serve(&served, arrival, socket, ours))?;
    Ok(())
}

fn greet(shared: &Arc<Shared>, socket: Socket) {
    let served = match wake_pair() {
        _ if shared.setup.at_once => spawn(shared, socket),
        Ok((ours, theirs)) => {
            if let Some(arrival) = shared.arrive(theirs) {
                Connection::serve(shared, arrival, socket, ours);
            }
            Ok(())
        }
        Err(error) => Err(error),
    };
    if let Err(error) = served {
        shared.fault(format!("a client could not be served: {error}"));
    }
}

fn wait(listener: &Listener, wake: &UnixStream) {
    let interests = [PollFd::new(listener, PollFlags::IN), PollFd::new(wake, PollFlags::IN)];
    // The caller checks again, even if the call was interrupted.
    let _ = poll(&mut { interests }, None);
}

fn wake_pair() -> io::Result<(UnixStream, UnixStream)> {
    let (ours, theirs) = UnixStream::pair()?;
    ours.set_nonblocking(true)?;
    theirs.set_nonblocking(true)?;
    Ok((ours, theirs))
}

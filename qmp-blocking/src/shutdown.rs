//! Ending a connection from another thread.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use qmp_sockets::Socket;

/// Ends a connection from another thread, whatever its owner is waiting for.
///
/// A signal alone ends no wait: a program that is to stop on Ctrl-C calls
/// [`shutdown`](Self::shutdown) from the thread that handles its signals.
///
/// ```no_run
/// use qmp_blocking::Connection;
///
/// let mut qemu = Connection::connect("/run/vm.qmp")?;
/// let handle = qemu.shutdown_handle()?;
/// std::thread::spawn(move || {
///     std::thread::sleep(std::time::Duration::from_secs(60));
///     handle.shutdown();
/// });
/// while let Ok(event) = qemu.event().wait() {
///     println!("{}", event.name());
/// }
/// # Ok::<(), qmp_blocking::Error>(())
/// ```
#[derive(Clone, Debug)]
pub struct ShutdownHandle {
    socket: Arc<Socket>,
    closed: Arc<AtomicBool>,
}

impl ShutdownHandle {
    pub(crate) fn new(socket: Socket, closed: Arc<AtomicBool>) -> Self {
        Self { socket: Arc::new(socket), closed }
    }

    /// Ends the connection. Whoever waits on it gets an error that says it was closed on this
    /// side; commands without an answer have an unknown outcome.
    pub fn shutdown(&self) {
        self.closed.store(true, Ordering::Release);
        // It fails where the other end has closed already: that is as good.
        let _ = self.socket.shutdown(Shutdown::Both);
    }
}

//! Both ends of a connection.

use std::os::unix::net::UnixStream;
use std::thread::{self, JoinHandle};
use std::time::Duration;

use qmp_blocking::server::{Builder, ClientConnection};
use qmp_blocking::{Client, Socket};

/// More than anything takes, on a machine that is busy with something else.
pub(crate) const PLENTY: Duration = Duration::from_secs(60);

/// A server, and a client that does this in a thread of its own, once it is ready.
pub(crate) fn serve<T: Send + 'static>(
    server: &Builder,
    client: impl FnOnce(&Client) -> T + Send + 'static,
) -> (ClientConnection, JoinHandle<T>) {
    serve_raw(server, |socket| {
        let server = qmp_blocking::builder().connect_over(Socket::from(socket), "server").unwrap();
        let result = client(&server);
        server.close().unwrap();
        result
    })
}

/// A server, and a bare socket that is used in a thread of its own.
pub(crate) fn serve_raw<T: Send + 'static>(
    server: &Builder,
    client: impl FnOnce(UnixStream) -> T + Send + 'static,
) -> (ClientConnection, JoinHandle<T>) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let thread = thread::spawn(move || client(theirs));
    (server.serve_over(Socket::from(ours), "client").unwrap(), thread)
}

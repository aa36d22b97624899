//! Both ends of a connection.

use std::os::unix::net::UnixStream;
use std::time::Duration;

use qmp_tokio::server::{Builder, Commands};
use qmp_tokio::{Client, SocketTransport, Tokio, builder, server};

/// More than anything takes, on a machine that is busy with something else.
pub(crate) const PLENTY: Duration = Duration::from_secs(30);

/// A server, and the bare socket of its client.
pub(crate) fn serve(server: &Builder<Tokio>) -> (Commands, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let transport = SocketTransport::new(ours).unwrap();
    (server.over(transport, "client").unwrap(), theirs)
}

/// A server and a client of ours that has negotiated.
pub(crate) async fn pair() -> (Commands, Client) {
    pair_with(&server(), builder()).await
}

pub(crate) async fn pair_with(
    server: &Builder<Tokio>,
    client: qmp_tokio::Builder<Tokio>,
) -> (Commands, Client) {
    let (commands, socket) = serve(server);
    let client = client.over(SocketTransport::new(socket).unwrap(), "server").await.unwrap();
    (commands, client)
}

//! A monitor of the shell's own, so that the server's socket stays free for others.
//!
//! QEMU 11.1 has the object `monitor-qmp`. With the close action `delete` it removes the monitor and its
//! character device when the client leaves, however it leaves.

use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process;
use std::time::Duration;

use qmp_smol::{Builder, Client, Error, Smol, SocketTransport};
use serde_json::{Value, json};

/// How long each step may take. A server that is slower keeps its shared monitor.
const PATIENCE: Duration = Duration::from_secs(2);

/// Opens a private monitor on the server of a client. Returns `None` if the server has none, which
/// leaves nothing behind in it.
pub(super) async fn open(shared: &Client, number: u64, builder: Builder<Smol>) -> Option<Client> {
    if !has_monitors(shared).await {
        return None;
    }
    let (ours, theirs) = UnixStream::pair().ok()?;
    let id = format!("qmp-shell-{}-{number}", process::id());
    pass(shared, &id, theirs.into()).await.ok()?;
    let private = match add(shared, &id).await {
        Ok(()) => builder.connect_over(SocketTransport::new(ours).ok()?, &shared.peer()).await.ok(),
        Err(_) => None,
    };
    if private.is_none() {
        // The end of the connection would remove the monitor, but not a character device alone.
        let remove = shared.execute("chardev-remove").argument("id", &id);
        let _ = remove.timeout(PATIENCE).await;
    }
    private
}

async fn has_monitors(shared: &Client) -> bool {
    let types = shared.execute("qom-list-types").argument("implements", "monitor-qmp");
    match types.timeout(PATIENCE).await {
        Ok(reply) => reply.decode::<Vec<Value>>().is_ok_and(|types| !types.is_empty()),
        Err(_) => false,
    }
}

/// Passes the server its end of the connection.
async fn pass(shared: &Client, id: &str, end: OwnedFd) -> Result<(), Error> {
    let command = shared.execute("getfd").argument("fdname", id);
    command.descriptor(end).timeout(PATIENCE).await.map(drop)
}

async fn add(shared: &Client, id: &str) -> Result<(), Error> {
    let address = json!({"type": "fd", "data": {"str": id}});
    let socket = json!({"addr": address, "server": false});
    let backend = json!({"type": "socket", "data": socket});
    let device = shared.execute("chardev-add").argument("id", id).argument("backend", backend);
    if let Err(error) = device.timeout(PATIENCE).await {
        let _ = shared.execute("closefd").argument("fdname", id).timeout(PATIENCE).await;
        return Err(error);
    }
    let monitor = shared.execute("object-add").argument("qom-type", "monitor-qmp");
    let monitor = monitor.argument("id", id).argument("chardev", id);
    monitor.argument("close-action", "delete").timeout(PATIENCE).await.map(drop)
}

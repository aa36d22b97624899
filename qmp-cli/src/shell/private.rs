//! A monitor of the shell's own, so that the server's socket stays free for others.
//!
//! QEMU 11.1 has the object `monitor-qmp`. With the close action `delete` it removes the monitor and its
//! character device when the client leaves, however it leaves.
//! A program that is killed while it makes one may leave it unconnected; the next one removes it.

use std::os::unix::net::UnixStream;
use std::process;
use std::time::Duration;

use futures_lite::future::zip;
use qmp_smol::{Builder, Client, Error, Execute, Smol, SocketTransport};
use serde::Deserialize;
use serde_json::{Value, json};

/// How long each step may take. A server that is slower keeps its shared monitor.
const PATIENCE: Duration = Duration::from_secs(2);

/// What the ids of private monitors begin with. The process id and a number follow.
const PREFIX: &str = "qmp-shell-";

/// What the descriptor is called until it is used. Always the same, so that it replaces one that a
/// killed program has left.
const DESCRIPTOR: &str = "qmp-shell";

/// Opens a private monitor on the server of a client. Returns `None` if the server has none, which
/// leaves nothing behind in it.
pub(super) async fn open(shared: &Client, number: u64, builder: Builder<Smol>) -> Option<Client> {
    if !has_monitors(shared).await {
        return None;
    }
    remove_leftovers(shared).await;
    let (ours, theirs) = UnixStream::pair().ok()?;
    let id = format!("{PREFIX}{}-{number}", process::id());
    let private = match add(shared, &id, theirs).await {
        Ok(()) => builder.connect_over(SocketTransport::new(ours).ok()?, &shared.peer()).await.ok(),
        Err(_) => None,
    };
    if private.is_none() {
        // The end of the connection would remove the monitor, but not a character device alone.
        let _ = short(shared.execute("chardev-remove").argument("id", &id)).await;
        let _ = short(shared.execute("closefd").argument("fdname", DESCRIPTOR)).await;
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

/// Passes the server its end of the connection, and makes a monitor of it.
async fn add(shared: &Client, id: &str, end: UnixStream) -> Result<(), Error> {
    let pass = shared.execute("getfd").argument("fdname", DESCRIPTOR).descriptor(end);
    let address = json!({"type": "fd", "data": {"str": DESCRIPTOR}});
    let socket = json!({"addr": address, "server": false});
    let backend = json!({"type": "socket", "data": socket});
    let device = shared.execute("chardev-add").argument("id", id).argument("backend", backend);
    let monitor = shared.execute("object-add").argument("qom-type", "monitor-qmp");
    let monitor = monitor.argument("id", id).argument("chardev", id);
    let monitor = monitor.argument("close-action", "delete");
    // Sent together, so that there is hardly a moment in which a kill leaves a part of it.
    let ((passed, made), added) = zip(zip(short(pass), short(device)), short(monitor)).await;
    passed.and(made).and(added)
}

async fn short(command: Execute) -> Result<(), Error> {
    command.timeout(PATIENCE).await.map(drop)
}

/// Removes the monitors of programs that were killed before they were connected.
async fn remove_leftovers(shared: &Client) {
    #[derive(Deserialize)]
    struct Device {
        label: String,
        filename: String,
    }
    let Ok(reply) = shared.execute("query-chardev").timeout(PATIENCE).await else { return };
    let devices: Vec<Device> = reply.decode().unwrap_or_default();
    for Device { label: id, .. } in devices.iter().filter(|it| is_leftover(&it.label, &it.filename))
    {
        // Each may be all that is left.
        let _ = short(shared.execute("object-del").argument("id", id)).await;
        let _ = short(shared.execute("chardev-remove").argument("id", id)).await;
    }
}

/// Whether a character device is a private monitor's, and has lost its program.
fn is_leftover(id: &str, filename: &str) -> bool {
    let numbers = id.strip_prefix(PREFIX).and_then(|numbers| numbers.split_once('-'));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|it| it.is_ascii_digit());
    numbers.is_some_and(|(process, number)| is_number(process) && is_number(number))
        && filename.starts_with("disconnected:")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_private_monitors_without_a_program_are_left_over() {
        for (id, filename, expected) in [
            ("qmp-shell-12-1", "disconnected:fd", true),
            ("qmp-shell-12-1", "unix:", false),
            ("qmp-shell-12", "disconnected:fd", false),
            ("qmp-shell-12-", "disconnected:fd", false),
            ("qmp-shell-mine-1", "disconnected:fd", false),
            ("serial0", "disconnected:unix:/run/x", false),
        ] {
            assert_eq!(is_leftover(id, filename), expected, "{id} {filename}");
        }
    }
}

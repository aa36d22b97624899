//! Guests that have booted, saved, so that each test has one of its own within a second.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use qmp_tokio::{Client, CloseReason};
use serde_json::Value;
use tokio::sync::OnceCell;

use crate::guest::{BootFiles, connect_agent, start};
use crate::server::{PLENTY, Suite};

/// By version. The files have no names, so nothing of them is left when the tests end.
static STATES: Mutex<BTreeMap<String, Arc<OnceCell<File>>>> = Mutex::new(BTreeMap::new());

/// A file with the state of a guest whose agent is up and has no client.
pub(crate) async fn booted(suite: &Suite, version: &str, files: &BootFiles) -> PathBuf {
    let state = {
        let mut states = STATES.lock().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(states.entry(version.to_owned()).or_default())
    };
    path(state.get_or_init(|| boot(suite, version, files)).await)
}

/// A name for a file without one.
fn path(file: &File) -> PathBuf {
    format!("/proc/{}/fd/{}", std::process::id(), file.as_raw_fd()).into()
}

/// Waits until the machine is as it was when it was saved: stopped.
pub(crate) async fn restored(qemu: &Client) {
    until(qemu, "query-status", "paused").await;
}

async fn until(qemu: &Client, query: &str, wanted: &str) {
    let started = Instant::now();
    loop {
        let answer: Value = qemu.execute(query).await.unwrap().decode().unwrap();
        if answer["status"] == wanted {
            return;
        }
        assert!(answer["status"] != "failed" && started.elapsed() < PLENTY, "{query}: {answer}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

async fn boot(suite: &Suite, version: &str, files: &BootFiles) -> File {
    let mut server = start(suite, version, files, "");
    let qemu = server.connect(qmp_tokio::builder).await;
    let opened = port_change(&qemu, true);
    // Nobody has opened the port yet, and the sync waits in it.
    let agent = connect_agent(&server).await;
    opened.timeout(PLENTY).await.unwrap();
    agent.close().await.unwrap();

    let file = tempfile::tempfile().unwrap();
    qemu.execute("stop").await.unwrap();
    let limit = qemu.execute("migrate-set-parameters");
    limit.argument("max-bandwidth", &(1_u64 << 40)).await.unwrap();
    let uri = format!("exec:cat >{}", path(&file).display());
    qemu.execute("migrate").argument("uri", &uri).await.unwrap();
    until(&qemu, "query-migrate", "completed").await;
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    assert!(server.ended().success());
    file
}

/// The agent's port is opened, or closed, in the guest.
pub(crate) fn port_change(qemu: &Client, open: bool) -> qmp_tokio::EventWait<'static> {
    qemu.event().named("VSERPORT_CHANGE").member("id", "agent").member("open", open)
}

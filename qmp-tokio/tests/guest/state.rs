//! Guests that have booted, saved, so that each test has one of its own within a second.

use std::collections::BTreeMap;
use std::fs::File;
use std::os::fd::AsRawFd;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use qmp_tokio::types::events::VserportChange;
use qmp_tokio::types::{
    Migrate, MigrateSetParameters, MigrationParameters, MigrationStatus, QueryMigrate, QueryStatus,
    Quit, RunState, Stop,
};
use qmp_tokio::{Client, CloseReason, TypedEvent};
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
    until(async || qemu.call(&QueryStatus::new()).await.unwrap().status == RunState::Paused).await;
}

async fn until(holds: impl AsyncFn() -> bool) {
    let started = Instant::now();
    while !holds().await {
        assert!(started.elapsed() < PLENTY);
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
    qemu.call(&Stop::new()).await.unwrap();
    let limit = MigrationParameters::new().max_bandwidth(1 << 40);
    qemu.call(&MigrateSetParameters(limit)).await.unwrap();
    let uri = format!("exec:cat >{}", path(&file).display());
    qemu.call(&Migrate::new().uri(uri)).await.unwrap();
    until(async || {
        let migration = qemu.call(&QueryMigrate::new()).await.unwrap();
        assert_ne!(migration.status, Some(MigrationStatus::Failed), "{migration:?}");
        migration.status == Some(MigrationStatus::Completed)
    })
    .await;
    qemu.call(&Quit::new()).await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    assert!(server.ended().success());
    file
}

/// The agent's port is opened, or closed, in the guest.
pub(crate) fn port_change(qemu: &Client, open: bool) -> qmp_tokio::EventWait<'static> {
    qemu.event().named(VserportChange::NAME).member("id", "agent").member("open", open)
}

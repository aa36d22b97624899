//! Events.

use std::fs;
use std::time::Duration;

use qmp_driver::CloseReason;
use qmp_types::events::JobStatusChange;
use qmp_types::{JobDismiss, JobStatus, Quit};
use serde_json::json;

use crate::server::{PLENTY, Suite};
use crate::subject::{Execute, Subject};
use crate::{Adapter, Target};

/// A caller that sees the reply finds the events that the command has caused.
pub async fn events_arrive_before_the_reply<A: Adapter>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    let mut events = qemu.events(&["STOP", "RESUME"]);
    for _ in 0..50 {
        qemu.execute("cont").run().await.unwrap();
        assert_eq!(qemu.names(&mut events), ["RESUME"]);
        qemu.execute("stop").run().await.unwrap();
        let stop = qemu.event(&mut events, PLENTY).await.unwrap();
        assert_eq!(stop.name(), "STOP");
        assert!(stop.timestamp().is_some());
    }
    assert!(qemu.names(&mut events).is_empty());
    let never = qemu.event(&mut events, Duration::from_millis(20)).await;
    assert!(never.unwrap_err().is_timeout());
    qemu.execute("query-status").run().await.unwrap();
}

/// The storage daemon reports its jobs only by events.
pub async fn a_job_of_the_storage_daemon_is_followed<A: Adapter>(suite: &Suite) {
    let (mut server, daemon) = suite.storage_daemon(A::builder).await;
    let image = server.path("image");
    let mut events = daemon.events(&["JOB_STATUS_CHANGE"]);
    let options = json!({"driver": "file", "filename": image, "size": 1 << 20});
    let create = daemon.execute("blockdev-create").argument("job-id", "create");
    create.argument("options", &options).run().await.unwrap();
    loop {
        let event = daemon.event(&mut events, PLENTY).await.unwrap();
        let job: JobStatusChange = event.decode().unwrap();
        assert_eq!(job.id, "create");
        if job.status == JobStatus::Concluded {
            break;
        }
    }
    assert_eq!(fs::metadata(&image).unwrap().len(), 1 << 20);
    daemon.call(&JobDismiss::new("create")).await.unwrap();
    daemon.call(&Quit::new()).await.unwrap();
    assert!(matches!(daemon.closed().await, CloseReason::Closed));
    assert!(server.ended().success());
}

//! The storage daemon.

use std::fs;

use qmp_blocking::ErrorClass;
use serde_json::{Value, json};

use crate::server::{PLENTY, Suite, storage_daemon};

conformance::on_every_qemu!(it_is_no_emulator, a_job_is_followed_to_its_end);

fn it_is_no_emulator(suite: &Suite) {
    let (_server, daemon) = storage_daemon(suite, || qmp_blocking::builder().out_of_band());
    assert!(daemon.is_out_of_band());
    for command in ["query-status", "stop", "human-monitor-command", "getfd"] {
        let error = daemon.execute(command).run().unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::CommandNotFound), "{error}");
    }
    daemon
        .execute("blockdev-add")
        .arguments(
            json!({"driver": "null-co", "node-name": "n", "size": 1 << 20, "read-zeroes": true}),
        )
        .run()
        .unwrap();
    let nodes: Value = daemon.execute("query-named-block-nodes").run().unwrap().decode().unwrap();
    assert_eq!(nodes[0]["node-name"], "n");
    assert_eq!(nodes[0]["image"]["virtual-size"], 1 << 20);
    let delete = daemon.execute("blockdev-del").argument("node-name", "other").run();
    assert_eq!(delete.unwrap_err().class(), Some(ErrorClass::GenericError));
    daemon.execute("blockdev-del").argument("node-name", "n").run().unwrap();
}

fn a_job_is_followed_to_its_end(suite: &Suite) {
    let (server, daemon) = storage_daemon(suite, qmp_blocking::builder);
    let image = server.path("image");
    for round in 0..3 {
        let job = format!("create{round}");
        let options = json!({"driver": "file", "filename": image, "size": 1 << 20});
        let mut changes =
            daemon.events().named("JOB_STATUS_CHANGE").member("id", job.as_str()).subscribe();
        daemon
            .execute("blockdev-create")
            .argument("job-id", &job)
            .argument("options", &options)
            .run()
            .unwrap();
        let mut statuses = Vec::new();
        while statuses.last().is_none_or(|status| status != "concluded") {
            let event = changes.event().timeout(PLENTY).run().unwrap();
            let data: Value = event.decode().unwrap();
            statuses.push(data["status"].as_str().unwrap().to_owned());
        }
        assert_eq!(statuses, ["created", "running", "waiting", "pending", "concluded"]);
        assert_eq!(fs::metadata(&image).unwrap().len(), 1 << 20);
        let jobs: Value = daemon.execute("query-jobs").run().unwrap().decode().unwrap();
        assert_eq!(jobs[0]["status"], "concluded");
        assert!(jobs[0].get("error").is_none(), "{jobs}");
        let end = daemon.event().named("JOB_STATUS_CHANGE").member("status", "null");
        daemon.execute("job-dismiss").argument("id", &job).run().unwrap();
        end.timeout(PLENTY).run().unwrap();
        assert_eq!(changes.drain().len(), 1);
    }
}

//! Descriptions of our own for common mistakes, by the name on the wire or `type.member`.

pub(super) fn about(name: &str) -> Option<&'static str> {
    NOTES.iter().find(|(of, _)| *of == name).map(|(_, note)| *note)
}

/// All descriptions.
pub(super) const NOTES: &[(&str, &str)] = &[
    (
        "device_del",
        "The reply means that the guest was asked. The device is gone when \
         [`DeviceDeleted`](crate::events::DeviceDeleted) comes. A guest may refuse, or never \
         react; one without an operating system does not.",
    ),
    (
        "DEVICE_DELETED",
        "Comes for the children of a device, too, without `device`. Match the id or the whole \
         path.",
    ),
    (
        "blockdev-del",
        "Fails while a device or a job uses the node. After `device_del`, wait for \
         [`DeviceDeleted`](crate::events::DeviceDeleted).",
    ),
    ("blockdev-add", "The node on top needs a `node-name`."),
    (
        "migrate",
        "The reply means that the migration began. Its end is told by \
         [`Migration`](crate::events::Migration), which needs the capability `events`. \
         Without the capability `return-path`, the source reports success even if the \
         destination failed.",
    ),
    (
        "migrate-set-capabilities",
        "Set `events` before a migration, or it cannot be followed; and `return-path` for \
         sockets, or a failed destination goes unnoticed.",
    ),
    ("migrate_cancel", "Succeeds also if no migration runs."),
    ("query-migrate", "Before the first migration everything is absent, `status` too."),
    ("migrate-incoming", "Only for a QEMU that was started with `-incoming defer`."),
    (
        "query-jobs",
        "A job that was dismissed, by itself or by another client, is no longer listed: its \
         result is lost then.",
    ),
    (
        "job-cancel",
        "The reply means that the job was told. It ends with the status `concluded` or \
         `null`.",
    ),
    (
        "job-complete",
        "For a mirror this is the switch to the target. It fails until the job is `ready`.",
    ),
    ("job-dismiss", "Only for jobs with `auto-dismiss: false`, once they are `concluded`."),
    ("job-finalize", "Only for jobs with `auto-finalize: false`, once they are `pending`."),
    (
        "block-job-cancel",
        "Of a mirror that is ready: without `force`, it ends with success, and the copy is \
         kept. [`JobCancel`](crate::JobCancel) always cancels.",
    ),
    (
        "block-job-complete",
        "[`JobComplete`](crate::JobComplete) does the same for every kind of job.",
    ),
    ("block-job-dismiss", "[`JobDismiss`](crate::JobDismiss) does the same for every kind of job."),
    (
        "block-job-finalize",
        "[`JobFinalize`](crate::JobFinalize) does the same for every kind of job.",
    ),
    ("block-job-pause", "[`JobPause`](crate::JobPause) does the same for every kind of job."),
    ("block-job-resume", "[`JobResume`](crate::JobResume) does the same for every kind of job."),
    (
        "JOB_STATUS_CHANGE",
        "Carries no error. Keep the job with `auto-dismiss: false` and ask \
         [`QueryJobs`](crate::QueryJobs) when it is `concluded`.",
    ),
    ("BLOCK_JOB_COMPLETED", "Comes on failure, too: then `error` is there."),
    (
        "blockdev-mirror",
        "The job becomes ready and waits. [`JobComplete`](crate::JobComplete) switches to the target.",
    ),
    ("blockdev-backup", "The target must exist; `blockdev-create` makes it."),
    ("blockdev-create", "The reply means that a job began. It is not dismissed by itself."),
    (
        "transaction",
        "All actions are done, or none. Jobs that were started for an action that is undone \
         send `JOB_STATUS_CHANGE` and no `BLOCK_JOB` event.",
    ),
    ("blockdev-snapshot-sync", "If a transaction with it is undone, the file stays."),
    ("snapshot-save", "A job. Saving a tag that exists fails in the job, not in the reply."),
    ("snapshot-load", "A job. If it fails, the guest stays stopped, even if it ran before."),
    ("snapshot-delete", "A job. Deleting a tag that does not exist succeeds."),
    (
        "object-add",
        "QEMU 5.2 takes the object's properties beside `qom-type` and `id` as well as in \
         `props`; later versions only beside.",
    ),
    (
        "system_powerdown",
        "Asks the guest, which may ignore it. [`Shutdown`](crate::events::Shutdown) tells \
         that it shut down.",
    ),
    ("quit", "The connection ends, sometimes before the reply is read."),
    ("stop", "The reply comes after [`Stop`](crate::events::Stop)."),
    ("query-status", "`running` says whether processors run; `status` says why not."),
    (
        "human-monitor-command",
        "Its text is for people and changes between versions. Errors come as text, with \
         success.",
    ),
    (
        "screendump",
        "The file is written by QEMU, on its host. QEMU 5.2 writes PPM only, without \
         `format`.",
    ),
    ("send-key", "The reply comes before the keys are released; wait for `hold-time` between two."),
    (
        "getfd",
        "The descriptor goes beside the command, over a unix socket. Another command takes it \
         by its name.",
    ),
    (
        "add-fd",
        "The descriptor goes beside the command, over a unix socket. From QEMU 10.0 on, an \
         unused set stays when its client leaves.",
    ),
    ("qmp_capabilities", "The client sends it by itself."),
    ("query-qmp-schema", "Large, about 250 kB. The types have numbers instead of names."),
    ("query-commands", "Differs between builds of one version."),
    ("query-balloon", "Fails without a balloon device."),
    ("nbd-server-stop", "Removes all exports, with their clients."),
    (
        "block-export-del",
        "With `mode` `safe`, the default, it fails while clients are connected. \
         [`BlockExportDeleted`](crate::events::BlockExportDeleted) tells when it is gone.",
    ),
    (
        "ringbuf-read",
        "Plain text, with what is not UTF-8 replaced, unless `format` is `base64`. \
         [`RingbufReadBytes`](crate::RingbufReadBytes) returns the bytes.",
    ),
    (
        "ringbuf-write",
        "`data` is plain text unless `format` is `base64`. [`bytes`](crate::RingbufWrite::bytes) \
         writes bytes.",
    ),
    (
        "guest-exec",
        "The reply means that the program was started. [`GuestExecStatus`] returns how it \
         ended. `env` replaces the whole environment.",
    ),
    (
        "guest-exec-status",
        "Once `exited` is true, the agent forgets the process: asking again fails.",
    ),
    (
        "guest-fsfreeze-freeze",
        "Returns how many file systems were frozen; 0 means none. They stay frozen when the \
         client leaves. Until they are thawed, most commands are refused.",
    ),
    ("guest-fsfreeze-thaw", "Also thaws what others froze. Succeeds if nothing is frozen."),
    ("guest-file-read", "At most 48 MB at once; `eof` may come together with data."),
    ("guest-file-open", "The handle lives as long as the agent's process: close it."),
    ("guest-file-write", "May write less than it was given: see `count`."),
    ("guest-shutdown", "The outcome is told by QEMU's [`Shutdown`](crate::events::Shutdown)."),
    ("guest-sync", "The client sends it by itself."),
    ("guest-sync-delimited", "The client sends it by itself."),
    ("VSERPORT_CHANGE", "At most one a second. Tells when an agent opens or closes its port."),
    ("BALLOON_CHANGE", "At most one a second."),
    ("RTC_CHANGE", "At most one a second."),
    ("WATCHDOG", "At most one a second."),
    ("QUORUM_REPORT_BAD", "At most one a second."),
    ("QUORUM_FAILURE", "At most one a second."),
    ("MEMORY_DEVICE_SIZE_CHANGE", "At most one a second for each device."),
    ("BLOCK_IO_ERROR", "From QEMU 10.0 on, at most one a second for each device."),
    ("SHUTDOWN", "`reason` tells who asked. QEMU may stay, with `-no-shutdown`."),
];

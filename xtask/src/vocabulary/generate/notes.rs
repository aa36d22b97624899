//! Descriptions of our own for common mistakes, by the name on the wire or `type.member`.

pub(super) fn about(name: &str) -> Option<&'static str> {
    NOTES.iter().find(|(of, _)| *of == name).map(|(_, note)| *note)
}

/// All descriptions.
pub(super) const NOTES: &[(&str, &str)] = &[
    (
        "device_del",
        "The reply means that the guest was asked to release the device. The device is removed \
         when [`DeviceDeleted`](crate::events::DeviceDeleted) arrives. A guest may refuse or \
         never respond; a machine without a running operating system never responds.",
    ),
    (
        "DEVICE_DELETED",
        "Is also sent for children of a device, then without `device`. Compare the id or the \
         complete path.",
    ),
    (
        "blockdev-del",
        "Fails while a device or a job uses the node. After `device_del`, wait for \
         [`DeviceDeleted`](crate::events::DeviceDeleted).",
    ),
    ("blockdev-add", "The topmost node requires a `node-name`."),
    (
        "migrate",
        "The reply means that the migration has started. Its end is reported by \
         [`Migration`](crate::events::Migration), which requires the capability `events`. Without \
         the capability `return-path`, the source reports success even if the destination failed.",
    ),
    (
        "migrate-set-capabilities",
        "Set `events` before a migration to be notified of its progress. Set `return-path` on \
         sockets to be notified if the destination fails.",
    ),
    ("migrate_cancel", "Succeeds even if no migration is running."),
    ("query-migrate", "Before the first migration all members are absent, including `status`."),
    ("migrate-incoming", "Requires that QEMU was started with `-incoming defer`."),
    (
        "query-jobs",
        "A dismissed job is no longer listed and its result is lost, whether it was dismissed \
         automatically or by another client.",
    ),
    (
        "job-cancel",
        "The reply means that the job was asked to stop. It has ended when its status is \
         `concluded` or `null`.",
    ),
    (
        "job-complete",
        "For a mirror job, this switches to the target. Fails until the job is `ready`.",
    ),
    ("job-dismiss", "Requires a job with `auto-dismiss: false` that is `concluded`."),
    ("job-finalize", "Requires a job with `auto-finalize: false` that is `pending`."),
    (
        "block-job-cancel",
        "Ends a mirror job that is ready with success and keeps the copy, unless `force` is set. \
         [`JobCancel`](crate::JobCancel) always cancels.",
    ),
    (
        "block-job-complete",
        "[`JobComplete`](crate::JobComplete) does the same for all kinds of jobs.",
    ),
    ("block-job-dismiss", "[`JobDismiss`](crate::JobDismiss) does the same for all kinds of jobs."),
    (
        "block-job-finalize",
        "[`JobFinalize`](crate::JobFinalize) does the same for all kinds of jobs.",
    ),
    ("block-job-pause", "[`JobPause`](crate::JobPause) does the same for all kinds of jobs."),
    ("block-job-resume", "[`JobResume`](crate::JobResume) does the same for all kinds of jobs."),
    (
        "JOB_STATUS_CHANGE",
        "Does not contain an error. To read the error, start the job with `auto-dismiss: false` \
         and call [`QueryJobs`](crate::QueryJobs) when it is `concluded`.",
    ),
    ("BLOCK_JOB_COMPLETED", "Is also sent on failure, then with `error`."),
    (
        "blockdev-mirror",
        "The job becomes ready and then waits. [`JobComplete`](crate::JobComplete) switches to \
         the target.",
    ),
    ("blockdev-backup", "The target must exist. `blockdev-create` creates it."),
    (
        "blockdev-create",
        "The reply means that a job has started. The job is not dismissed automatically.",
    ),
    (
        "transaction",
        "Either all actions are performed or none. Jobs of an action that is undone send \
         `JOB_STATUS_CHANGE`, but no `BLOCK_JOB` event.",
    ),
    (
        "blockdev-snapshot-sync",
        "The file remains if a transaction that contains this action is undone.",
    ),
    ("snapshot-save", "Starts a job. An existing tag is an error of the job, not of the command."),
    (
        "snapshot-load",
        "Starts a job. If the job fails, the guest stays stopped, even if it was running before.",
    ),
    ("snapshot-delete", "Starts a job. Deleting a tag that does not exist succeeds."),
    (
        "object-add",
        "QEMU 5.2 accepts the properties of the object both next to `qom-type` and `id` and in \
         `props`; later versions accept them only next to `qom-type` and `id`.",
    ),
    (
        "system_powerdown",
        "Asks the guest to shut down, which it may ignore. [`Shutdown`](crate::events::Shutdown) \
         reports that it has shut down.",
    ),
    ("quit", "The connection is closed, sometimes before the reply is received."),
    ("stop", "The reply arrives after [`Stop`](crate::events::Stop)."),
    (
        "query-status",
        "`running` is true while the processors run; `status` contains the reason if they do not.",
    ),
    (
        "human-monitor-command",
        "The output is meant for people and changes between versions. Errors are returned as \
         output of a successful command.",
    ),
    (
        "screendump",
        "QEMU writes the file on its own host. QEMU 5.2 has no `format` and writes PPM.",
    ),
    (
        "send-key",
        "The reply arrives before the keys are released. Wait for `hold-time` before sending the \
         next keys.",
    ),
    (
        "getfd",
        "Send the file descriptor together with this command, over a unix socket. Other commands \
         refer to it by its name.",
    ),
    (
        "add-fd",
        "Send the file descriptor together with this command, over a unix socket. Since QEMU \
         10.0, an unused set remains after its client has disconnected.",
    ),
    ("qmp_capabilities", "The client sends this command itself."),
    (
        "query-qmp-schema",
        "The reply is large, about 250 kB. Its types have numbers instead of names.",
    ),
    ("query-commands", "The reply differs between builds of the same version."),
    ("query-balloon", "Fails without a balloon device."),
    ("nbd-server-stop", "Removes all exports and disconnects their clients."),
    (
        "block-export-del",
        "Fails while clients are connected if `mode` is `safe`, which is the default. \
         [`BlockExportDeleted`](crate::events::BlockExportDeleted) reports that the export is \
         removed.",
    ),
    (
        "ringbuf-read",
        "The reply is plain text, in which bytes that are not UTF-8 are replaced, unless `format` \
         is `base64`. [`RingbufReadBytes`](crate::RingbufReadBytes) returns the bytes.",
    ),
    (
        "ringbuf-write",
        "`data` is plain text unless `format` is `base64`. Use \
         [`bytes`](crate::RingbufWrite::bytes) to write bytes.",
    ),
    (
        "guest-exec",
        "The reply means that the program was started. [`GuestExecStatus`] returns its result. \
         `env` replaces the entire environment.",
    ),
    (
        "guest-exec-status",
        "After a reply in which `exited` is true, the process is forgotten and the command fails.",
    ),
    (
        "guest-fsfreeze-freeze",
        "Returns the number of frozen file systems, which may be 0. They stay frozen when the \
         client disconnects. The agent refuses most commands until they are thawed.",
    ),
    (
        "guest-fsfreeze-thaw",
        "Also thaws file systems that other clients have frozen. Succeeds if none is frozen.",
    ),
    ("guest-file-read", "Returns at most 48 MB. `eof` may be set in a reply that contains data."),
    ("guest-file-open", "The handle stays open until it is closed or the agent exits."),
    ("guest-file-write", "May write only part of the data: see `count`."),
    ("guest-shutdown", "The result is reported by QEMU's [`Shutdown`](crate::events::Shutdown)."),
    ("guest-sync", "The client sends this command itself."),
    ("guest-sync-delimited", "The client sends this command itself."),
    ("VSERPORT_CHANGE", "Is sent when an agent opens or closes its port, at most once per second."),
    ("BALLOON_CHANGE", "Is sent at most once per second."),
    ("RTC_CHANGE", "Is sent at most once per second."),
    ("WATCHDOG", "Is sent at most once per second."),
    ("QUORUM_REPORT_BAD", "Is sent at most once per second."),
    ("QUORUM_FAILURE", "Is sent at most once per second."),
    ("MEMORY_DEVICE_SIZE_CHANGE", "Is sent at most once per second and device."),
    ("BLOCK_IO_ERROR", "Since QEMU 10.0, is sent at most once per second and device."),
    (
        "SHUTDOWN",
        "`reason` contains the cause. QEMU keeps running if it was started with `-no-shutdown`.",
    ),
];

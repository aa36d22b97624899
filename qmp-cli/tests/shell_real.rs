//! The shell on real servers: completion of what they have, and its private monitor.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;
mod terminal;

use conformance::ready;
use conformance::server::{Server, Suite, wait_until};
use rustix::process::Signal;

use cli::{program, run};
use terminal::{CTRL_C, Options, TAB, Terminal};

conformance::on_every_qemu!(
    what_the_server_has_is_completed,
    completion_does_not_wait_for_a_stopped_server,
    a_private_monitor_leaves_the_socket_free_and_nothing_behind,
    what_killed_shells_have_left_is_removed_by_the_next,
);

/// Starts QEMU with something to complete, and returns it when it answers.
fn qemu(suite: &Suite) -> (Server, String) {
    let null = |name| format!("driver=null-co,node-name={name},size=1048576");
    let (disk, mirror, exported) = (null("disk0"), null("mirror7"), null("shared7"));
    let mut server = suite.qemu_with(&[
        "-qmp",
        "unix:{}/qmp,server=on,wait=off",
        "-M",
        "pc",
        "-blockdev",
        &disk,
        "-blockdev",
        &mirror,
        "-blockdev",
        &exported,
        "-drive",
        "if=none,id=drive7,format=raw,file=null-co://",
        "-object",
        "iothread,id=thread7",
        "-device",
        "virtio-net-pci,id=net0",
        "-object",
        "memory-backend-ram,id=ram7,size=1M",
        "-chardev",
        "null,id=null7",
    ]);
    drop(ready(server.connect(qmp_blocking::builder)));
    let target = server.address().to_string();
    (server, target)
}

/// Removes the line that was written.
fn clear(shell: &mut Terminal) {
    shell.press(CTRL_C);
    shell.wait_until("an empty line", |it| it.line().0.trim_end().ends_with('>'));
}

/// Makes a bitmap, a job and an export.
fn prepare(target: &str) {
    let socket = tempfile::tempdir().unwrap();
    let path = format!("addr.data.path={}", socket.path().join("nbd").display());
    for words in [
        &["block-dirty-bitmap-add", "node=disk0", "name=map7"][..],
        &["blockdev-mirror", "job-id=job7", "device=disk0", "target=mirror7", "sync=full"],
        &["nbd-server-start", "addr.type=unix", &path],
        &["block-export-add", "type=nbd", "id=export7", "node-name=shared7"],
    ] {
        let made = run(target, words);
        assert_eq!(made.code, 0, "{made:?}");
    }
}

fn what_the_server_has_is_completed(suite: &Suite) {
    let (_server, target) = qemu(suite);
    prepare(&target);
    let mut shell = Terminal::at(&target, Options::default());
    let prompt = shell.line().0.trim_end().to_owned();
    // Descriptors belong to the connection that passed them.
    shell.enter("add-fd fdset-id=77 --fd /dev/null");
    shell.wait_for("\"fdset-id\"");
    for (start, line) in [
        ("query-statu", "query-status"),
        ("job-pause id=j", "job-pause id=job7"),
        ("block-job-cancel device=j", "block-job-cancel device=job7"),
        ("block-export-del id=e", "block-export-del id=export7"),
        (
            "block-dirty-bitmap-remove node=disk0 name=m",
            "block-dirty-bitmap-remove node=disk0 name=map7",
        ),
        ("eject device=dr", "eject device=drive7"),
        ("remove-fd fdset-id=", "remove-fd fdset-id=77"),
        (
            "device_add driver=virtio-scsi-pci iothread=",
            "device_add driver=virtio-scsi-pci iothread=thread7",
        ),
        ("transaction( blockdev-backup target=mi", "transaction( blockdev-backup target=mirror7"),
        ("device_del id=n", "device_del id=net0"),
        ("blockdev-del node-name=d", "blockdev-del node-name=disk0"),
        ("object-del id=ram", "object-del id=ram7"),
        ("chardev-remove id=nu", "chardev-remove id=null7"),
        ("device_add driver=virtio-net-pci-n", "device_add driver=virtio-net-pci-non-transitional"),
        ("device_add driver=virtio-net-pci mq_", ""),
        ("device_add driver=virtio-net-pci ctrl_vq", "device_add driver=virtio-net-pci ctrl_vq="),
        ("blockdev-add driver=null-co node-name=dis", ""),
        ("!info vers", "!info version"),
        (":events DEVICE_DEL", ":events DEVICE_DELETED"),
        ("transaction( abor", "transaction( abort"),
    ] {
        shell.press(&format!("{start}{TAB}"));
        if line.is_empty() {
            shell.wait_for_line(&format!("{prompt} {start}"));
        } else {
            shell.wait_for_line(&format!("{prompt} {line}"));
        }
        clear(&mut shell);
    }
    // Several candidates are listed, each with a word about it.
    shell.press(&format!("object-del id={TAB}"));
    shell.wait_for("id=ram7  memory-backend-ram");
    shell.wait_for_line(&format!("{prompt} object-del id="));
    clear(&mut shell);
    assert_eq!(shell.leave(), 0);
}

fn completion_does_not_wait_for_a_stopped_server(suite: &Suite) {
    let (server, target) = qemu(suite);
    let mut shell = Terminal::at(&target, Options::default());
    let prompt = shell.line().0.trim_end().to_owned();
    server.signal(Signal::STOP);
    // Without the server, no id is known, but the members are.
    shell.press(&format!("device_del id={TAB}x"));
    shell.wait_for_line(&format!("{prompt} device_del id=x"));
    clear(&mut shell);
    shell.press(&format!("device_del i{TAB}"));
    shell.wait_for_line(&format!("{prompt} device_del id="));
    clear(&mut shell);
    server.signal(Signal::CONT);
    assert_eq!(shell.leave(), 0);
}

fn a_private_monitor_leaves_the_socket_free_and_nothing_behind(suite: &Suite) {
    let (_server, target) = qemu(suite);
    let others = |arguments: &[&str]| run(&target, arguments).stdout;
    let has_private = !others(&["qom-list-types", "implements=monitor-qmp"]).starts_with("[]");
    assert_eq!(has_private, suite.is_newest());
    let before = |what: &str| others(&[what, "-q", "map(.label) | sort"]);
    let chardevs = before("query-chardev");
    let mut shell = Terminal::at(&target, Options::default());
    let monitor = if has_private { "on a private monitor" } else { "on the shared monitor" };
    assert!(shell.screen().contains(monitor), "{}", shell.screen());
    shell.enter("query-name");
    shell.wait_for("\n{}\n");
    if has_private {
        // The socket is free, and events reach the shell.
        assert_eq!(run(&target, &["cont"]).code, 0);
        assert_eq!(run(&target, &["stop"]).code, 0);
        shell.wait_for(" STOP");
        assert_ne!(before("query-chardev"), chardevs);
        // Reconnecting makes another private monitor.
        shell.enter(":reconnect");
        shell.wait_for("connected again");
        assert_eq!(run(&target, &["query-status"]).code, 0);
    }
    shell.kill();
    wait_until("nothing is left", || before("query-chardev") == chardevs);
    if has_private {
        assert!(!others(&["qom-list", "path=/objects"]).contains("qmp-shell"));
    }
    let options = Options { arguments: &["--no-private"], ..Options::default() };
    let shell = Terminal::at(&target, options);
    assert!(shell.screen().contains("on the shared monitor"), "{}", shell.screen());
    let busy = program().args([&target, "query-name", "--timeout", "300ms"]).output().unwrap();
    assert_eq!(busy.status.code(), Some(3));
    assert_eq!(shell.leave(), 0);
}

/// The ids of all character devices and objects.
fn devices_and_objects(target: &str) -> String {
    let ids = |arguments: &[&str]| run(target, arguments).stdout;
    let devices = ids(&["query-chardev", "-q", "map(.label) | sort"]);
    devices + &ids(&["qom-list", "path=/objects", "-q", "map(.name) | sort"])
}

fn what_killed_shells_have_left_is_removed_by_the_next(suite: &Suite) {
    let (_server, target) = qemu(suite);
    let before = devices_and_objects(&target);
    if suite.is_newest() {
        // What is left if the program is killed before the server has made its monitor.
        let device = ["backend.type=socket", "backend.data.addr.type=unix"];
        let device = [&device[..], &["backend.data.addr.data.path=/nowhere/socket"]].concat();
        let options = ["backend.data.server=false", "backend.data.reconnect-ms=600000"];
        for words in [
            [&["chardev-add", "id=qmp-shell-1-1"][..], &device, &options].concat(),
            [&["chardev-add", "id=qmp-shell-1-2"][..], &device, &options].concat(),
            vec!["object-add", "qom-type=monitor-qmp", "id=qmp-shell-1-2", "chardev=qmp-shell-1-2"],
        ] {
            let made = run(&target, &words);
            assert_eq!(made.code, 0, "{made:?}");
        }
        assert_ne!(devices_and_objects(&target), before);
    }
    // Killed at different moments.
    for moment in 0..12 {
        let mut program = program();
        program.arg(&target);
        let mut shell = Terminal::start(program, Options::default());
        std::thread::sleep(std::time::Duration::from_millis(3 * moment));
        shell.kill();
    }
    assert_eq!(Terminal::at(&target, Options::default()).leave(), 0);
    wait_until("nothing is left", || devices_and_objects(&target) == before);
}

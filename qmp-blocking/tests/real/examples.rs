//! The examples do what they say they do.

use std::process::{Child, Command, Output, Stdio};

use conformance::tls::Authority;

use crate::server::{Clients, Server, Suite, folder, notice, wait_until};

conformance::on_every_qemu!(
    one_command_is_run,
    events_are_watched_to_the_end,
    many_are_watched_in_one_thread,
    a_job_is_followed_to_its_end,
    a_program_is_run_in_a_guest,
    the_core_alone_serves_two_monitors,
    tasks_of_tokio_watch_many,
    a_timeout_is_followed_by_a_question,
    many_are_started_and_driven_by_one_task,
    a_device_is_unplugged_or_not,
    monitors_are_used_over_tls,
);

fn example(name: &str, arguments: &[&str]) -> Command {
    let package = match name {
        "poll_loop" => "qmp-proto",
        "watch" | "hundred" | "tls" => "qmp-tokio",
        "timeout" | "unplug" | "tls_smol" => "qmp-smol",
        _ => "qmp-blocking",
    };
    let mut command = Command::new(conformance::example(package, name));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

fn run(name: &str, arguments: &[&str]) -> (String, String, Option<i32>) {
    output(example(name, arguments).output().unwrap())
}

fn finish(child: Child) -> (String, String, Option<i32>) {
    output(child.wait_with_output().unwrap())
}

fn output(output: Output) -> (String, String, Option<i32>) {
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (text(output.stdout), text(output.stderr), output.status.code())
}

/// QEMU with two monitors: the second is for whoever makes things happen.
fn two_monitors(suite: &Suite) -> (Server, String, String) {
    let mut server = suite.qemu_with(&[
        "-qmp",
        "unix:{}/qmp,server=on,wait=off",
        "-qmp",
        "unix:{}/other,server=on,wait=off",
    ]);
    drop(server.stream());
    let other = server.folder().name("other");
    wait_until("the other socket is there", || std::path::Path::new(&other).exists());
    let watched = format!("unix:{}", server.folder().name("qmp"));
    (server, watched, format!("unix:{other}"))
}

/// Waits until an example has connected, which then has the only place there is.
fn served(address: &str) {
    wait_until("the example has connected", || {
        let probe = qmp_blocking::builder()
            .handshake_timeout(std::time::Duration::from_millis(50))
            .connect(address);
        probe.is_err_and(|error| error.is_timeout())
    });
}

fn one_command_is_run(suite: &Suite) {
    let (_server, qemu, _) = two_monitors(suite);
    let (printed, _, code) = run("query", &[&qemu, "query-status"]);
    assert!(printed.contains("\"status\": \"prelaunch\""), "{printed}");
    assert_eq!(code, Some(0));
    let (_, errors, code) = run("query", &[&qemu, "device_del", r#"{"id": "nobody"}"#]);
    assert!(errors.starts_with("query: device_del: DeviceNotFound: "), "{errors}");
    assert_eq!(code, Some(1));
    let (_, errors, _) = run("query", &["/nowhere/at/all", "query-status"]);
    assert!(errors.contains("cannot connect to unix:/nowhere/at/all"), "{errors}");
    assert_eq!(run("query", &[]).2, Some(2));
}

fn events_are_watched_to_the_end(suite: &Suite) {
    let (_server, qemu, other) = two_monitors(suite);
    let watching = example("events", &[&qemu]).spawn().unwrap();
    served(&qemu);
    assert_eq!(run("query", &[&other, "cont"]).2, Some(0));
    assert_eq!(run("query", &[&other, "quit"]).2, Some(0));
    let (printed, errors, code) = finish(watching);
    let lines: Vec<&str> = printed.lines().collect();
    assert_eq!(lines.len(), 2, "{printed}{errors}");
    assert!(lines[0].ends_with(" RESUME"), "{printed}");
    assert!(lines[1].ends_with(" SHUTDOWN by the host: host-qmp-quit"), "{printed}");
    assert_eq!(code, Some(0));
}

fn many_are_watched_in_one_thread(suite: &Suite) {
    let machines: Vec<_> = (0..3).map(|_| two_monitors(suite)).collect();
    let watched: Vec<&str> = machines.iter().map(|(_, watched, _)| watched.as_str()).collect();
    let watching = example("many", &watched).spawn().unwrap();
    watched.iter().for_each(|address| served(address));
    for (_, _, other) in &machines {
        run("query", &[other, "cont"]);
    }
    for (_, _, other) in &machines {
        run("query", &[other, "quit"]);
    }
    let (printed, errors, code) = finish(watching);
    for address in watched {
        for event in ["RESUME", "SHUTDOWN"] {
            let line = format!("{address}: {event}");
            assert!(printed.lines().any(|it| it == line), "{line}: {printed}{errors}");
        }
    }
    assert_eq!(code, Some(0));
}

fn a_job_is_followed_to_its_end(suite: &Suite) {
    let (server, qemu, _) = two_monitors(suite);
    let file = server.folder().name("disk.raw");
    let (printed, errors, code) = run("job", &[&qemu, &file, "1048576"]);
    assert!(printed.starts_with("created\n") && printed.ends_with("concluded\n"), "{printed}");
    assert_eq!((errors.as_str(), code), ("", Some(0)));
    assert_eq!(std::fs::metadata(&file).unwrap().len(), 1 << 20);
    let (_, errors, code) = run("job", &[&qemu, "/nowhere/at/all", "1048576"]);
    assert!(errors.contains("No such file or directory"), "{errors}");
    assert_eq!(code, Some(1));
}

fn a_program_is_run_in_a_guest(suite: &Suite) {
    let mut agent = suite.agent(&[]);
    drop(agent.agent_client());
    let address = agent.address().to_string();
    let script = "echo out; echo err >&2; exit 3";
    let ran = run("guest_exec", &[&address, "/bin/sh", "-c", script]);
    assert_eq!(ran, ("out\n".to_owned(), "err\n".to_owned(), Some(3)));
    let (_, errors, code) = run("guest_exec", &[&address, "/nowhere/at/all"]);
    assert!(errors.contains("guest-exec: GenericError"), "{errors}");
    assert_eq!(code, Some(1));
}

fn the_core_alone_serves_two_monitors(suite: &Suite) {
    let machines = [two_monitors(suite), two_monitors(suite)];
    let path = |address: &str| address.strip_prefix("unix:").unwrap().to_owned();
    let paths = [path(&machines[0].1), path(&machines[1].1)];
    let watching = example("poll_loop", &[&paths[0], &paths[1]]).spawn().unwrap();
    machines.iter().for_each(|(_, watched, _)| served(watched));
    for (_, _, other) in &machines {
        run("query", &[other, "cont"]);
        run("query", &[other, "quit"]);
    }
    let (printed, errors, code) = finish(watching);
    for path in paths {
        for line in ["QEMU ", "status: {", "event RESUME", "event SHUTDOWN"] {
            let line = format!("{path}: {line}");
            assert!(printed.lines().any(|it| it.starts_with(&line)), "{line}: {printed}{errors}");
        }
    }
    assert_eq!(code, Some(0));
}

fn tasks_of_tokio_watch_many(suite: &Suite) {
    let machines = [two_monitors(suite), two_monitors(suite)];
    let watched = [machines[0].1.as_str(), machines[1].1.as_str()];
    let watching = example("watch", &watched).spawn().unwrap();
    watched.iter().for_each(|address| served(address));
    for (_, _, other) in &machines {
        run("query", &[other, "cont"]);
        run("query", &[other, "quit"]);
    }
    let (printed, errors, code) = finish(watching);
    for address in watched {
        for line in ["prelaunch", "RESUME", "SHUTDOWN", "the server closed the connection"] {
            let line = format!("{address}: {line}");
            assert!(printed.lines().any(|it| it == line), "{line}: {printed}{errors}");
        }
    }
    assert_eq!(code, Some(0));
}

fn a_timeout_is_followed_by_a_question(suite: &Suite) {
    let (_server, qemu, _) = two_monitors(suite);
    let (printed, errors, code) = run("timeout", &[&qemu]);
    // Even no time at all may be enough, on a machine that is busy with something else.
    if printed != "it was done in time\n" {
        assert!(printed.starts_with("cont: no answer in "), "{printed}{errors}");
        assert!(printed.contains("its outcome is unknown\nit was "), "{printed}{errors}");
    }
    assert_eq!(code, Some(0));
    assert!(run("query", &[&qemu, "query-status"]).0.contains("\"running\""));
}

fn many_are_started_and_driven_by_one_task(suite: &Suite) {
    let qemu = suite.program("qemu-system-x86_64");
    let count = if suite.version() == "11.1" { "100" } else { "10" };
    let (printed, errors, code) = run("hundred", &[qemu.get_program().to_str().unwrap(), count]);
    assert_eq!((errors.as_str(), code), ("", Some(0)), "{printed}");
    for line in ["RESUME: ", "STOP: ", "SHUTDOWN: "].map(|name| format!("{name}{count}")) {
        assert!(printed.lines().any(|it| it == line), "{line}: {printed}");
    }
    assert!(printed.ends_with(&format!("\n{count} ended in good order\n")), "{printed}");
    let (_, errors, code) = run("hundred", &["/no/such/qemu", "3"]);
    assert!(errors.starts_with("hundred: cannot start qemu: "), "{errors}");
    assert_eq!(code, Some(1));
}

/// There is no guest to let a device go, but some do not wait for one.
fn a_device_is_unplugged_or_not(suite: &Suite) {
    let mut command = suite.program("qemu-system-x86_64");
    let folder = folder();
    command.args(["-nodefaults", "-display", "none", "-S", "-accel", "tcg", "-M", "q35"]);
    command.args(["-device", "qemu-xhci,id=usb", "-device", "usb-tablet,id=at-once"]);
    command.args(["-device", "pcie-root-port,id=slot1", "-device", "virtio-rng-pci,id=fixed"]);
    command.args(["-device", "virtio-rng-pci,id=by-the-guest,bus=slot1"]);
    command.args(["-qmp", &format!("unix:{},server=on,wait=off", folder.name("qmp"))]);
    let mut server = Server::start(command, folder);
    drop(server.client());
    let qemu = server.address().to_string();
    let ran = run("unplug", &[&qemu, "at-once", "30"]);
    assert_eq!(ran, ("at-once is out\n".to_owned(), String::new(), Some(0)));
    let (printed, errors, code) = run("unplug", &[&qemu, "by-the-guest", "0"]);
    assert!(printed.starts_with("by-the-guest is still there: "), "{printed}{errors}");
    assert_eq!(code, Some(1));
    for (device, said) in [("fixed", "GenericError"), ("nobody", "DeviceNotFound")] {
        let (_, errors, code) = run("unplug", &[&qemu, device, "30"]);
        assert!(errors.starts_with(&format!("unplug: device_del: {said}: ")), "{errors}");
        assert_eq!(code, Some(1));
    }
}

fn monitors_are_used_over_tls(suite: &Suite) {
    if suite.major() < 10 {
        return notice(&format!(
            "not run: the examples of TLS on QEMU {}, which reads one byte of a record only",
            suite.version()
        ));
    }
    let (authority, stranger) = (Authority::new("ours"), folder());
    Authority::new("theirs").write_own(stranger.path());
    let folder = folder();
    authority.write_server(folder.path());
    authority.write_client(folder.path());
    let name = |name: &str| folder.name(name);
    let (trusted, own) = (name("ca-cert.pem"), [name("client-cert.pem"), name("client-key.pem")]);
    let mut server = suite.qemu_in(
        folder,
        &[
            "-qmp",
            "unix:{}/qmp,server=on,wait=off",
            "-object",
            "tls-creds-x509,id=tls,endpoint=server,dir={},verify-peer=yes",
            "-chardev",
            "socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,tls-creds=tls",
            "-mon",
            "chardev=c,mode=control",
        ],
    );
    let chardevs = server.client().execute("query-chardev").run().unwrap();
    let chardevs = chardevs.json().unwrap().to_string();
    let (_, address) = chardevs.split_once("disconnected:tcp:127.0.0.1:").unwrap();
    let address = format!("localhost:{}", address.split_once(',').unwrap().0);
    for example in ["tls", "tls_smol"] {
        let (printed, errors, code) = run(example, &[&address, &trusted, &own[0], &own[1]]);
        assert_eq!((errors.as_str(), code), ("", Some(0)), "{printed}");
        assert!(printed.starts_with(&format!("QEMU {}.", suite.version())), "{printed}");
        assert!(printed.ends_with("\n\"prelaunch\"\n"), "{printed}");
        let (_, errors, _) = run(example, &[&address, &stranger.name("ca-cert.pem")]);
        assert!(errors.contains("UnknownIssuer"), "{errors}");
        let (_, errors, _) = run(example, &[&address, &trusted]);
        assert!(errors.contains("over TLS"), "{errors}");
    }
}

//! Programs that we start ourselves.

use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use qmp_blocking::{Client, ErrorClass, ErrorKind, Launch, Outcome, Process};
use rustix::process::{Pid, Signal, kill_process, test_kill_process};
use serde_json::Value;

use crate::server::{LIGHT, PLENTY, Suite, folder, names};

conformance::on_every_qemu!(
    a_launched_qemu_answers_and_quits,
    a_launched_qemu_is_used_out_of_band,
    a_bad_option_is_quoted_at_once,
    what_fails_after_the_greeting_is_quoted_too,
    a_launched_storage_daemon_answers_and_quits,
    a_bad_option_of_the_storage_daemon_is_quoted_at_once,
    a_launched_qemu_that_is_killed_later_is_disconnected,
    a_dropped_process_is_killed,
    a_detached_process_outlives_its_connection,
);

fn qemu(suite: &Suite) -> Launch {
    let program = suite.program("qemu-system-x86_64");
    Launch::qemu(program.get_program()).args(LIGHT.split(' '))
}

fn storage_daemon(suite: &Suite) -> Launch {
    Launch::storage_daemon(suite.program("qemu-storage-daemon").get_program())
}

fn launch(launch: Launch) -> (Client, Process) {
    qmp_blocking::builder().handshake_timeout(PLENTY).launch(launch).unwrap()
}

fn pid_of(process: &Process) -> Pid {
    Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap()
}

fn a_launched_qemu_answers_and_quits(suite: &Suite) {
    let (qemu, mut process) = launch(qemu(suite).args(["-name", "launched"]));
    let name: Value = qemu.execute("query-name").run().unwrap().decode().unwrap();
    assert_eq!(name["name"], "launched");
    assert_eq!(*qemu.peer(), format!("qemu-system-x86_64, pid {}", process.id()));
    assert_eq!(process.try_wait().unwrap(), None);
    qemu.execute("quit").run().unwrap();
    assert!(process.wait().unwrap().success());
    assert_eq!(process.stderr_tail(), "", "it has nothing against how its monitor is asked for");
}

fn a_launched_qemu_is_used_out_of_band(suite: &Suite) {
    let builder = qmp_blocking::builder().out_of_band().handshake_timeout(PLENTY);
    let (qemu, _process) = builder.launch(qemu(suite)).unwrap();
    assert!(qemu.is_out_of_band());
    let mut events = qemu.events().subscribe();
    qemu.execute("cont").run().unwrap();
    assert_eq!(names(events.drain()), ["RESUME"]);
}

fn a_bad_option_is_quoted_at_once(suite: &Suite) {
    let started = Instant::now();
    let launch = qemu(suite).arg("-no-such-option");
    let error = qmp_blocking::builder().handshake_timeout(PLENTY).launch(launch).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert_eq!(
        error.to_string(),
        "qemu-system-x86_64 ended with exit status 1: qemu-system-x86_64: -no-such-option: \
         invalid option"
    );
    assert!(error.is_disconnected());
    assert_eq!(error.outcome(), Outcome::NotSent);
}

/// The monitor greets in a thread of its own, maybe before the machine is made.
fn what_fails_after_the_greeting_is_quoted_too(suite: &Suite) {
    let file = "driver=file,node-name=n,filename=/no/such/image";
    for (option, value) in [("-device", "no-such-device"), ("-blockdev", file)] {
        for _ in 0..5 {
            let builder = qmp_blocking::builder().out_of_band().handshake_timeout(PLENTY);
            let error = builder.launch(qemu(suite).args([option, value])).unwrap_err();
            let ErrorKind::ProcessExited(died) = error.kind() else { panic!("{error:#?}") };
            let (program, status) = (died.program.as_str(), died.status.code());
            assert_eq!((program, status), ("qemu-system-x86_64", Some(1)));
            assert!(died.stderr.contains(option), "{died}");
        }
    }
}

fn a_launched_storage_daemon_answers_and_quits(suite: &Suite) {
    let node = "driver=null-co,node-name=n,size=1048576,read-zeroes=on";
    let (daemon, mut process) = launch(storage_daemon(suite).args(["--blockdev", node]));
    let error = daemon.execute("query-status").run().unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound), "{error}");
    let nodes: Value = daemon.execute("query-named-block-nodes").run().unwrap().decode().unwrap();
    assert_eq!(nodes[0]["node-name"], "n");
    daemon.execute("quit").run().unwrap();
    assert!(process.wait().unwrap().success());
}

fn a_bad_option_of_the_storage_daemon_is_quoted_at_once(suite: &Suite) {
    let started = Instant::now();
    let launch = storage_daemon(suite).args(["--export", "no-such-type"]);
    let error = qmp_blocking::builder().handshake_timeout(PLENTY).launch(launch).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let text = error.to_string();
    assert!(text.starts_with("qemu-storage-daemon ended with exit status 1: "), "{text}");
    assert!(text.contains("no-such-type"), "{text}");
}

fn a_launched_qemu_that_is_killed_later_is_disconnected(suite: &Suite) {
    let (qemu, mut process) = launch(qemu(suite));
    kill_process(pid_of(&process), Signal::STOP).unwrap();
    let sent = qemu.execute("query-status").send().unwrap();
    process.kill().unwrap();
    let error = sent.recv().unwrap_err();
    assert!(error.is_disconnected(), "{error}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(process.wait().unwrap().signal(), Some(9));
}

fn a_dropped_process_is_killed(suite: &Suite) {
    let (qemu, process) = launch(qemu(suite));
    let pid = pid_of(&process);
    drop(process);
    assert!(test_kill_process(pid).is_err());
    let error = qemu.execute("query-status").run().unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

fn a_detached_process_outlives_its_connection(suite: &Suite) {
    let folder = folder();
    let second = format!("unix:{},server=on,wait=off", folder.name("qmp"));
    let (first, process) = launch(qemu(suite).args(["-qmp", &second]));
    process.detach();
    drop(first);
    let builder = qmp_blocking::builder().handshake_timeout(PLENTY);
    let qemu = builder.connect(folder.file("qmp").as_path()).unwrap();
    qemu.execute("quit").run().unwrap();
}

use std::io::{Read, Write};
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, WaitOptions, kill_process, test_kill_process, waitpid};

use super::*;
use crate::Deadline;

const PLENTY: Duration = Duration::from_secs(30);

fn shell(script: &str) -> Launch {
    Launch::new("/bin/sh".as_ref(), &["-c", script])
}

fn pid_of(process: &Process) -> Pid {
    Pid::from_raw(i32::try_from(process.id()).unwrap()).unwrap()
}

#[test]
fn the_monitor_is_the_standard_input_both_ways() {
    let launched = shell(r#"read line; echo "got $line" >&0"#).spawn().unwrap();
    let Launched { mut socket, mut process } = launched;
    socket.write_all(b"question\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "got question\n");
    assert!(process.wait().unwrap().success());
    assert_eq!(process.name(), "sh");
    assert_eq!(process.to_string(), format!("sh, pid {}", process.id()));
}

#[test]
fn arguments_environment_and_folder_reach_the_program_behind_those_of_the_monitor() {
    let launch = Launch::qemu("/bin/echo").arg("-S").args(["-m", "16"]);
    let arguments: Vec<_> = launch.command.get_args().collect();
    let monitor = ["-chardev", "socket,id=qmp-stdin,fd=0", "-qmp", "chardev:qmp-stdin"];
    assert_eq!(arguments[..4], monitor);
    assert_eq!(arguments[4..], ["-S", "-m", "16"]);
    assert_eq!(format!("{launch:?}"), "Launch { program: \"/bin/echo\", .. }");

    let launch = shell(r#"echo "$1 $WORD $PWD" >&0"#).args(["$0", "one"]).configure(|command| {
        command.env("WORD", "two").current_dir("/");
    });
    let mut said = String::new();
    launch.spawn().unwrap().socket.read_to_string(&mut said).unwrap();
    assert_eq!(said, "one two /\n");
}

#[test]
fn a_program_that_dies_is_quoted() {
    let script = "echo 'sh: -foo: invalid option' >&2; exit 3";
    let Launched { mut socket, mut process } = shell(script).spawn().unwrap();
    assert_eq!(socket.read(&mut [0]).unwrap(), 0);
    let died = process.exit_report().unwrap();
    assert_eq!(died.to_string(), "sh ended with exit status 3: sh: -foo: invalid option");
    assert_eq!(died.status.code(), Some(3));
}

#[test]
fn a_program_is_quoted_without_secrets_and_what_a_terminal_obeys() {
    let script = r"printf '\033[2J-object secret,id=s,data=hunter2: bad\nforged\n' >&2; exit 3";
    let Launched { mut process, .. } = shell(script).spawn().unwrap();
    let died = process.exit_report().unwrap();
    let text = r"sh ended with exit status 3: \u{1b}[2J-object secret,id=s,data=••••\nforged";
    assert_eq!(died.to_string(), text);
    assert!(!format!("{died:#?}").contains("hunter2"));
}

#[test]
fn a_program_that_is_killed_without_a_word_is_not_quoted() {
    let Launched { mut process, .. } = shell("kill -KILL $$").spawn().unwrap();
    assert_eq!(process.exit_report().unwrap().to_string(), "sh ended with signal 9 (SIGKILL)");
}

#[test]
fn a_program_that_closes_the_connection_and_goes_on_has_not_died() {
    let script = "exec <&-; while :; do sleep 1; done";
    let Launched { mut socket, mut process } = shell(script).spawn().unwrap();
    assert_eq!(socket.read(&mut [0]).unwrap(), 0);
    assert!(process.exit_report().is_none());
}

#[test]
fn a_program_that_is_not_there_is_named() {
    let error = Launch::qemu("/no/such/qemu-system-z80").spawn().unwrap_err();
    assert_eq!(error.program, "qemu-system-z80");
    let text = error.to_string();
    assert!(text.starts_with("cannot start qemu-system-z80: No such file or directory"), "{text}");
}

#[test]
fn it_can_talk_more_than_a_pipe_holds_without_waiting() {
    let script = "i=0; while [ $i -lt 3000 ]; do
        echo \"$i and eighty bytes more, so that a pipe would be full long before the end\" >&2
        i=$((i + 1)); done";
    let Launched { mut process, .. } = shell(script).spawn().unwrap();
    let status = process.wait_until(Deadline::after(PLENTY)).unwrap();
    assert!(status.unwrap().success());
    let tail = process.stderr_tail();
    assert_eq!(tail.lines().count(), 64);
    assert!(tail.starts_with("2936 and") && tail.ends_with("before the end"), "{tail}");
}

#[test]
#[cfg(target_os = "linux")]
fn what_it_says_takes_no_more_memory_however_much_it_is() {
    let script = "head -c 100000000 /dev/zero | tr '\\0' x >&2; echo >&2; echo end >&2; read line";
    let Launched { socket, mut process } = shell(script).spawn().unwrap();
    // The data is kept neither in a file nor in memory.
    let stderr = std::fs::read_link(format!("/proc/{}/fd/2", process.id())).unwrap();
    assert!(stderr.to_string_lossy().starts_with("pipe:"), "{stderr:?}");
    let before = resident();
    let started = Instant::now();
    while process.stderr_tail() != "end" {
        assert!(started.elapsed() < PLENTY, "{}", process.stderr_tail().len());
        std::thread::sleep(Duration::from_millis(20));
    }
    let grown = resident().saturating_sub(before);
    assert!(grown < 50_000_000, "{grown} bytes more");
    drop(socket);
    process.wait().unwrap();
}

/// Returns the resident memory of this process in bytes.
#[cfg(target_os = "linux")]
fn resident() -> usize {
    let pages = std::fs::read_to_string("/proc/self/statm").unwrap();
    pages.split(' ').nth(1).unwrap().parse::<usize>().unwrap() * 4096
}

#[test]
fn a_program_that_waits_behind_a_child_with_its_standard_error_is_quoted_at_once() {
    let script = "sleep 5 & echo 'no such option' >&2; exit 1";
    let Launched { mut process, .. } = shell(script).spawn().unwrap();
    let started = Instant::now();
    assert_eq!(
        process.exit_report().unwrap().to_string(),
        "sh ended with exit status 1: no such option"
    );
    assert!(started.elapsed() < Duration::from_secs(3));
}

#[test]
fn the_standard_error_can_go_elsewhere() {
    let file = tempfile::tempfile().unwrap();
    let launch = shell("echo word >&2").stderr(file.try_clone().unwrap());
    let Launched { mut process, .. } = launch.spawn().unwrap();
    process.wait().unwrap();
    assert_eq!(process.stderr_tail(), "");
    assert_eq!(file.metadata().unwrap().len(), 5);
}

#[test]
fn a_wait_ends_with_its_deadline_or_the_program() {
    let Launched { mut process, .. } = shell("while :; do sleep 1; done").spawn().unwrap();
    let started = Instant::now();
    let deadline = Deadline::after(Duration::from_millis(50));
    assert_eq!(process.wait_until(deadline).unwrap(), None);
    assert!(started.elapsed() >= Duration::from_millis(50));
    process.kill().unwrap();
    let status = process.wait_until(Deadline::after(PLENTY)).unwrap().unwrap();
    assert_eq!(status.signal(), Some(9));
    assert_eq!(process.wait_until(Deadline::NEVER).unwrap(), Some(status));
    process.kill().unwrap();
}

#[test]
fn a_dropped_program_is_killed_and_waited_for() {
    let Launched { mut socket, process } = shell("read line").spawn().unwrap();
    let pid = pid_of(&process);
    test_kill_process(pid).unwrap();
    drop(process);
    assert!(test_kill_process(pid).is_err());
    assert_eq!(socket.read(&mut [0]).unwrap(), 0);
}

#[test]
fn a_detached_program_lives_on() {
    let Launched { mut socket, process } = shell("read line; echo alive >&0").spawn().unwrap();
    let pid = pid_of(&process);
    process.detach();
    socket.write_all(b"\n").unwrap();
    let mut answer = String::new();
    socket.read_to_string(&mut answer).unwrap();
    assert_eq!(answer, "alive\n");
    // The process may have exited, but remains a zombie until this.
    kill_process(pid, Signal::KILL).unwrap();
    waitpid(Some(pid), WaitOptions::empty()).unwrap().unwrap();
}

//! The shell on a terminal.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;
mod terminal;

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::thread;
use std::time::{Duration, Instant};

use qmp_mock::{ErrorClass, Mock};
use serde_json::json;

use terminal::{CTRL_C, CTRL_D, ENTER, Options, RIGHT, Terminal, UP};

#[test]
fn commands_are_those_of_the_command_line() {
    let mock = Mock::monitor();
    mock.on("device_del").return_error(ErrorClass::DeviceNotFound, "Device 'x' not found");
    mock.on("balloon").return_empty();
    let mut shell = Terminal::on(&mock);
    assert!(shell.screen().starts_with("QEMU "), "{}", shell.screen());
    shell.enter("query-status -q .status -r");
    shell.wait_for("\nrunning\n");
    shell.enter("balloon value=1G");
    shell.wait_for("\n{}\n");
    shell.enter("device_del id=x");
    shell.wait_for("device_del: DeviceNotFound: Device 'x' not found (unix:");
    shell.enter(r#"{"execute": "query-name", "id": 7}"#);
    shell.wait_for(r#"{"return": {}, "id": 7}"#);
    shell.enter("balloon value=much");
    shell.wait_for("balloon: value takes an integer");
    shell.enter("balloon value='1");
    shell.wait_for("a quote is not closed");
    shell.enter("balloon value=2G --dry-run");
    shell.wait_for(r#"{"execute": "balloon", "arguments": {"value": 2147483648}}"#);
    shell.enter("query-staus");
    shell.wait_for("is query-status meant?");
    shell.enter(":quit");
    assert_eq!(shell.code(), 0);
    assert_eq!(
        mock.wait_for("balloon").decode::<serde_json::Value>().unwrap(),
        json!({"value": 1 << 30})
    );
}

#[test]
fn events_come_above_the_line_that_is_written() {
    let mock = Mock::monitor();
    let mut shell = Terminal::on(&mock);
    let prompt = shell.line().0;
    let mut typed = prompt.trim_end().to_owned() + " ";
    for (number, key) in "query-named-block-nodes".chars().enumerate() {
        mock.event("DEVICE_DELETED", json!({"device": format!("net{number}")}));
        shell.press(&key.to_string());
        typed.push(key);
        shell.wait_for_line(&typed);
        shell.wait_for(&format!("DEVICE_DELETED device=net{number}\n"));
    }
    shell.wait_for_line(&typed);
    let screen = shell.screen();
    let lines: Vec<_> = screen.lines().filter(|line| line.contains("DEVICE_DELETED")).collect();
    assert_eq!(lines.len(), 23, "{screen}");
    for (number, line) in lines.iter().enumerate() {
        assert!(line.ends_with(&format!(" DEVICE_DELETED device=net{number}")), "{line}");
    }
    // Nothing was lost of the line.
    shell.press(ENTER);
    mock.wait_for("query-named-block-nodes");
    assert_eq!(shell.leave(), 0);
}

#[test]
fn events_of_a_command_come_before_its_reply() {
    let mock = Mock::monitor();
    mock.on("stop").event("STOP", json!({})).answer(json!({"is": "the reply"}));
    let mut shell = Terminal::with(&mock, Options { rows: 120, ..Options::default() });
    for _ in 0..20 {
        shell.enter("stop");
    }
    shell.wait_until("20 replies", |it| it.screen().matches("the reply").count() == 20);
    let screen = shell.screen();
    let lines = screen.lines().filter(|line| line.ends_with(" STOP") || line.contains("the reply"));
    for (number, line) in lines.enumerate() {
        assert_eq!(line.ends_with(" STOP"), number % 2 == 0, "{screen}");
    }
    shell.enter(":events off");
    shell.enter("stop");
    shell.wait_until("a reply", |it| it.screen().matches("the reply").count() == 21);
    assert_eq!(shell.screen().matches(" STOP").count(), 20);
    shell.enter(":events STOP");
    shell.enter(":json on");
    shell.enter("stop");
    shell.wait_for("\"event\": \"STOP\"");
    shell.enter("wait STOP -q .event -r -- stop");
    shell.wait_for("\nSTOP\n");
    shell.enter("wait STOP --timeout 50ms");
    shell.wait_for("wait STOP: no such event in this time");
    assert_eq!(shell.leave(), 0);
}

#[test]
fn a_burst_of_events_leaves_the_line_usable() {
    let mock = Mock::monitor();
    let mut shell = Terminal::with(&mock, Options { columns: 60, ..Options::default() });
    let start = Instant::now();
    let mut sent = 0_u64;
    let line = "query-status -q .status";
    for (number, key) in line.chars().enumerate() {
        shell.press(&key.to_string());
        while start.elapsed() < Duration::from_millis(100) * (u32::try_from(number).unwrap() + 1) {
            for _ in 0..6 {
                mock.event("JOB_STATUS_CHANGE", json!({"id": "j", "status": "running"}));
            }
            sent += 6;
            thread::sleep(Duration::from_millis(1));
        }
    }
    let rate = sent as f64 / start.elapsed().as_secs_f64();
    assert!(rate > 1000.0, "{rate:.0} events a second");
    let count = |terminal: &Terminal| -> u64 {
        let raw = terminal.raw();
        let lines = raw.split('\n').filter(|line| line.contains("JOB_STATUS_CHANGE id=j")).count();
        let counted = raw.split("… ").skip(1).map(|rest| {
            let digits = rest.split(' ').next().unwrap_or_default().replace(',', "");
            digits.parse::<u64>().unwrap_or_default()
        });
        lines as u64 + counted.sum::<u64>()
    };
    shell.wait_until("all events", |terminal| count(terminal) == sent);
    shell.wait_until("the line", |it| it.line().0.trim_end().ends_with(line));
    let lines = shell.raw().matches("JOB_STATUS_CHANGE id=j").count();
    let seconds = start.elapsed().as_secs() + 2;
    assert!(lines as u64 <= 200 * seconds, "{lines} lines in {seconds} s");
    shell.press(ENTER);
    shell.wait_for("\"running\"");
    assert_eq!(shell.leave(), 0);
}

#[test]
fn ctrl_c_says_what_state_it_leaves() {
    let mock = Mock::monitor();
    let gate = mock.gate();
    mock.on("savevm-slow").hold(&gate).answer(json!({"late": true}));
    let mut shell = Terminal::on(&mock);
    // It clears the line.
    shell.press("query-na");
    shell.wait_until("the text", |it| it.line().0.ends_with("query-na"));
    shell.press(CTRL_C);
    shell.wait_until("an empty line", |it| it.line().0.trim_end().ends_with('>'));
    shell.enter("savevm-slow");
    mock.wait_for("savevm-slow");
    shell.press(CTRL_C);
    shell.wait_for("savevm-slow: sent, no reply yet: the command may still run");
    shell.enter("query-status -q .status");
    gate.open();
    shell.wait_for("savevm-slow, the late reply: {\"late\":true}");
    shell.enter("wait STOP");
    thread::sleep(Duration::from_millis(200));
    shell.press(CTRL_C);
    shell.wait_for("wait STOP: interrupted");
    assert_eq!(shell.leave(), 0);
}

#[test]
fn a_lost_connection_is_told_at_once_and_made_again() {
    let mock = Mock::monitor();
    let mut shell = Terminal::on(&mock);
    shell.press("query-na");
    mock.hang_up();
    shell.wait_for("is lost: the server closed the connection; it is made again");
    shell.wait_for("connected again to unix:");
    shell.wait_until("the line", |it| it.line().0.trim_end().ends_with("query-na"));
    shell.enter("me");
    mock.wait_for("query-name");
    shell.enter(":reconnect");
    shell.wait_until("it", |it| it.screen().matches("connected again").count() == 2);
    let path = mock.path().to_owned();
    drop(mock);
    shell.wait_until("a loss", |it| it.screen().matches("is lost").count() == 2);
    shell.press(ENTER);
    shell.wait_until("the prompt", |it| it.line().0.trim_end().ends_with(" (gone)>"));
    shell.enter("query-name");
    shell.wait_for("not connected: ");
    assert!(shell.screen().contains(&format!("unix:{}", path.display())), "{}", shell.screen());
    assert_eq!(shell.leave(), 0);
}

#[test]
fn transactions_and_the_human_monitor_have_their_prompts() {
    let mock = Mock::monitor();
    mock.on("query-target").optional().answer(json!({"arch": "x86_64"}));
    mock.on("quit").return_empty();
    mock.on("human-monitor-command")
        .with(json!({"command-line": "info version"}))
        .times(2)
        .answer("11.1.3\r\n");
    let actions = json!([{"type": "abort", "data": {}}, {"type": "abort", "data": {}}]);
    mock.on("transaction")
        .with(json!({"actions": actions}))
        .return_error(ErrorClass::GenericError, "no");
    let mut shell =
        Terminal::with(&mock, Options { arguments: &["--no-private"], ..Options::default() });
    shell.enter("!info version");
    shell.wait_for("\n11.1.3\n");
    shell.enter(":hmp");
    shell.wait_for_line("(hmp) ");
    shell.enter("info version");
    shell.wait_until("the version", |it| it.screen().matches("\n11.1.3\n").count() == 2);
    shell.press(CTRL_D);
    shell.enter("transaction(");
    shell.wait_for_line("trans> ");
    shell.enter("abort");
    shell.enter("abort");
    shell.enter("abort x");
    shell.wait_for("action 3: abort: x: write KEY=TEXT");
    shell.enter(")");
    shell.wait_for("transaction: GenericError: no");
    shell.wait_for("the actions are kept");
    shell.wait_for_line("trans> ");
    shell.press(CTRL_C);
    shell.wait_for("the transaction was dropped; nothing was sent");
    shell.enter("quit");
    shell.wait_for("quit ends the virtual machine; again to confirm");
    assert!(mock.received().iter().all(|it| it.name() != "quit"));
    shell.enter("quit");
    mock.wait_for("quit");
    shell.enter(":quit");
    assert_eq!(shell.code(), 0);
    mock.verify();
}

#[test]
fn the_history_is_private_and_has_no_secrets() {
    let mock = Mock::monitor();
    mock.on("set_password").return_error(ErrorClass::GenericError, "wrong");
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("log");
    let log = log.display().to_string();
    let options = Options { arguments: &["--log", &log], ..Options::default() };
    let mut shell = Terminal::with(&mock, options);
    shell.enter("query-name");
    shell.enter(" query-uuid");
    shell.enter(":wire on");
    let before = shell.raw().len();
    shell.enter("set_password protocol=vnc password=hunter2");
    shell.wait_for("set_password: GenericError: wrong");
    shell.enter("!set_password vnc hunter2");
    shell.enter(r#"{"execute": "set_password", "arguments": {"password": "hunter2"}}"#);
    shell.enter("query-status");
    shell.wait_for("\"running\"");
    // Up skips what is not kept.
    shell.press(&UP.repeat(3));
    shell.wait_until("the first line", |it| it.line().0.trim_end().ends_with("> query-name"));
    shell.press(CTRL_C);
    let shown = shell.raw()[before..].to_owned();
    let messages =
        shown.lines().filter(|line| line.contains("\"execute\"") && line.contains(" > "));
    assert!(messages.clone().count() >= 3, "{shown}");
    assert!(messages.clone().all(|line| !line.contains("hunter2")), "{shown}");
    let file = shell.home.path().join("qmp/history");
    let text = fs::read_to_string(&file).unwrap();
    assert_eq!(text, "query-name\n:wire on\nquery-status\n");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(shell.leave(), 0);
    let log = fs::read_to_string(folder.path().join("log")).unwrap();
    assert!(log.contains("set_password") && !log.contains("hunter2"), "{log}");
}

#[test]
fn a_shell_that_cannot_connect_leaves_the_history_alone() {
    let state = tempfile::tempdir().unwrap();
    let folder = state.path().join("qmp");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("history"), "query-name\n").unwrap();
    let mut program = cli::program();
    program.args(["unix:/nowhere/qmp"]);
    let mut shell = Terminal::start_in(program, Options::default(), state);
    assert_eq!(shell.code(), 3);
    shell.wait_for("cannot connect to unix:/nowhere/qmp");
    assert_eq!(fs::read_to_string(folder.join("history")).unwrap(), "query-name\n");
}

#[test]
fn a_paste_in_one_chunk_is_executed_line_by_line() {
    let mock = Mock::monitor();
    let mut shell = Terminal::on(&mock);
    let lines: String = (0..30).map(|number| format!("x-paste-{number} k=täxt\r")).collect();
    shell.press(&lines);
    mock.wait_for("x-paste-29");
    let names: Vec<_> = mock.received().iter().map(|it| it.name().to_owned()).collect();
    let expected: Vec<_> = (0..30).map(|number| format!("x-paste-{number}")).collect();
    assert!(names.ends_with(&expected), "{names:?}");
    // The same as a bracketed paste.
    shell.press("\u{1b}[200~x-bracket-1\nx-bracket-2\u{1b}[201~\r");
    mock.wait_for("x-bracket-2");
    assert!(mock.received().iter().any(|it| it.name() == "x-bracket-1"));
    assert_eq!(shell.leave(), 0);
}

#[test]
fn narrow_and_resized_terminals_keep_the_line() {
    let mock = Mock::monitor();
    let options = Options { columns: 20, rows: 30, ..Options::default() };
    let mut shell = Terminal::with(&mock, options);
    shell.press("blockdev-add driver=null-co node-name=d0");
    mock.event("STOP", json!({}));
    shell.wait_for(" STOP");
    shell.wait_until("the end", |it| it.line().0.trim_end().ends_with("d0"));
    shell.resize(70, 30);
    shell.press(" size=1M");
    mock.event("RESUME", json!({}));
    shell.wait_for(" RESUME");
    shell.wait_until("the end", |it| it.line().0.trim_end().ends_with("size=1M"));
    shell.press(ENTER);
    let command = mock.wait_for("blockdev-add");
    let arguments: serde_json::Value = command.decode().unwrap();
    assert_eq!(arguments, json!({"driver": "null-co", "node-name": "d0", "size": 1 << 20}));
    assert_eq!(shell.leave(), 0);
}

#[test]
fn a_dumb_terminal_gets_plain_lines() {
    let mock = Mock::monitor();
    let mut shell = Terminal::with(&mock, Options { term: "dumb", ..Options::default() });
    shell.press("query-status -q .status\n");
    shell.wait_for("\"running\"");
    mock.event("STOP", json!({}));
    shell.wait_for(" STOP");
    shell.press("query-name\n");
    shell.wait_for("{}");
    assert!(!shell.raw().contains('\u{1b}'), "{:?}", shell.raw());
    shell.press(CTRL_D);
    assert_eq!(shell.code(), 0);
}

#[test]
fn sequences_of_the_server_are_not_obeyed() {
    let mock = Mock::monitor();
    mock.on("query-x").answer("\u{1b}[2J");
    mock.on("query-y").return_error(ErrorClass::GenericError, "\u{1b}[2J");
    mock.on("human-monitor-command").answer("\u{1b}[2J\r\n");
    let mut shell = Terminal::on(&mock);
    for line in ["query-x", "query-x -r", "query-y", "!x"] {
        shell.enter(line);
    }
    mock.event("X", json!({"a": "\u{1b}[2J", "b": "\u{9b}2J"}));
    shell.wait_for("b=\"");
    assert!(
        !shell.raw().contains("\u{1b}[2J") && !shell.raw().contains('\u{9b}'),
        "{:?}",
        shell.raw()
    );
    assert_eq!(shell.leave(), 0);
}

#[test]
fn an_agent_has_a_shell_without_events() {
    let agent = Mock::agent();
    let options = Options { arguments: &["--agent"], ..Options::default() };
    let mut shell = Terminal::with(&agent, options);
    shell.wait_for("guest agent");
    shell.enter("guest-ping");
    shell.wait_for("{}");
    shell.enter(":hmp");
    shell.wait_for("a guest agent has no human monitor");
    assert_eq!(shell.leave(), 0);
}

#[test]
fn required_arguments_are_hinted_and_do_not_become_part_of_the_line() {
    let mock = Mock::monitor();
    mock.on("device_del").return_empty();
    let options = Options { has_colors: true, ..Options::default() };
    let mut shell = Terminal::with(&mock, options);
    let prompt = shell.line().0.trim_end().to_owned();
    shell.press("device_del ");
    shell.wait_for_line(&format!("{prompt} device_del id="));
    assert_eq!(usize::from(shell.line().1), prompt.len() + " device_del ".len());
    shell.press(RIGHT);
    shell.press("id=x ");
    shell.wait_for_line(&format!("{prompt} device_del id=x"));
    shell.press(CTRL_C);
    shell.press("blockdev-add driver=qcow2 ");
    shell.wait_for_line(&format!("{prompt} blockdev-add driver=qcow2 file"));
    shell.press("file.driver=null-co ");
    shell.wait_for_line(&format!("{prompt} blockdev-add driver=qcow2 file.driver=null-co"));
    shell.press(CTRL_C);
    shell.enter("device_del id=x");
    shell.wait_for("{}");
    assert_eq!(shell.leave(), 0);
}

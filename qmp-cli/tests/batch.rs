//! Commands from stdin.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;

use std::io::Write;

use qmp_mock::{ErrorClass, Mock};
use serde_json::json;

use cli::{program, run, start, with_input};

fn mock() -> Mock {
    let mock = Mock::monitor();
    mock.on("query-status").answer(json!({"status": "running"})).optional();
    mock.on("device_del").return_error(ErrorClass::DeviceNotFound, "not found").optional();
    mock
}

const LINES: &str = "# a comment\nquery-status\n\n{\"execute\": \"query-name\", \"id\": 7}\n\
                     device_del id=x\nquery-status\nquery-name\n";

#[test]
fn a_batch_stops_at_the_first_error() {
    let mock = mock();
    let run = with_input(&mock, &["-"], LINES);
    let error = format!(
        "line 5: device_del: DeviceNotFound: not found ({}); 2 done, 2 not sent\n",
        mock.address()
    );
    let replies = "{\"status\":\"running\"}\n{\"return\": {}, \"id\": 7}\n";
    assert_eq!(run.all(), (1, replies, error.as_str()));
    assert_eq!(mock.received().len(), 3);
    let same = with_input(&mock, &[], LINES);
    assert_eq!(same.all(), (1, replies, error.as_str()), "without - the same");
}

#[test]
fn a_batch_can_continue_after_errors() {
    let mock = mock();
    let lines = format!("{LINES}x a='\nquery-name x\n");
    let run = with_input(&mock, &["-", "--keep-going"], &lines);
    assert_eq!((run.code, run.stdout.lines().count()), (1, 4));
    let errors: Vec<_> = run.stderr.lines().collect();
    assert!(errors[0].starts_with("line 5: device_del: DeviceNotFound"), "{errors:?}");
    assert_eq!(errors[1], "line 8: a quote is not closed");
    assert_eq!(errors[2], "line 9: query-name: x: write KEY=TEXT, or KEY:=JSON");
    assert_eq!(errors[3], "4 done, 3 failed");
}

#[test]
fn whole_replies_stay_aligned_with_their_commands() {
    let mock = mock();
    let lines = format!("{LINES}x a='\nquery-name\n");
    let run = with_input(&mock, &["--replies", "--keep-going", "-"], &lines);
    let lines: Vec<_> = run.stdout.lines().collect();
    assert_eq!(lines.len(), 7, "{lines:?}");
    assert_eq!(lines[0], "{\"return\": {\"status\":\"running\"}}");
    assert_eq!(lines[1], "{\"return\": {}, \"id\": 7}");
    assert!(lines[2].starts_with("{\"error\": {\"class\": \"DeviceNotFound\""), "{}", lines[2]);
    assert_eq!(lines[5], "null", "what was not sent has no reply");
    assert_eq!(run.code, 1);
}

#[test]
fn a_lost_connection_ends_a_batch_even_with_keep_going() {
    let mock = mock();
    let run = with_input(&mock, &["-", "--keep-going"], "quit\nquery-status\nquery-status\n");
    assert_eq!((run.code, run.stdout.as_str()), (5, "{}\n"));
    // Whether it was sent depends on when the end of the connection is seen.
    assert!(run.stderr.starts_with("line 2: query-status: "), "{}", run.stderr);
    assert!(run.stderr.ends_with("1 done, 1 not sent\n"), "{}", run.stderr);
}

#[test]
fn a_writer_that_keeps_its_pipe_open_is_not_waited_for() {
    let mock = mock();
    let mut child = start(program().arg(mock.path()).arg("-"));
    let mut stdin = child.stdin.take().unwrap();
    stdin.write_all(b"device_del id=x\nstop\nstop\n").unwrap();
    let run: cli::Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.code, 1);
    assert!(run.stderr.ends_with("0 done, at least 2 not sent\n"), "{}", run.stderr);
    drop(stdin);
}

#[test]
fn commands_are_answered_one_by_one() {
    use std::io::{BufRead, BufReader};

    let mock = mock();
    let mut child = start(program().arg(mock.path()).arg("-"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut stdin = child.stdin.take().unwrap();
    for _ in 0..3 {
        stdin.write_all(b"query-status\n").unwrap();
        assert_eq!(lines.next().unwrap().unwrap(), "{\"status\":\"running\"}");
    }
    drop(stdin);
    assert!(child.wait().unwrap().success());
}

#[test]
fn options_of_batches_belong_to_batches() {
    for words in
        [&["stop", "--keep-going"][..], &["events", "--replies"], &["--replies", "hmp", "x"]]
    {
        let refused = run("/nowhere", words);
        assert_eq!(refused.code, 2, "{refused:?}");
        assert!(refused.stderr.contains("is for commands from stdin"), "{refused:?}");
    }
    let refused = run("/nowhere", &["-", "--fd", "/dev/null"]);
    assert_eq!(refused.code, 2, "{refused:?}");
}

#[test]
fn a_dry_run_connects_to_nothing() {
    let shown = run("/nowhere", &["--dry-run", "balloon", "value=1G"]);
    let message = "{\"execute\": \"balloon\", \"arguments\": {\"value\": 1073741824}}\n";
    assert_eq!(shown.all(), (0, message, ""));
    let mut child = start(program().args(["/nowhere", "-", "--dry-run"]));
    child.stdin.take().unwrap().write_all(b"stop\n{\"execute\": \"cont\"}\n").unwrap();
    let run: cli::Run = child.wait_with_output().unwrap().into();
    assert_eq!(run.all(), (0, "{\"execute\": \"stop\"}\n{\"execute\": \"cont\"}\n", ""));
}

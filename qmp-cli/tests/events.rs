//! Events, waiting and the human monitor, with a mock server.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;

use qmp_mock::Mock;
use serde_json::json;

use cli::{program, qmp, run, start};

fn job(mock: &Mock) {
    let status = |status: &str| json!({"status": status, "id": "j"});
    mock.on("job-run")
        .event("JOB_STATUS_CHANGE", status("created"))
        .event("STOP", ())
        .return_empty()
        .event("JOB_STATUS_CHANGE", status("running"))
        .event("JOB_STATUS_CHANGE", status("concluded"));
}

/// The data of printed events.
fn data(stdout: &str) -> Vec<String> {
    let line = |line: &str| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        assert!(event["timestamp"]["seconds"].is_number());
        let name = event["event"].as_str().unwrap();
        format!("{name} {}", event["data"]["status"].as_str().unwrap_or("-"))
    };
    stdout.lines().map(line).collect()
}

#[test]
fn a_wait_misses_nothing_of_its_command() {
    let mock = Mock::monitor();
    job(&mock);
    let run = qmp(&mock, &["wait", "JOB_STATUS_CHANGE,id=j,status=created", "--", "job-run"]);
    assert_eq!((run.code, data(&run.stdout)), (0, vec!["JOB_STATUS_CHANGE created".into()]));
    let run = qmp(&mock, &["wait", "JOB_STATUS_CHANGE,status=concluded", "STOP", "--", "job-run"]);
    assert_eq!((run.code, data(&run.stdout)), (0, vec!["STOP -".into()]));
    assert_eq!(run.stderr, "");
}

#[test]
fn events_are_selected_and_end() {
    let mock = Mock::monitor();
    job(&mock);
    let last = "JOB_STATUS_CHANGE,status=concluded";
    let run = qmp(&mock, &["events", "STOP", "--until", last, "--", "job-run"]);
    assert_eq!(data(&run.stdout), ["STOP -", "JOB_STATUS_CHANGE concluded"]);
    let run = qmp(&mock, &["events", "--where", "status=running", "--count", "1", "--", "job-run"]);
    assert_eq!((run.code, data(&run.stdout)), (0, vec!["JOB_STATUS_CHANGE running".into()]));
    let run = qmp(&mock, &["events", "-q", ".data.status", "-r", "--count=2", "--", "job-run"]);
    assert_eq!(run.all(), (0, "created\nnull\n", ""));
    let run = qmp(&mock, &["events", "--timeout", "200ms", "--", "job-run"]);
    assert_eq!((run.code, data(&run.stdout).len()), (0, 4));
}

#[test]
fn an_unfulfilled_wait_is_exit_code_4_and_a_lost_connection_5() {
    let mock = Mock::monitor();
    let run = qmp(&mock, &["wait", "STOP", "--timeout", "100ms"]);
    let text = format!("no STOP in 100.0ms ({})\n", mock.address());
    assert_eq!(run.all(), (4, "", text.as_str()));
    let run = qmp(&mock, &["events", "--count", "1", "--timeout", "0.1"]);
    assert_eq!((run.code, run.stdout.as_str()), (4, ""));
    let run = qmp(&mock, &["wait", "RESUME", "--", "quit"]);
    assert_eq!(run.code, 5);
    assert!(run.stderr.contains("no RESUME came before"), "{}", run.stderr);
    let run = qmp(&mock, &["events", "--", "quit"]);
    assert_eq!((run.code, data(&run.stdout)), (0, vec!["SHUTDOWN -".into()]), "{}", run.stderr);
}

#[test]
fn a_mistyped_event_is_refused() {
    let mock = Mock::monitor();
    let schema = json!([
        {"name": "STOP", "meta-type": "event", "arg-type": "0"},
        {"name": "NEWER", "meta-type": "event", "arg-type": "0"},
        {"name": "0", "meta-type": "object", "members": []},
    ]);
    mock.on("query-qmp-schema").answer(schema);
    let wrong = qmp(&mock, &["wait", "STOPP", "--timeout", "9"]);
    assert_eq!(wrong.all(), (2, "", "the server has no event STOPP; is STOP meant?\n"));
    let newer = qmp(&mock, &["wait", "NEWER", "--timeout", "0.1"]);
    assert_eq!(newer.code, 4, "{}", newer.stderr);
    let agent = run("/nowhere", &["-N", "events"]);
    assert_eq!(agent.all(), (2, "", "a guest agent sends no events\n"));
}

#[test]
fn each_event_is_printed_when_it_comes() {
    use std::io::{BufRead, BufReader};

    let mock = Mock::monitor();
    let mut child = start(program().arg(mock.path()).arg("events"));
    let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
    // The subscription begins a moment after the handshake, so events are sent until one comes.
    let seen = std::sync::atomic::AtomicUsize::new(0);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for number in 0.. {
                mock.event("NUMBER", json!({"n": number}));
                std::thread::sleep(std::time::Duration::from_millis(20));
                if seen.load(std::sync::atomic::Ordering::Relaxed) == 3 {
                    return;
                }
            }
        });
        for number in 1..=3 {
            let line = lines.next().unwrap().unwrap();
            assert!(line.contains("NUMBER"), "{line}");
            seen.store(number, std::sync::atomic::Ordering::Relaxed);
        }
    });
    child.kill().unwrap();
    child.wait().unwrap();
}

#[test]
fn the_human_monitor_prints_text_and_its_errors_are_exit_code_1() {
    let mock = Mock::monitor();
    let line = |line: &str| json!({"command-line": line});
    let monitor = "human-monitor-command";
    mock.on(monitor).with(line("info block -v")).answer("a: \u{1b}[1m\r\nb\r\n");
    mock.on(monitor).with(line("savevm")).answer("Error: no device\r\n");
    mock.on(monitor).with(json!({"command-line": "x", "cpu-index": 1})).answer("no line end");
    mock.on(monitor).with(line("cont")).answer("");
    assert_eq!(qmp(&mock, &["hmp", "info", "block", "-v"]).all(), (0, "a: \u{1b}[1m\nb\n", ""));
    assert_eq!(qmp(&mock, &["hmp", "savevm"]).all(), (1, "", "hmp savevm: Error: no device\n"));
    assert_eq!(qmp(&mock, &["hmp", "--cpu", "1", "x"]).all(), (0, "no line end\n", ""));
    assert_eq!(qmp(&mock, &["hmp", "cont"]).all(), (0, "", ""));
    mock.verify();
}

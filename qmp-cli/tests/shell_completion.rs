//! What the shell asks the server while a line is completed.

#![cfg(unix)]
#![allow(clippy::unwrap_used)]

mod cli;
mod terminal;

use qmp_mock::Mock;
use serde_json::json;

use terminal::{CTRL_C, Options, TAB, Terminal};

/// How often a command was received.
fn count(mock: &Mock, command: &str) -> usize {
    mock.received().iter().filter(|it| it.name() == command).count()
}

/// Removes the line that was written.
fn clear(shell: &mut Terminal) {
    shell.press(CTRL_C);
    shell.wait_until("an empty line", |it| it.line().0.trim_end().ends_with('>'));
}

fn without_private_monitor<'o>() -> Options<'o> {
    Options { arguments: &["--no-private"], ..Options::default() }
}

#[test]
fn a_server_that_does_not_answer_is_asked_one_question_for_each_key() {
    let mock = Mock::monitor();
    let questions = [
        "device-list-properties",
        "human-monitor-command",
        "qom-list",
        "qom-list-types",
        "query-chardev",
        "query-commands",
        "query-named-block-nodes",
    ];
    for question in questions {
        mock.on(question).leave_unanswered();
    }
    let mut shell = Terminal::with(&mock, without_private_monitor());
    let prompt = shell.line().0.trim_end().to_owned();
    let asked = |mock: &Mock| questions.iter().map(|it| count(mock, it)).sum::<usize>();
    // Each question has 150 ms, so the number of questions limits how long a key takes.
    for (line, completed, question) in [
        ("query-statu", "query-status", "query-commands"),
        ("device_del id=", "device_del id=", "qom-list"),
        ("blockdev-del node-name=", "blockdev-del node-name=", "query-named-block-nodes"),
        ("chardev-remove id=", "chardev-remove id=", "query-chardev"),
        ("device_add driver=", "device_add driver=", "qom-list-types"),
        ("device_add driver=e1000 i", "device_add driver=e1000 id=", "device-list-properties"),
        ("!inf", "!inf", "human-monitor-command"),
        ("blockdev-add driver=qco", "blockdev-add driver=qcow", ""),
        ("x-unknown ", "x-unknown ", ""),
    ] {
        let before = asked(&mock);
        // The second key is not a second question: silence is remembered.
        shell.press(&format!("{line}{TAB}{TAB}.."));
        shell.wait_until(line, |it| {
            let shown = it.line().0;
            let shown = shown.trim_end();
            shown.starts_with(&format!("{prompt} {completed}")) && shown.ends_with("..")
        });
        assert_eq!(asked(&mock) - before, usize::from(!question.is_empty()), "{line}");
        assert!(question.is_empty() || count(&mock, question) == 1, "{line}");
        clear(&mut shell);
    }
    // The server lives, and the shell is not in the way.
    shell.enter("query-name");
    shell.wait_for("\n{}\n");
    assert_eq!(shell.leave(), 0);
}

#[test]
fn commands_that_are_newer_than_the_vocabulary_are_completed_from_the_schema() {
    let mock = Mock::monitor();
    mock.on("query-commands").answer(json!([{"name": "x-newer"}, {"name": "query-name"}]));
    let schema = json!([
        {"name": "x-newer", "meta-type": "command", "arg-type": "1", "ret-type": "2"},
        {"name": "1", "meta-type": "object", "members": [
            {"name": "how", "type": "3"}, {"name": "often", "type": "int", "default": null},
        ]},
        {"name": "2", "meta-type": "object", "members": []},
        {"name": "3", "meta-type": "enum", "members": [{"name": "slow"}, {"name": "fast"}],
         "values": ["slow", "fast"]},
        {"name": "int", "meta-type": "builtin", "json-type": "int"},
    ]);
    mock.on("query-qmp-schema").answer(schema);
    let mut shell = Terminal::with(&mock, without_private_monitor());
    let prompt = shell.line().0.trim_end().to_owned();
    for (line, completed) in [
        ("x-ne", "x-newer"),
        ("x-newer h", "x-newer how="),
        ("x-newer how=f", "x-newer how=fast"),
        ("x-newer how=fast ", "x-newer how=fast often="),
        // What the vocabulary knows and the server does not have is not offered.
        ("query-sta", "query-sta"),
        ("x-older h", "x-older h"),
        ("device_del i", "device_del id="),
    ] {
        shell.press(&format!("{line}{TAB}"));
        shell.wait_for_line(&format!("{prompt} {completed}"));
        clear(&mut shell);
    }
    assert_eq!((count(&mock, "query-qmp-schema"), count(&mock, "query-commands")), (1, 1));
    assert_eq!(shell.leave(), 0);
}

#[test]
fn an_agent_completes_the_commands_that_it_allows() {
    let agent = Mock::agent();
    let commands = json!([
        {"name": "guest-exec", "enabled": true, "success-response": true},
        {"name": "guest-exec-status", "enabled": false, "success-response": true},
        {"name": "guest-ping", "enabled": true, "success-response": true},
    ]);
    let info = json!({"version": "11.1.3", "supported_commands": commands});
    agent.on("guest-info").answer(info);
    let options = Options { arguments: &["--agent"], ..Options::default() };
    let mut shell = Terminal::with(&agent, options);
    let prompt = shell.line().0.trim_end().to_owned();
    for (line, completed) in [
        ("guest-p", "guest-ping"),
        ("guest-e", "guest-exec"),
        ("guest-exec pa", "guest-exec path="),
        // The program is the guest's, not one of this machine.
        ("guest-exec path=/bin/s", "guest-exec path=/bin/s"),
        ("guest-exec path=ls capture-output=t", "guest-exec path=ls capture-output=true"),
    ] {
        shell.press(&format!("{line}{TAB}"));
        shell.wait_for_line(&format!("{prompt} {completed}"));
        clear(&mut shell);
    }
    assert_eq!(shell.leave(), 0);
}

#[test]
fn files_actions_and_parts_of_names_are_completed() {
    let mock = Mock::monitor();
    mock.on("query-commands").answer(json!([{"name": "block-dirty-bitmap-merge"}]));
    let mut shell = Terminal::with(&mock, without_private_monitor());
    let prompt = shell.line().0.trim_end().to_owned();
    let folder = tempfile::tempdir().unwrap();
    std::fs::write(folder.path().join("disk one.img"), "").unwrap();
    std::fs::create_dir(folder.path().join("inner")).unwrap();
    let folder = folder.path().display();
    for (line, completed) in [
        (
            format!("screendump filename={folder}/in"),
            format!("screendump filename={folder}/inner/"),
        ),
        (
            format!("screendump filename={folder}/di"),
            format!("screendump 'filename={folder}/disk one.img'"),
        ),
        ("transaction( abor".to_owned(), "transaction( abort".to_owned()),
        (
            "transaction( blockdev-snapshot node=a o".to_owned(),
            "transaction( blockdev-snapshot node=a overlay=".to_owned(),
        ),
        (":pretty of".to_owned(), ":pretty off".to_owned()),
        (":rec".to_owned(), ":reconnect".to_owned()),
        // A part of a name that no name begins with finds the command.
        ("bitmap-mer".to_owned(), "block-dirty-bitmap-merge".to_owned()),
        ("wait DEVICE_DEL".to_owned(), "wait DEVICE_DELETED".to_owned()),
    ] {
        shell.press(&format!("{line}{TAB}"));
        shell.wait_for_line(&format!("{prompt} {completed}"));
        clear(&mut shell);
    }
    shell.enter("transaction(");
    shell.wait_for_line("trans> ");
    shell.press(&format!("blockdev-ba{TAB}syn{TAB}to{TAB}"));
    shell.wait_for_line("trans> blockdev-backup sync=top");
    // Ctrl-C clears the line; in an empty one, it drops the transaction.
    shell.press(CTRL_C);
    shell.wait_for_line("trans> ");
    shell.press(CTRL_C);
    shell.wait_for("the transaction was dropped");
    assert_eq!(shell.leave(), 0);
}

//! What real QEMUs and real clients must not notice.

use std::fs::File;
use std::net::Shutdown;
use std::thread;
use std::time::Duration;

use rustix::process::Signal;

use crate::shared::{Lines, on_each, on_each_with_files};

/// So many files that some clients can be served.
const FILES: u32 = 24;

#[test]
fn odd_commands_are_answered_as_by_qemu_itself() {
    let deep = |levels| "[".repeat(levels) + &"]".repeat(levels);
    let commands = [
        // Without its arguments this would be executed.
        format!(r#"{{"execute": "query-name", "arguments": {{"x": {}}}, "id": 1}}"#, deep(300)),
        format!(r#"{{"execute": "query-name", "arguments": {{"x": {}}}, "id": 2}}"#, deep(900)),
        r#"{"execute": "no such command", "id": 3}"#.to_owned(),
        r#"{"execute": "", "id": 4}"#.to_owned(),
        r#"{"execute": "tür\n\u0001", "id": 5}"#.to_owned(),
        format!(r#"{{"execute": "{}", "id": 6}}"#, "x".repeat(300)),
        r#"{"execute": "query-name", "arguments": {}, "id": 7}"#.to_owned(),
        r#"{"execute": "stop", "arguments": {"a": 1e300, "b": "\u00e9"}, "id": {"my": [8]}}"#.to_owned(),
        r#"{"execute": "getfd", "id": 9}"#.to_owned(),
        r#"{"execute": "getfd", "arguments": {"fdname": "none"}, "id": 10}"#.to_owned(),
        r#"{"execute": "qom-get", "arguments": {"path": "/machine", "property": "type"}, "id": 11}"#
            .to_owned(),
    ];
    on_each(async |shared| {
        let mut proxied = shared.lines("shared");
        let mut direct = shared.lines("direct");
        for command in &commands {
            proxied.send(command);
            direct.send(command);
            assert_eq!(proxied.line(), direct.line(), "{command}");
        }
    });
}

#[test]
fn a_stray_descriptor_reaches_no_other_client() {
    on_each(async |shared| {
        let (one, other) = (shared.client().await, shared.client().await);
        let file = || File::open("/dev/null").unwrap();
        let without = async |client: &qmp_tokio::Client| {
            let command = client.execute("getfd").argument("fdname", "theirs");
            command.await.unwrap_err().to_string()
        };
        // A command that takes none.
        one.execute("query-name").descriptor(file()).await.unwrap();
        assert!(without(&other).await.contains("SCM_RIGHTS"));
        // As with QEMU, it serves a later command of the same client.
        one.execute("getfd").argument("fdname", "mine").await.unwrap();
        one.execute("closefd").argument("fdname", "mine").await.unwrap();
        // Commands that would take one, and fail before they do.
        for command in ["getfd", "add-fd"] {
            let failing = one.execute(command).argument("no-such-argument", 1);
            failing.descriptor(file()).await.unwrap_err();
            let told = without(&other).await;
            assert!(told.contains("SCM_RIGHTS"), "after {command}: {told}");
        }
        one.execute("getfd").argument("fdname", "mine").descriptor(file()).await.unwrap();
    });
}

#[test]
fn a_command_that_dies_with_qemu_is_not_answered() {
    on_each(async |mut shared| {
        let mut client = shared.lines("shared");
        let mut idle = shared.lines("shared");
        shared.qemu.signal(Signal::STOP);
        client.send(r#"{"execute": "query-name", "id": "sent"}"#);
        client.send(r#"{"execute": "query-status", "id": "not sent"}"#);
        // Until it has passed the proxy.
        thread::sleep(Duration::from_millis(300));
        shared.qemu.signal(Signal::KILL);
        assert_eq!(client.line(), None);
        assert_eq!(idle.line(), None);
        assert!(shared.proxy.process.wait().unwrap().success());
    });
}

#[test]
fn a_client_that_shuts_down_its_writing_half_is_still_answered() {
    on_each(async |shared| {
        let mut client = shared.lines("shared");
        for id in 0..5 {
            client.send(&format!(r#"{{"execute": "query-name", "id": {id}}}"#));
        }
        client.stream.get_ref().shutdown(Shutdown::Write).unwrap();
        for id in 0..5 {
            assert_eq!(client.line().unwrap(), format!(r#"{{"return": {{}}, "id": {id}}}"#));
        }
        assert_eq!(client.line(), None);
    });
}

#[test]
fn a_client_that_cannot_be_accepted_costs_the_others_nothing() {
    on_each_with_files(FILES, async |shared| {
        let mut first = shared.lines("shared");
        // More than there are files for.
        let mut crowd: Vec<_> =
            (0..FILES).map(|_| Lines::connect(&shared.qemu.path("shared"))).collect();
        let last = crowd.last_mut().unwrap();
        assert!(!last.says_something_within(Duration::from_millis(500)), "nobody was refused");
        first.send(r#"{"execute": "query-name", "id": 1}"#);
        assert_eq!(first.line().unwrap(), r#"{"return": {}, "id": 1}"#);
        drop(crowd);
        let mut next = shared.lines("shared");
        next.send(r#"{"execute": "query-name", "id": 2}"#);
        assert_eq!(next.line().unwrap(), r#"{"return": {}, "id": 2}"#);
    });
}

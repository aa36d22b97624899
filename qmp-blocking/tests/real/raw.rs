//! Whole messages of the caller's.

use qmp_blocking::{ErrorKind, Outcome};
use serde_json::{Value, json};

use crate::server::{Clients, Suite};
use crate::slow::Slow;

conformance::on_every_qemu!(
    an_answer_has_the_id_of_the_caller,
    error_answers_come_whole,
    a_raw_message_goes_out_of_band,
    what_is_no_message_is_not_sent,
);

fn text(answer: Vec<u8>) -> String {
    String::from_utf8(answer).unwrap()
}

fn an_answer_has_the_id_of_the_caller(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    for id in [
        "0",
        "-1",
        "1.50",
        "1e400",
        "18446744073709551616",
        "\"text\"",
        "\"\\u00e4\"",
        "true",
        "null",
        "[1,  [2]]",
        "{\"a\" : {}}",
    ] {
        for message in [
            format!(r#"{{"execute": "query-name", "id": {id}}}"#),
            format!(r#"{{"id": {id}, "execute": "query-name"}}"#),
            format!(
                "\r\n {{ \"execute\" : \"query-name\",\n \"id\":{id} , \"arguments\": {{}} }} "
            ),
        ] {
            let answer = qemu.raw(&message).run().unwrap();
            assert_eq!(text(answer), format!(r#"{{"return": {{}}, "id": {id}}}"#));
        }
    }
    let answer = qemu.raw(r#"{"execute": "query-name"}"#).run().unwrap();
    assert_eq!(text(answer), r#"{"return": {}}"#);
}

fn error_answers_come_whole(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    for (message, class) in [
        (r#"{"execute": "x-no", "id": 1}"#, "CommandNotFound"),
        (r#"{"id": 1}"#, "GenericError"),
        (r#"{"execute": "stop", "extra": 1, "id": 1}"#, "GenericError"),
        (r#"{"execute": "device_del", "arguments": {"id": "x"}, "id": 1}"#, "DeviceNotFound"),
        (r#"{"execute": ["stop"], "id": 1}"#, "GenericError"),
        (r#"{"execute": "stop", "arguments": [], "id": 1}"#, "GenericError"),
    ] {
        let answer = text(qemu.raw(message).run().unwrap());
        let answer: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(answer["error"]["class"], class, "{message}: {answer}");
        assert_eq!(answer["id"], 1, "{message}: {answer}");
    }
    let answer = text(qemu.raw("{}").run().unwrap());
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["error"]["class"], "GenericError");
    assert!(answer.get("id").is_none(), "{answer}");
    qemu.execute("query-status").run().unwrap();
}

fn a_raw_message_goes_out_of_band(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client_of(|| qmp_blocking::builder().out_of_band());
    let slow = Slow::new(server.folder());
    let saving = slow.command(&qemu).send().unwrap();
    let answer = qemu.raw(r#"{"exec-oob": "migrate-pause", "id": "now"}"#).run().unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["id"], json!("now"));
    assert_eq!(answer["error"]["class"], "GenericError");
    slow.finish();
    saving.recv().unwrap();
    let answer = qemu.raw(r#"{"execute":"stop","exec-oob":"stop","id":2}"#).run().unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["id"], 2);

    drop(qemu);
    let plain = server.client();
    let error = plain.raw(r#"{"exec-oob": "query-yank"}"#).run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
}

fn what_is_no_message_is_not_sent(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let mut events = qemu.events().subscribe();
    for message in [
        "",
        "[]",
        "{} {}",
        "{\"execute\":\"stop\"",
        "{\"execute\":\"stop\"}}",
        "{'execute':'stop'}",
        "{\"execute\":\"stop\",\"execute\":\"cont\"}",
        "{\"execute\":\"st\nop\"}",
        "{\"execute\":\"stop\",\"id\":0e5}",
    ] {
        let error = qemu.raw(message).run().unwrap_err();
        let expected =
            matches!(error.kind(), ErrorKind::Json(_) | ErrorKind::DuplicateMember { .. });
        assert!(expected, "{message}: {error}");
        assert!(error.to_string().starts_with("not sent"), "{message}: {error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    qemu.execute("query-status").run().unwrap();
    assert!(events.drain().is_empty());
}

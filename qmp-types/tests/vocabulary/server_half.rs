//! The server half decodes commands and reports errors in QEMU's words.

use qmp_proto::server::{Command, Options, Received, Server};
use qmp_types::{BlockdevAdd, DeviceDel, ObjectAdd, QueryStatus, SendKey};
use serde::de::DeserializeOwned;

/// Returns a command as a server receives it.
fn received(name: &str, arguments: &str) -> Command<'static> {
    let mut server = Server::monitor(Options::monitor());
    let mut out = Vec::new();
    server.greet(&mut out).unwrap();
    let text = format!(
        "{{\"execute\": \"qmp_capabilities\"}}\n{{\"execute\": \"{name}\", \"arguments\": {arguments}}}\n"
    );
    let mut rest = text.as_bytes();
    loop {
        let step = server.handle_input(&mut out, rest).unwrap();
        rest = &rest[step.used..];
        if let Some(Received::Command(command, _)) = step.received {
            return command.into_owned();
        }
        assert!(!rest.is_empty(), "no command came");
    }
}

fn error<C: qmp_proto::Command + DeserializeOwned>(arguments: &str) -> String {
    match received(C::NAME, arguments).typed::<C>() {
        Ok(_) => panic!("{arguments} pass"),
        Err(error) => error.to_string(),
    }
}

#[test]
fn decodes_a_command_or_reports_the_error_in_qemus_words() {
    let del: DeviceDel = received("device_del", r#"{"id": "net0"}"#).typed().unwrap();
    assert_eq!(del.id, "net0");
    received("query-status", "{}").typed::<QueryStatus>().unwrap();
    let disk = r#"{"driver": "raw", "file": {"driver": "file", "filename": "/a"}}"#;
    received("blockdev-add", disk).typed::<BlockdevAdd>().unwrap();
    assert_eq!(error::<DeviceDel>("{}"), "Parameter 'id' is missing");
    assert_eq!(
        error::<DeviceDel>(r#"{"id": 1}"#),
        "Invalid parameter type for 'id', expected: string"
    );
    assert_eq!(error::<DeviceDel>(r#"{"id": "a", "x": 1}"#), "Parameter 'x' is unexpected");
    assert_eq!(error::<QueryStatus>(r#"{"x": 1}"#), "Parameter 'x' is unexpected");
    assert_eq!(error::<BlockdevAdd>("{}"), "Parameter 'driver' is missing");
    assert_eq!(
        error::<BlockdevAdd>(r#"{"driver": "raw", "file": {"driver": "file"}}"#),
        "Parameter 'file.filename' is missing"
    );
    assert_eq!(
        error::<BlockdevAdd>(r#"{"driver": "raw", "file": 1}"#),
        "Invalid parameter type for 'file', expected: BlockdevRef"
    );
    assert_eq!(
        error::<BlockdevAdd>(r#"{"driver": "file", "filename": "/a", "size": 1}"#),
        "Parameter 'size' is unexpected"
    );
    assert_eq!(
        error::<SendKey>(r#"{"keys": [{"type": "number", "data": 1, "x": 1}]}"#),
        "Parameter 'keys[0].x' is unexpected"
    );
    assert_eq!(
        error::<SendKey>(r#"{"keys": [{"type": "number", "data": "a"}]}"#),
        "Invalid parameter type for 'keys[0].data', expected: integer"
    );
    assert_eq!(
        error::<ObjectAdd>(r#"{"qom-type": "no-such", "id": "a"}"#),
        "Parameter 'qom-type' does not accept value 'no-such'"
    );
}

//! The example `guest_exec` of `qmp-blocking`, with agents that this machine does not have.

use std::process::{Command, Output};

use qmp_mock::Mock;
use serde_json::{Value, json};

/// Runs it with an agent that returns this status of the program.
fn run(status: &Value) -> Output {
    let mock = Mock::agent();
    mock.on("guest-exec").answer(json!({"pid": 7}));
    mock.on("guest-exec-status").answer(status);
    let output = Command::new(conformance::example("qmp-blocking", "guest_exec"))
        .args([&mock.address().to_string(), "C:\\program.exe"])
        .output()
        .unwrap();
    mock.verify();
    output
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn a_32_bit_exit_code_is_printed_and_no_output_is_lost() {
    for (code, told) in [
        (3_221_225_477_u32, "exited with code 3221225477 (0xC0000005)"),
        (256, "exited with code 256 (0x100)"),
    ] {
        let status = json!({
            "exited": true, "exitcode": code, "out-data": "b3V0Cg==", "err-data": "ZXJyCg==",
        });
        let Output { status, stdout, stderr } = run(&status);
        assert_eq!(status.code(), Some(1));
        assert_eq!(text(&stdout), "out\n");
        assert_eq!(text(&stderr), format!("err\nguest_exec: C:\\program.exe {told}\n"));
    }
    let small = run(&json!({"exited": true, "exitcode": 7}));
    assert_eq!((small.status.code(), text(&small.stderr)), (Some(7), ""));
}

#[test]
fn invalid_base64_output_is_reported_as_an_error() {
    let Output { status, stdout, stderr } = run(&json!({
        "exited": true, "exitcode": 3, "out-data": "not base64", "err-data": "ZXJyCg==",
    }));
    assert_eq!(status.code(), Some(1));
    assert_eq!(text(&stdout), "");
    let stderr = text(&stderr);
    assert!(stderr.starts_with("guest_exec: the program's output is not base64: "), "{stderr}");
    let told = "err\nguest_exec: C:\\program.exe exited with code 3 (0x3)\n";
    assert!(stderr.ends_with(told), "{stderr}");
}

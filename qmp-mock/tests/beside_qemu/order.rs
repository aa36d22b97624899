//! The order of replies with `oob` enabled.

use conformance::server::Suite;
use serde_json::Value;

use crate::ours::Ours;
use crate::real::{NEGOTIATE_OOB, Real};

conformance::on_every_qemu!(
    error_replies_come_in_the_order_of_the_requests,
    out_of_band_error_replies_come_at_once,
);

/// The first takes long. None has `exec-oob` without `execute`.
const IN_BAND: [&str; 9] = [
    r#"{"execute":"query-qmp-schema","id":1}"#,
    r#"{"execute":"query-name","foo":1,"id":2}"#,
    r#"{"execute":"qmp_capabilities","id":3}"#,
    r#"}"#,
    r#"{"exec-oob":"x","execute":1,"id":4}"#,
    r#"[]"#,
    r#"{"a":1,"a":2}"#,
    r#"{"execute":"nonsense","id":5}"#,
    r#"{"execute":"query-name","id":"last"}"#,
];

/// Returns the part of a reply that is compared.
fn gist(line: &str) -> String {
    let line: Value = serde_json::from_str(line).unwrap();
    match line["error"]["desc"].as_str() {
        // 11.1 adds the position.
        Some(text) => format!("{}: {}", line["id"], text.rsplit(": ").next().unwrap()),
        None => line["id"].to_string(),
    }
}

fn gists(lines: &[String]) -> Vec<String> {
    lines.iter().map(|line| gist(line)).collect()
}

fn error_replies_come_in_the_order_of_the_requests(suite: &Suite) {
    let mut server = suite.qemu();
    let mut qemu = Real::connect(&mut server, NEGOTIATE_OOB);
    for _ in 0..20 {
        let mut ours = Ours::new(NEGOTIATE_OOB);
        qemu.send(IN_BAND.concat());
        ours.hear(IN_BAND.concat());
        let real = gists(&qemu.lines_until("\"last\""));
        assert_eq!(real.len(), IN_BAND.len());
        assert_eq!(gists(&ours.lines()), real);
    }
}

fn out_of_band_error_replies_come_at_once(suite: &Suite) {
    let mut server = suite.qemu();
    let mut qemu = Real::connect(&mut server, NEGOTIATE_OOB);
    let out_of_band = [
        r#"{"exec-oob":1,"id":"now"}"#,
        r#"{"foo":1,"exec-oob":"query-name","id":"now"}"#,
        r#"{"exec-oob":"query-name","arguments":1,"id":"now"}"#,
        r#"{"exec-oob":"query-name","id":"now"}"#,
        r#"{"exec-oob":"nonsense","id":"now"}"#,
        r#"{"exec-oob":"qmp_capabilities","id":"now"}"#,
    ];
    for refused in out_of_band {
        let mut ours = Ours::new(NEGOTIATE_OOB);
        // The error is written long before the schema.
        let stream = [IN_BAND[0], IN_BAND[1], refused, IN_BAND[8]].concat();
        qemu.send(&stream);
        ours.hear(&stream);
        let real = gists(&qemu.lines_until("\"last\""));
        assert!(real[0].starts_with("\"now\""), "{real:?}");
        assert_eq!(gists(&ours.lines()), real);
    }
}

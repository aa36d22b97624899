use std::borrow::ToOwned;
use std::format;
use std::string::String;

use proptest::prelude::*;
use serde_json::Value;

use super::*;

fn redacted(wire: &str) -> String {
    String::from_utf8(redact(wire.as_bytes()).into_owned()).unwrap()
}

fn command(name: &str, arguments: &str) -> String {
    format!(r#"{{"execute":"{name}","arguments":{arguments},"id":7}}"#)
}

#[test]
fn the_secret_of_each_command_is_masked_and_nothing_else() {
    let table = [
        ("set_password", r#"{"protocol":"vnc","password":§}"#, r#""hunter2""#),
        ("change-vnc-password", r#"{"password":§}"#, r#""hunter2""#),
        (
            "guest-set-user-password",
            r#"{"username":"x","password":§,"crypted":false}"#,
            r#""aGk=""#,
        ),
        ("object-add", r#"{"qom-type":"secret","id":"s0","data":§}"#, r#""hunter2""#),
        ("object-add", r#"{"id":"s0", "data" : § ,"qom-type":"secret"}"#, r#""hunter2""#),
        ("object-add", r#"{"qom-type":"secret","id":"s","props":{"data":§}}"#, r#""hunter2""#),
        ("object-add", r#"{"qom-type":"secret_keyring","data":§,"serial":5}"#, r#""hunter2""#),
        ("human-monitor-command", r#"{"command-line":§}"#, r#""change vnc password x""#),
        ("human-monitor-command", r#"{"command-line":§}"#, r#""object_add secret,id=s,data=x""#),
        ("guest-file-write", r#"{"handle":3,"buf-b64":§,"count":2}"#, r#""aGk=""#),
        ("guest-exec", r#"{"path":"sh","env":§,"capture-output":true}"#, r#"["A=1", "B=]\""]"#),
        ("guest-exec", r#"{"path":"sh","input-data":§}"#, r#""aGk=""#),
        ("guest-exec", r#"{"path":"db","arg":§}"#, r#"["--PASSWORD", "hunter2"]"#),
        ("guest-exec", r#"{"path":"db","arg":§}"#, r#"["--pass\u0077ord", "hunter2"]"#),
        ("blockdev-add", r#"{"driver":"https","cookie":§,"url":"https://x/"}"#, r#""id=5""#),
        ("blockdev-add", r#"{"driver":"https","url":§}"#, r#""https://me:hunter2@x/""#),
        ("blockdev-add", r#"{"filename":§}"#, r#""json:{\"password\":\"hunter2\"}""#),
        ("blockdev-add", r#"{"filename":§}"#, r#""rbd:pool/image:id=me:key=hunter2""#),
        ("qom-set", r#"{"path":"/a","property":"proxy-password","value":§}"#, r#""hunter2""#),
        ("x", r#"{"a":[{"b":{"Old-Password":§}}]}"#, "12.5e3"),
        ("x", r#"{"a":[{"b":{"pass\u0077ord":§}}]}"#, "null"),
        ("x", r#"{"a":[{"passphrase":§}, 1]}"#, r#"{"deep":[{"er":"}"}]}"#),
    ];
    for (name, arguments, secret) in table {
        let wire = command(name, &arguments.replace('§', secret));
        let expected = command(name, &arguments.replace('§', r#""••••""#));
        assert_eq!(redacted(&wire), expected);
    }
}

#[test]
fn what_is_no_secret_is_shown_and_not_copied() {
    let shown = [
        command("blockdev-add", r#"{"driver":"https","password-secret":"s0","url":"https://x/"}"#),
        command("object-del", r#"{"id":"secret0"}"#),
        command("object-add", r#"{"qom-type":"memory-backend-ram","id":"m","data":"x"}"#),
        command("qom-set", r#"{"path":"/a","property":"guest-stats","value":2}"#),
        command("ringbuf-write", r#"{"device":"r","data":"x"}"#),
        command("human-monitor-command", r#"{"command-line":"info block"}"#),
        command("guest-exec", r#"{"path":"ls","arg":["-l","\u00e9t\u00e9"]}"#),
        r#"{"return":[{"name":"set_password","arg-type":"1"},{"name":"password"}]}"#.to_owned(),
        r#"{"error":{"class":"GenericError","desc":"Parameter 'password' is missing"}}"#.to_owned(),
        r#"{"return":{"filename":"https://me@host/"}}"#.to_owned(),
        r#"{"event":"JOB","data":{"id":"\ud83d\ude00","note":"\u00e9"}}"#.to_owned(),
        "half a mess".to_owned(),
        String::new(),
    ];
    for wire in shown {
        assert!(matches!(redact(wire.as_bytes()), Cow::Borrowed(_)), "{wire}");
    }
}

#[test]
fn sentinels_line_ends_and_several_messages_are_kept() {
    let wire = b"\xff\xff{\"password\":\"x\"}\n{\"passwd\":\"y\"}\r\n";
    let expected = "{\"password\":\"••••\"}\n{\"passwd\":\"••••\"}\r\n";
    assert_eq!(*redact(wire), [b"\xff\xff", expected.as_bytes()].concat());
}

#[test]
fn what_is_suspicious_and_not_understood_is_masked_as_a_whole() {
    let table = [
        r#"{"execute":"set_password","arguments":{"password":"hun"#,
        r#"{'execute':'set_password','arguments':{'password':'hunter2'}}"#,
        r#"{"password" "hunter2"}"#,
        r#"ter2","password":"x"}"#,
        "{\"password\":\"a\u{1}b\"}",
    ];
    for wire in table {
        assert_eq!(redacted(wire), MASK, "{wire}");
    }
}

#[test]
fn a_message_of_any_depth_is_masked() {
    let wire = format!("{}{{\"password\":1}}{}", "[".repeat(5000), "]".repeat(5000));
    assert!(redacted(&wire).contains(MASK));
}

fn json() -> impl Strategy<Value = Value> {
    let name = || {
        prop_oneof![
            Just("password".to_owned()),
            Just("data".to_owned()),
            Just("qom-type".to_owned()),
            Just("execute".to_owned()),
            "[a-z\"\\\\{}:,]{0,4}",
        ]
    };
    let text = prop_oneof![Just("secret".to_owned()), ".{0,6}", "[\"\\\\{}\\[\\]:,]{0,6}"];
    let leaf = prop_oneof![text.prop_map(Value::from), any::<i32>().prop_map(Value::from)];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((name(), inner), 0..4)
                .prop_map(|members| Value::Object(members.into_iter().collect())),
        ]
    })
}

/// The same judgement on the decoded message: only the plain rule, that a password is masked.
fn without_passwords(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "password" => *member = "••••".into(),
                    _ => without_passwords(member),
                }
            }
        }
        Value::Array(elements) => elements.iter_mut().for_each(without_passwords),
        _ => {}
    }
}

proptest! {
    #[test]
    fn masking_keeps_json_json_and_leaves_no_password(message in json(), pretty: bool) {
        let wire = match pretty {
            true => serde_json::to_vec_pretty(&message).unwrap(),
            false => serde_json::to_vec(&message).unwrap(),
        };
        let masked: Value = serde_json::from_slice(&redact(&wire)).unwrap();
        let mut clean = masked.clone();
        without_passwords(&mut clean);
        prop_assert_eq!(masked, clean);
    }

    #[test]
    fn without_a_command_or_a_secret_only_passwords_are_masked(message in json()) {
        let wire = serde_json::to_vec(&message).unwrap();
        let text = String::from_utf8_lossy(&wire);
        prop_assume!(!text.contains("execute") && !text.contains("qom-type"));
        prop_assume!(!text.contains("secret\":"));
        let mut expected = message;
        without_passwords(&mut expected);
        prop_assert_eq!(serde_json::from_slice::<Value>(&redact(&wire)).unwrap(), expected);
    }

    #[test]
    fn no_bytes_make_it_panic(wire in prop::collection::vec(any::<u8>(), 0..60)) {
        redact(&wire);
        redact(&[b"\"password\":", &wire[..]].concat());
        redact(&[b"{\"password\":", &wire[..], b"}"].concat());
    }
}

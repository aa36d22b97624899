use std::borrow::ToOwned;
use std::format;
use std::string::{String, ToString};
use std::vec::Vec;

use proptest::prelude::*;
use serde_json::Value;

use super::*;
use crate::redact::text::MASK;

fn redacted(wire: &str) -> String {
    String::from_utf8(redact(wire.as_bytes()).into_owned()).unwrap()
}

fn command(name: &str, arguments: &str) -> String {
    format!(r#"{{"execute":"{name}","arguments":{arguments},"id":7}}"#)
}

mod documented {
    //! The table in the documentation.

    use super::*;

    const TABLE: &str = include_str!("table.md");

    fn code(cell: &str) -> Option<&str> {
        cell.trim().strip_prefix('`')?.strip_suffix('`')
    }

    fn rows(columns: usize) -> Vec<Vec<&'static str>> {
        let cells = |line: &'static str| -> Option<Vec<_>> {
            let line = line.strip_prefix("| ")?.strip_suffix(" |")?;
            Some(line.split(" | ").collect())
        };
        let rows = TABLE.lines().filter_map(cells);
        rows.filter(|cells| cells.len() == columns && code(cells[1]).is_some()).collect()
    }

    #[test]
    fn the_rows_of_masked_values_are_masked_as_documented() {
        let rows = rows(3);
        assert!(rows.len() >= 19, "{}", rows.len());
        for row in rows {
            assert_eq!(redacted(code(row[1]).unwrap()), code(row[2]).unwrap(), "{}", row[0]);
        }
    }

    #[test]
    fn the_rows_of_shown_values_are_shown_and_not_copied() {
        let rows = rows(2);
        assert!(rows.len() >= 8, "{}", rows.len());
        for row in rows {
            let wire = code(row[1]).unwrap();
            assert!(matches!(redact(wire.as_bytes()), Cow::Borrowed(_)), "{}", redacted(wire));
        }
    }

    #[test]
    fn the_table_contains_every_word_in_the_lists() {
        let lists: [&[&str]; 6] = [
            &names::WORDS,
            &names::WORDS_FOR_TEXT,
            &names::NAMES_FOR_TEXT,
            &names::ENDS_FOR_TEXT,
            &names::REFERENCES,
            &line::HARMLESS,
        ];
        for word in lists.concat() {
            assert!(TABLE.contains(&format!("`{word}`")), "{word} is not in the table");
        }
    }
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
        (
            "object-add",
            r#"{"qom-type":"secret","id":"s","props":
{"data":§}}"#,
            r#""hunter2""#,
        ),
        ("object-add", r#"{"props":{"data":§},"qom-type":"secret","id":"s"}"#, r#""hunter2""#),
        ("object-add", r#"{"qom-type":"secret_keyring","data":§,"serial":5}"#, r#""hunter2""#),
        ("object-add", r#"{"id":"s0","data":§}"#, r#""hunter2""#),
        ("human-monitor-command", r#"{"command-line":§}"#, r#""change vnc password x""#),
        ("human-monitor-command", r#"{"command-line":§}"#, r#""object_add secret,id=s,data=x""#),
        ("human-monitor-command", r#"{"command-line":§}"#, r#""migrate -d \"exec:cat > /x\"""#),
        ("human-monitor-command", r#"{"command-line":§}"#, r#""sendkey h-u-n""#),
        ("guest-file-write", r#"{"handle":3,"buf-b64":§,"count":2}"#, r#""aGk=""#),
        ("guest-exec", r#"{"path":"sh","env":§,"capture-output":true}"#, r#"["A=1", "B=]\""]"#),
        ("guest-exec", r#"{"path":"sh","input-data":§}"#, r#""aGk=""#),
        ("guest-exec", r#"{"path":"db","arg":§}"#, r#"["--PASSWORD", "hunter2"]"#),
        ("guest-exec", r#"{"path":"net","arg":§}"#, r#"["user", "me", "hunter2"]"#),
        ("blockdev-add", r#"{"driver":"https","cookie":§,"url":"https://x/"}"#, r#""id=5""#),
        ("netdev_add", r#"{"type":"l2tpv3","txcookie":§,"id":"n"}"#, "81985529216486895"),
        ("change", r#"{"target":"password","arg":§,"device":"vnc"}"#, r#""hunter2""#),
        ("change", r#"{"target":"password","arg":§}"#, r#""hunter2""#),
        ("qom-set", r#"{"path":"/a","property":"proxy-password","value":§}"#, r#""hunter2""#),
        ("qom-set", r#"{"value":§,"path":"/objects/s","property":"data"}"#, r#""hunter2""#),
        ("qom-set", r#"{"value":§,"path":"/objects/s"}"#, r#""hunter2""#),
        ("migrate", r#"{"channels":[{"addr":{"transport":"exec","args":§}}]}"#, r#"["/x","y"]"#),
        ("x", r#"{"headers":[{"name":"X-Auth-Token","value":§},{"name":"a","value":1}]}"#, "5"),
        ("x", r#"{"SECRET":§,"api-key":"••••","auth-token":"••••","private-key":"••••"}"#, "1"),
        ("x", r#"{"Authorization:":§}"#, r#""Bearer x""#),
        ("guest-file-write", r#"{'handle':3,'buf-b64':§,'count':2}"#, "'aGk='"),
        ("guest-exec", r#"{'path':'sh','env':§,'capture-output':true}"#, "['A=1', 'B=]\\'']"),
        ("guest-exec", r#"{'path':'sh','input-data':§}"#, "'aGk='"),
        ("set_password", r#"{'password':§}"#, "'it\"s'"),
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

/// Commands with secrets, in the spellings of this project, of printers, and of people at a
/// terminal.
fn spellings() -> Vec<String> {
    let commands = [
        r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"hunter2"}}"#,
        r#"{"execute":"object-add","arguments":{"qom-type":"secret","id":"s","data":"hunter2"}}"#,
        r#"{"arguments":{"props":{"data":"hunter2"},"qom-type":"secret"},"execute":"object-add"}"#,
        r#"{"execute":"qom-set","arguments":{"path":"/s","property":"data","value":"hunter2"}}"#,
        r#"{"execute":"change","arguments":{"device":"vnc","target":"password","arg":"hunter2"}}"#,
        r#"{"execute":"guest-exec","arguments":{"path":"x","arg":["-u","hunter2"],"env":["hunter2"]}}"#,
        r#"{"arguments":{"arg":["hunter2"],"input-data":"hunter2"},"execute":"guest-exec"}"#,
        r#"{"execute":"human-monitor-command","arguments":{"command-line":"change vnc hunter2"}}"#,
        r#"{"execute":"blockdev-add","arguments":{"filename":"json:{\"password\":\"hunter2\"}"}}"#,
        r#"{"execute":"migrate","arguments":{"uri":"exec:gpg -c hunter2"}}"#,
        r#"{"execute":"x","arguments":{"url":"https://me:hunter2@host/","b":"curl -u me:hunter2"}}"#,
        r#"{"execute":"x","arguments":{"headers":{"Authorization":"hunter2"},"api-key":"hunter2"}}"#,
        r#"{"return":{"file":"https://me:hunter2@host/","token":"hunter2","out-data":"hunter2"}}"#,
        r#"{"error":{"class":"GenericError","desc":"no 'json:{\"token\":\"hunter2\"}', alas"}}"#,
    ];
    let mut spellings: Vec<String> = Vec::new();
    for command in commands {
        let value: Value = serde_json::from_str(command).unwrap();
        let pretty = serde_json::to_string_pretty(&value).unwrap();
        // Some printers escape arbitrary characters of names and values.
        let escaped = command.replace("ss", "s\\u0073").replace("hun", "\\u0068un");
        let lines =
            command.replace("\":", "\"\n:\n").replace(",\"", ",\n{\"").replace("\n{\"", "\n\"");
        spellings.extend([command.to_owned(), pretty, escaped, lines]);
        if !command.contains("\\\"") {
            spellings.push(command.replace('"', "'"));
        }
    }
    spellings
}

#[test]
fn no_spelling_and_no_part_of_one_shows_a_secret() {
    let spellings = spellings();
    assert!(spellings.len() > 60);
    for spelling in spellings {
        for end in 0..=spelling.len() {
            let shown = redacted(&spelling[..end]);
            let is_shown = ["hunt", "\\u0068", "68un"].iter().any(|part| shown.contains(part));
            assert!(!is_shown, "{shown}\nof {}", &spelling[..end]);
        }
    }
}

#[test]
fn the_secret_within_a_text_is_masked() {
    let table = [
        ("https://me:hunter2@x/y", "https://••••@x/y"),
        ("a https://me:p@ss/w'o rd@x, b", "a https://••••@x, b"),
        ("see https://x/ or ftp://token@y", "see https://••••@y"),
        ("https://x/y", "https://x/y"),
        ("https://x/?token=abc&y", "https://x/?token=••••"),
        ("driver=https,file.password=abc,x=y", "driver=https,file.password=••••"),
        ("password = 'a b'\nnext", "password = '••••\nnext"),
        ("file.key-secret=s0,encrypt.key-secret=s1", "file.key-secret=s0,encrypt.key-secret=s1"),
        ("curl --password hunter2", "curl --password ••••"),
        ("curl -ume:hunter2 x", "curl ••••"),
        ("curl --user me:hunter2 x", "curl --user ••••"),
        ("curl -H 'Authorization: Bearer x'", "curl -H 'Authorization: ••••"),
        ("user -me:hunter2", "user -me:hunter2"),
        ("guest-exec: failed", "guest-exec: failed"),
        (
            "hostfwd=a,guestfwd=tcp:10.0.2.1:1-cmd:nc x",
            "hostfwd=a,guestfwd=tcp:10.0.2.1:1-cmd:••••",
        ),
        ("Could not read password: none", "Could not read password: ••••"),
        ("data=x", "data=x"),
        ("a\nsecret,data=x\ndata=y", "a\nsecret,data=••••\ndata=y"),
        ("no {braces}: at all", "no {braces}: at all"),
        ("json:{'a': 'b'}", "json:{'a': 'b'}"),
        ("x {\"api-key\": \"k\", \"b\": 1} y", "x {\"api-key\": \"••••\", \"b\": 1} y"),
        ("x {\"password\": \"k", "x ••••"),
        (
            "{\"a\": \"json:{\\\"token\\\":\\\"t\\\"}\"}",
            "{\"a\": \"json:{\\\"token\\\":\\\"••••\\\"}\"}",
        ),
    ];
    for (text, shown) in table {
        let message = |text: &str| serde_json::json!({"error": {"desc": text}}).to_string();
        let left: Value = serde_json::from_str(&redacted(&message(text))).unwrap();
        assert_eq!(left["error"]["desc"], shown);
        assert_eq!(Secrets::new().mask(text), shown);
    }
}

#[test]
fn json_in_strings_in_strings_is_masked_however_deep() {
    let mut text = r#"json:{"password":"hunter2"}"#.to_owned();
    for _ in 0..8 {
        text = serde_json::json!({ "file": text }).to_string();
        let masked = redacted(&text);
        assert!(!masked.contains("hunter2") && masked.contains(MASK), "{masked}");
        serde_json::from_str::<Value>(&masked).unwrap();
    }
}

#[test]
fn values_that_are_not_secret_are_shown_and_not_copied() {
    let shown = [
        command("blockdev-add", r#"{"driver":"https","password-secret":"s0","url":"https://x/"}"#),
        command("object-del", r#"{"id":"secret0"}"#),
        command("object-add", r#"{"qom-type":"memory-backend-ram","id":"m","data":"x"}"#),
        command("qom-set", r#"{"path":"/a","property":"guest-stats","value":2}"#),
        command("human-monitor-command", r#"{"command-line":"info block"}"#),
        command("change", r#"{"device":"ide1","target":"/x.iso","arg":"raw"}"#),
        command("guest-ssh-add-authorized-keys", r#"{"username":"x","keys":["ssh-rsa AAAA"]}"#),
        r#"{"return":[{"name":"set_password","arg-type":"1"},{"name":"password"}]}"#.to_owned(),
        r#"{"error":{"class":"GenericError","desc":"Parameter 'password' is missing"}}"#.to_owned(),
        r#"{"timestamp":{"seconds":1},"event":"MIGRATION_PASS","data":{"pass":2}}"#.to_owned(),
        r#"{"event":"JOB","data":{"id":"\ud83d","note":"\u00e9"}}"#.to_owned(),
        r#"{"return": {"x": NaN, "y": -inf, "z": 0,5}}"#.to_owned(),
        r#"{"return": {"key": {"type": "qcode", "data": "a"}, "arg": "x", "keys": []}}"#.to_owned(),
        "\"hunter2\"".to_owned(),
        "half a mess".to_owned(),
        "qemu-system-x86_64: warning: host doesn't support requested feature".to_owned(),
        String::new(),
    ];
    for wire in shown {
        assert!(matches!(redact(wire.as_bytes()), Cow::Borrowed(_)), "{}", redacted(&wire));
    }
}

#[test]
fn the_whole_schema_and_all_recorded_replies_are_shown() {
    let recording = include_str!("../../tests/data/transcripts/schema_7.2.jsonl");
    let mut longest = 0;
    for line in recording.lines().filter(|line| line.contains("\"dir\":\"s2c\"")) {
        let hex = line.split_once("\"hex\":\"").and_then(|(_, rest)| rest.split_once('"'));
        let Some((hex, _)) = hex else { continue };
        let byte = |at: usize| u8::from_str_radix(&hex[at..at + 2], 16).unwrap();
        let bytes: Vec<u8> = (0..hex.len()).step_by(2).map(byte).collect();
        longest = longest.max(bytes.len());
        if serde_json::from_slice::<Value>(&bytes).is_ok() {
            assert!(matches!(redact(&bytes), Cow::Borrowed(_)), "{}", redact(&bytes).len());
        }
    }
    assert!(longest > 1000, "{longest}");
}

#[test]
fn sentinels_line_ends_and_several_messages_are_kept() {
    let wire = b"\xff\xff{\"password\":\"x\"}\n{\"passwd\":\"y\"}\r\n";
    let expected = "{\"password\":\"••••\"}\n{\"passwd\":\"••••\"}\r\n";
    assert_eq!(*redact(wire), [b"\xff\xff", expected.as_bytes()].concat());
    let two = r#"{"execute":"guest-exec","arguments":{}} {"return":{"arg":"x"}}"#;
    assert_eq!(redacted(two), two, "the kind of one message does not affect the next");
}

#[test]
fn the_rest_of_invalid_text_is_masked() {
    let table = [
        (
            r#"{"execute":"set_password","arguments":{"password":"hun"#,
            r#"{"execute":"set_password","arguments":{"password":"••••""#,
        ),
        (
            r#"{'execute':'object-add','arguments':{'data':'hunter2','qom-type':'sec"#,
            r#"{'execute':'object-add','arguments':{'data':"••••",'qom-type':"••••""#,
        ),
        (r#"{"password" "hunter2"}"#, r#"{"password" "••••""#),
        (r#"{"password":"a"b"}"#, r#"{"password":"••••""••••""#),
        (r#"ter2","password":"x"}"#, r#""••••""#),
        (r#"ter2","capture-output":true},"id":1}"#, r#""••••""#),
        ("{\"password\":\"a\u{1}b\"}", "{\"password\":\"••••\""),
        ("GET / HTTP/1.1\r\nCookie: a=b\r\n", r#""••••""#),
        (
            r#"{"execute":"x","arguments":{"y":"hunter2"]}"#,
            r#"{"execute":"x","arguments":{"y":"hunter2""••••""#,
        ),
    ];
    for (wire, shown) in table {
        assert_eq!(redacted(wire), shown, "{wire}");
    }
}

#[cfg(feature = "serde")]
#[test]
fn a_part_of_a_text_shows_no_part_of_a_secret() {
    let text = r#"{"a": "x", "password": "hunter2", "b": "https://me:swordfish@h/", "c": 1}"#;
    for start in 0..text.len() {
        for end in start..=text.len() {
            let part = redact_part(text, start..end);
            assert!(
                !["hun", "ter", "wordfi", "fish"].iter().any(|word| part.contains(word)),
                "{part}"
            );
            assert!(part.len() <= end - start + 2 * (MASK.len() + 2), "{part}");
        }
    }
    assert_eq!(redact_part(text, 0..text.len()), redacted(text));
}

#[test]
fn a_message_of_any_depth_is_masked() {
    for depth in [1, 1000, 1024, 5000] {
        let wire = format!("{}{{\"password\":1}}{}", "{\"a\":".repeat(depth), "}".repeat(depth));
        assert!(redacted(&wire).contains(MASK));
        assert!(!redacted(&wire).contains("\":1"));
    }
}

/// Inputs for which a naive implementation takes quadratic time.
#[test]
fn the_steps_are_linear_in_the_length() {
    let string = |text: String| Value::from(text).to_string();
    let deep = |levels: usize, inside: &str| {
        format!("{}{inside}{}", "{\"data\":".repeat(levels), "}".repeat(levels))
    };
    let spellings: [(&str, &dyn Fn(usize) -> String); 12] = [
        ("flat", &|n| format!("[{}1]", "{\"a\":1},".repeat(n))),
        ("1000 levels", &|n| {
            format!("[{}1]", [deep(1000, "1"), ",".into()].concat().repeat(n / 1000))
        }),
        ("1000 levels of hidden", &|n| deep(1000, &format!("[{}1]", "1,".repeat(n)))),
        ("too deep", &|n| "[".repeat(n)),
        ("many undecided", &|n| format!("{{\"x\":[{}1]}}", "{\"data\":1,\"value\":2},".repeat(n))),
        ("colons", &|n| format!("{{\"a\":{}}}", string(":".repeat(n)))),
        ("URLs without users", &|n| format!("{{\"a\":{}}}", string("x://".repeat(n)))),
        ("URLs", &|n| format!("{{\"a\":{}}}", string("x://y:z@".repeat(n)))),
        ("open brackets", &|n| format!("{{\"a\":{}}}", string("{\"a\":[".repeat(n)))),
        ("JSON in a string", &|n| format!("{{\"a\":{}}}", string("{\"password\":1}".repeat(n)))),
        ("data", &|n| format!("{{\"a\":{}}}", string("secret\rdata=".repeat(n)))),
        ("options", &|n| format!("{{\"a\":{}}}", string("-u --password -- a:".repeat(n)))),
    ];
    for (spelling, text) in spellings {
        let mut last = None;
        for length in [2000, 10_000, 50_000] {
            let text = text(length);
            steps::taken();
            redact(text.as_bytes());
            let steps_a_byte = steps::taken() as f64 / text.len() as f64;
            assert!(steps_a_byte > 0.1, "{spelling}: nothing is counted");
            assert!(steps_a_byte < 100.0, "{spelling}: {steps_a_byte} steps a byte");
            assert!(last.is_none_or(|last| steps_a_byte < 1.2 * last), "{spelling}: it grows");
            last = Some(steps_a_byte);
        }
    }
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

/// Masks passwords in the decoded message, by the simple rule for their name only.
fn without_passwords(value: &mut Value) {
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                match name.as_str() {
                    "password" => *member = MASK.into(),
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
    fn only_passwords_are_masked_in_a_reply_without_other_secrets(message in json()) {
        let message = serde_json::json!({ "return": message });
        let wire = serde_json::to_vec(&message).unwrap();
        let text = String::from_utf8_lossy(&wire);
        prop_assume!(!text.contains("qom-type") && !text.contains("secret\":"));
        let mut expected = message;
        without_passwords(&mut expected);
        prop_assert_eq!(serde_json::from_slice::<Value>(&redact(&wire)).unwrap(), expected);
    }

    #[test]
    fn no_bytes_cause_a_panic(wire in prop::collection::vec(any::<u8>(), 0..60)) {
        redact(&wire);
        redact(&[b"\"password\":", &wire[..]].concat());
        redact(&[b"{\"password\":", &wire[..], b"}"].concat());
        Secrets::of(&[b"{\"env\":", &wire[..], b"}"].concat()).mask("x");
        messages(&wire).count();
    }

    #[test]
    fn no_text_causes_a_panic(text in "[a:=@{}\"'\\-/\n ]{0,40}(password|exec|-u| |secret|://){0,4}[a:=@{}\"'\\-/\n ]{0,40}") {
        let message = serde_json::json!({"a": text}).to_string();
        serde_json::from_slice::<Value>(&redact(message.as_bytes())).unwrap();
    }
}

//! Generated messages: in QEMU's format, in any valid format, and damaged.

use proptest::collection::vec;
use proptest::prelude::*;
use std::format;
use std::string::{String, ToString};
use std::vec;
use std::vec::Vec;

/// The separators of members and elements.
#[derive(Clone, Copy, Debug)]
enum Format {
    Qemu,
    Any,
}

/// A message in the format of QEMU, the storage daemon and the agent.
pub(super) fn in_qemus_format() -> impl Strategy<Value = String> {
    let body = || value(Format::Qemu);
    prop_oneof![
        4 => (body(), id()).prop_map(|(body, id)| format!("{{\"return\": {body}, \"id\": {id}}}")),
        1 => body().prop_map(|body| format!("{{\"return\": {body}}}")),
        2 => (id(), class(), string()).prop_map(|(id, class, description)| format!(
            "{{\"id\": {id}, \"error\": {{\"class\": \"{class}\", \"desc\": {description}}}}}"
        )),
        1 => (class(), string()).prop_map(|(class, description)| format!(
            "{{\"error\": {{\"class\": \"{class}\", \"desc\": {description}}}}}"
        )),
        4 => (stamp(), event_name(), proptest::option::of(body())).prop_map(|(stamp, name, data)| {
            let data = data.map(|data| format!(", \"data\": {data}")).unwrap_or_default();
            format!("{{\"timestamp\": {stamp}, \"event\": \"{name}\"{data}}}")
        }),
    ]
}

/// A valid message with members in any order, blanks, escapes and unknown members.
pub(super) fn in_any_format() -> impl Strategy<Value = String> {
    let body = || value(Format::Any);
    let known = prop_oneof![
        body().prop_map(|body| vec![("return", body)]),
        (class(), string(), body()).prop_map(|(class, description, other)| vec![(
            "error",
            format!("{{ \"data\":{other},\"desc\" :{description},\"cl\\u0061ss\": \"{class}\" }}")
        )]),
        (event_name(), body(), proptest::option::of(stamp())).prop_map(|(name, data, stamp)| {
            let mut members = vec![("event", format!("\"{name}\"")), ("data", data)];
            members.extend(stamp.map(|stamp| ("timestamp", stamp)));
            members
        }),
    ];
    let unknown = vec(("__[a-z]{1,4}", body()), 0..3);
    let id = proptest::option::of(prop_oneof![id(), body()]);
    (known, unknown, id, any::<u64>(), vec(blanks(), 24))
        .prop_flat_map(|(known, unknown, id, escaping, blanks)| {
            let mut members: Vec<(String, String)> = Vec::new();
            members.extend(known.into_iter().map(|(name, value)| (name.into(), value)));
            members.extend(id.map(|id| ("id".into(), id)));
            for (name, value) in unknown {
                if !members.iter().any(|(other, _)| *other == name) {
                    members.push((name, value));
                }
            }
            (Just(members).prop_shuffle(), Just(escaping), Just(blanks))
        })
        .prop_map(|(members, mut escaping, blanks)| {
            let mut blanks = blanks.into_iter().cycle();
            let mut blank = move || blanks.next().unwrap_or_default();
            let mut text = String::from("{");
            for (at, (name, value)) in members.iter().enumerate() {
                let name = escaped(name, escaping & 3 == 0);
                escaping >>= 2;
                let comma = if at == 0 { "" } else { "," };
                text += &format!(
                    "{comma}{}\"{name}\"{}:{}{value}{}",
                    blank(),
                    blank(),
                    blank(),
                    blank()
                );
            }
            text + "}"
        })
}

/// A damaged message.
pub(super) fn damaged() -> impl Strategy<Value = Vec<u8>> {
    let line = prop_oneof![3 => in_qemus_format(), 1 => in_any_format()];
    (line, in_qemus_format(), vec(damage(), 1..4)).prop_map(|(line, other, damages)| {
        let mut line = line.into_bytes();
        for damage in damages {
            damage.apply(&mut line, other.as_bytes());
        }
        line
    })
}

#[derive(Clone, Debug)]
enum Damage {
    Delete { at: prop::sample::Index, count: usize },
    Insert { at: prop::sample::Index, text: &'static [u8] },
    Replace { at: prop::sample::Index, byte: u8 },
    Repeat { from: prop::sample::Index, to: prop::sample::Index },
    Follow { other: bool },
}

impl Damage {
    fn apply(&self, line: &mut Vec<u8>, other: &[u8]) {
        let length = line.len() + 1;
        match self {
            Self::Delete { at, count } => {
                let at = at.index(length);
                let end = (at + count).min(line.len());
                line.drain(at..end);
            }
            Self::Insert { at, text } => {
                let at = at.index(length);
                line.splice(at..at, text.iter().copied());
            }
            Self::Replace { at, byte } => {
                if let Some(old) = line.get_mut(at.index(length)) {
                    *old = *byte;
                }
            }
            Self::Repeat { from, to } => {
                let (from, to) = (from.index(length), to.index(length));
                let part = line[from.min(to)..from.max(to)].to_vec();
                line.splice(to..to, part);
            }
            Self::Follow { other: true } => line.extend_from_slice(other),
            Self::Follow { other: false } => {
                let front = other.len() / 2;
                line.splice(0..0, other[..front].iter().copied());
            }
        }
    }
}

fn damage() -> impl Strategy<Value = Damage> {
    const TEXTS: &[&[u8]] = &[
        b"{",
        b"}",
        b"[",
        b"]",
        b"\"",
        b"\\",
        b",",
        b":",
        b" ",
        b"\t",
        b"\x0C",
        b"\x0B",
        b"\0",
        b"0",
        b"1",
        b"-",
        b".",
        b"e5",
        b"inf",
        b"true",
        b"\xFF",
        b"\xC3",
        b"\xEF\xBB\xBF",
        b", \"id\": 7",
        b"\"id\": 8, ",
        b", \"id\": 9}",
        b"{\"return\": ",
        b", \"data\": ",
        b", \"return\": {}",
        b", \"error\": {\"class\": \"X\", \"desc\": \"\"}",
        b", \"\\u0069d\": 7",
        b", \"event\": \"E\"",
        b"\\ud800",
        b"\"\\uD83D\"",
        b"  ",
        b"\n",
    ];
    let at = || any::<prop::sample::Index>();
    prop_oneof![
        (at(), 1_usize..6).prop_map(|(at, count)| Damage::Delete { at, count }),
        (at(), prop::sample::select(TEXTS)).prop_map(|(at, text)| Damage::Insert { at, text }),
        (at(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace { at, byte }),
        (at(), at()).prop_map(|(from, to)| Damage::Repeat { from, to }),
        any::<bool>().prop_map(|other| Damage::Follow { other }),
    ]
}

fn id() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => (0_u64..100).prop_map(|id| id.to_string()),
        1 => any::<u64>().prop_map(|id| id.to_string()),
        1 => Just("null".to_string()),
        1 => "-?[0-9]\\.[0-9]{1,3}",
        1 => string(),
    ]
}

fn class() -> impl Strategy<Value = String> {
    prop_oneof![Just("GenericError".to_string()), "[A-Z][a-zA-Z]{0,12}"]
}

fn event_name() -> impl Strategy<Value = String> {
    prop_oneof![4 => "[A-Z_]{1,12}", 1 => "[ -!#-\\[\\]-~]{0,6}"]
}

fn stamp() -> impl Strategy<Value = String> {
    let number = || {
        prop_oneof![
            3 => "[1-9][0-9]{0,9}",
            1 => Just("-1".to_string()),
            1 => Just("-0".to_string()),
            1 => any::<i64>().prop_map(|it| it.to_string()),
            1 => "[1-9][0-9]{16,22}",
        ]
    };
    (number(), number()).prop_map(|(seconds, microseconds)| {
        format!("{{\"seconds\": {seconds}, \"microseconds\": {microseconds}}}")
    })
}

fn value(format: Format) -> BoxedStrategy<String> {
    let leaf = prop_oneof![
        Just("{}".to_string()),
        prop::sample::select(vec!["true", "false", "null", "[]"]).prop_map(str::to_string),
        "-?(0|[1-9][0-9]{0,21})(\\.[0-9]{1,4})?([eE][-+]?[0-9]{1,2})?",
        string(),
    ];
    leaf.prop_recursive(4, 24, 5, move |inner| {
        let blank = move || match format {
            Format::Qemu => Just(String::new()).boxed(),
            Format::Any => blanks().boxed(),
        };
        let (comma, colon) = match format {
            Format::Qemu => (", ", ": "),
            Format::Any => (",", ":"),
        };
        let element = (blank(), inner.clone(), blank())
            .prop_map(|(before, value, after)| before + &value + &after);
        let member = (blank(), string(), blank(), blank(), inner, blank())
            .prop_map(move |(a, name, b, c, value, d)| format!("{a}{name}{b}{colon}{c}{value}{d}"));
        prop_oneof![
            vec(element, 0..5).prop_map(move |all| format!("[{}]", all.join(comma))),
            vec(member, 0..5).prop_map(move |all| format!("{{{}}}", all.join(comma))),
        ]
    })
    .boxed()
}

/// A string with its quotes: plain, escaped, not ASCII, or similar to the end of a message.
fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => "[a-z ]{0,8}",
        2 => "[^\"\\\\\\x00-\\x1F]{1,3}",
        1 => prop::sample::select(vec![
            "\\\"", "\\\\", "\\/", "\\b", "\\n", "\\u0000", "\\u00e9", "\\uD83D\\uDE00", "\\uFFFF",
            ", \\\"id\\\": 7}", "}", "{", "]", "\\\\\\\"", "%d",
        ])
        .prop_map(str::to_string),
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

fn blanks() -> impl Strategy<Value = String> {
    prop_oneof![3 => Just(String::new()), 1 => "[ \\t\\r\\n]{1,2}"]
}

fn escaped(name: &str, escape: bool) -> String {
    match name.chars().next() {
        Some(first) if escape => {
            format!("\\u{:04x}{}", first as u32, &name[first.len_utf8()..])
        }
        _ => name.into(),
    }
}

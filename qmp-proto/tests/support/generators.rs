//! Names and texts to be sent.

use proptest::collection::vec;
use proptest::prelude::*;

pub(crate) fn name() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => "[a-zA-Z0-9_.-]{1,20}",
        1 => any::<String>(),
        1 => "(\"|\\\\|\\{|\\}|,|:|[a-z]){1,12}",
        1 => "[a-z]{250,260}",
    ]
}

/// Valid objects, objects that QEMU refuses or reads as several messages, and random text.
pub(crate) fn text() -> impl Strategy<Value = String> {
    prop_oneof![6 => object(), 1 => soup()]
}

fn soup() -> impl Strategy<Value = String> {
    let pieces = prop::sample::select(vec![
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\"",
        "'",
        "\\",
        "\\\"",
        "\"a\"",
        "\"b\"",
        "\"id\"",
        "0",
        "1",
        "-",
        "e5",
        "0e5",
        "1.5",
        "true",
        "nul",
        "null",
        " ",
        "\n",
        "\t",
        "\u{1}",
        "\u{7F}",
        "\u{FEFF}",
        "\u{FFFE}",
        "\\ud800",
        "%",
        "{}",
        "[]",
        "{\"execute\":\"quit\"}",
        "\"execute\":\"quit\"",
    ]);
    vec(pieces, 0..14).prop_map(|pieces| pieces.concat())
}

fn object() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        4 => prop::sample::select(vec![
            "0", "-0", "0.5", "1e400", "0.0e5", "18446744073709551616", "true", "null", "{}", "[]",
            "1E-2",
        ])
        .prop_map(str::to_string),
        1 => prop::sample::select(vec!["0e5", "-0E1", "01", "+1", "1.", "NaN", "inf", "'x'"])
            .prop_map(str::to_string),
        6 => string(),
    ];
    let value = leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            vec(inner.clone(), 0..4).prop_map(|all| format!("[{}]", all.join(","))),
            members(inner).prop_map(|all| format!("{{{all}}}")),
        ]
    });
    (members(value), prop::sample::select(vec!["", " ", "\n\t", "}", "\u{C}", "1", "{}"])).prop_map(
        |(members, after)| {
            // Usually nothing follows.
            let after = if members.len() % 3 == 0 { after } else { "" };
            format!("{{{members}}}{after}")
        },
    )
}

fn members(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let name = prop_oneof![
        6 => "\"[a-z]{1,3}\"",
        2 => prop::sample::select(vec![
            "\"execute\"", "\"arguments\"", "\"id\"", "\"\\u0069d\"", "\"exec-oob\"", "\"\"",
        ])
        .prop_map(str::to_string),
        2 => string(),
    ];
    let separator = prop_oneof![8 => Just(","), 1 => Just(" ,\n"), 1 => Just(",,")];
    (vec((name, value), 0..5), separator).prop_map(|(members, separator)| {
        let members = members.iter().map(|(name, value)| format!("{name}:{value}"));
        members.collect::<Vec<_>>().join(separator)
    })
}

fn string() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => "[a-z{}\\[\\]:, '%/]{0,6}",
        4 => "[^\"\\\\\\x00-\\x1F]{1,2}",
        4 => prop::sample::select(vec![
            "\\\"", "\\\\", "\\/", "\\n", "\\u0000", "\\u00e9", "\\uD83D\\uDE00", "\u{7F}", "\u{10FFFD}",
        ])
        .prop_map(str::to_string),
        1 => prop::sample::select(vec![
            "\u{1}", "\n", "\u{FFFF}", "\u{FDD0}", "\u{1FFFE}", "\\uFFFE", "\\uD83F\\uDFFF", "\\ud800",
            "\\x", "\\'", "\u{1}{'execute':'quit'}",
        ])
        .prop_map(str::to_string),
    ];
    vec(piece, 0..4).prop_map(|pieces| format!("\"{}\"", pieces.concat()))
}

//! Streams of clients and of other senders on their line.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::generators::text;

/// Complete messages, incomplete ones, and noise.
pub(super) fn stream() -> impl Strategy<Value = Vec<u8>> {
    vec(piece(), 0..12).prop_map(|pieces| pieces.concat())
}

fn piece() -> impl Strategy<Value = Vec<u8>> {
    let message = prop::sample::select(vec![
        "{\"execute\":\"a\",\"id\":1}",
        "{\"execute\":\"b\",\"arguments\":{\"x\":[{}, \"}\"]}}\n",
        "{'execute':'c','id':'it\\'s'}",
        "{\"exec-oob\":\"d\"}",
        "{\"execute\":\"e\",\"exec-oob\":\"f\",\"id\":null}",
        "{\"execute\":\"guest-sync-delimited\",\"arguments\":{\"id\":7}}\n",
        "{\"execute\":\"qmp_capabilities\",\"arguments\":{\"enable\":[\"oob\"]}}",
        "{\"execute\":1}",
        "{\"execute\":\"g\n",
        "{'execute':'h}\n",
        "{\"execute\":[\"i\u{3}\n",
        "\u{1B}[A\n",
        "\n{\"execute\":\"j\",\"id\":2}\n",
        "\n \t{ 'id' : 3, 'execute':'k'}\n",
        "[]",
        "42 ",
        "null\n",
    ]);
    let token = prop::sample::select(vec![
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
        "\"x\"",
        "'y'",
        "0",
        "-",
        "1.",
        "e5",
        "1e5",
        "true",
        "nul",
        " ",
        "\n",
        "\t",
        "\r",
        "\u{1}",
        "\0",
        "\u{7F}",
        "é",
        "%",
        "N",
        "+",
        "\"execute\":",
        "{\"execute\":\"quit\"}",
        "[[[[[[[[",
        "\\u12",
        "\\ud800",
        "\u{FFFE}",
    ]);
    let raw = prop::sample::select(vec![
        &b"\xFF"[..],
        b"\xFE",
        b"\x80",
        b"\xC0\x80",
        b"\xC3",
        b"\xED\xA0\x80",
        b"\"\xC0\x80\"",
    ]);
    prop_oneof![
        6 => message.prop_map(|text| text.as_bytes().to_vec()),
        6 => token.prop_map(|text| text.as_bytes().to_vec()),
        2 => raw.prop_map(<[u8]>::to_vec),
        2 => text().prop_map(String::into_bytes),
        1 => vec(any::<u8>(), 0..6),
    ]
}

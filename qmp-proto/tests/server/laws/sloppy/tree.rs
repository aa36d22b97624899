//! Values with strings that somebody else has chosen.

use proptest::collection::vec;
use proptest::prelude::*;

/// A command inside a string, which must not be executed.
pub(super) const SMUGGLED: &str = "smuggled";

#[derive(Clone, Debug)]
pub(super) enum Tree {
    /// A JSON scalar, or the text of a library for numbers that JSON lacks.
    Plain(&'static str),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    Deep(usize, Box<Self>),
}

/// The kinds of texts that somebody else has chosen.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Texts {
    /// Any text.
    Any,
    /// Texts that close only brackets that they have opened.
    ClosingNothing,
}

/// Returns any value.
pub(super) fn tree(texts: Texts) -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        3 => prop::sample::select(vec![
            "0", "1.5", "true", "null", "NaN", "Infinity", "-Infinity", "inf", "-nan", "0e5", "1.",
            "+1", "01", "undefined", "None", "True",
        ]).prop_map(Tree::Plain),
        5 => chosen(texts).prop_map(Tree::Text),
    ];
    leaf.prop_recursive(4, 24, 4, move |inner| {
        let members = prop::sample::select(vec!["execute", "exec-oob"]);
        let smuggled =
            members.prop_map(|name| Tree::Object(vec![(name.into(), Tree::Text(SMUGGLED.into()))]));
        let value = prop_oneof![3 => inner, 1 => smuggled];
        prop_oneof![
            3 => vec(value.clone(), 0..4).prop_map(Tree::List),
            3 => vec((chosen(texts), value.clone()), 0..4).prop_map(Tree::Object),
            1 => (1000_usize..1100, value).prop_map(|(levels, it)| Tree::Deep(levels, it.into())),
        ]
    })
}

fn chosen(texts: Texts) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "{'execute':'smuggled'}", "{\"execute\":\"smuggled\"}", "\n{'execute':'smuggled'}",
            "\n{\"execute\":\"smuggled\"}", "\u{1}{'exec-oob':'smuggled'}", "\r \t{ \"id\" : 1",
            "\n{\"id", "execute", "\"execute\":", "'", "\"", "\\", "{", "[", "(", "\n", "\r", "\n{",
            "\u{1}", "\u{1}{", "\0", "\t", "\u{FFFF}", "\u{1B}", ":", ",", "%s",
        ]).prop_map(str::to_string),
        1 => prop::sample::select(match texts {
            Texts::Any => vec!["}", "]", "\"}", "'}", ")"],
            Texts::ClosingNothing => vec![")"],
        }).prop_map(str::to_string),
        1 => any::<String>().prop_map(move |text| match texts {
            Texts::Any => text,
            Texts::ClosingNothing => text.replace(['}', ']'], ""),
        }),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

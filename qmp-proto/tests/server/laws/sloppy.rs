//! No message of a sloppy client is two: whatever stands in the values that somebody has chosen,
//! nothing in them is run. QEMU would run it.

use proptest::collection::vec;
use proptest::prelude::*;
use qmp_proto::server::{Options, Received, Server};

use super::config;
use crate::host::NEGOTIATE;

/// A value, of which a client took the strings from somebody else.
#[derive(Clone, Debug)]
enum Tree {
    /// JSON, or what a library writes for numbers that JSON does not have.
    Plain(&'static str),
    Text(String),
    List(Vec<Self>),
    Object(Vec<(String, Self)>),
    Deep(usize, Box<Self>),
}

/// Writes it without escaping control characters, as deep as it is.
fn write(tree: &Tree) -> String {
    match tree {
        Tree::Plain(text) => (*text).into(),
        Tree::Text(text) => quoted(text),
        Tree::List(all) => {
            let all: Vec<_> = all.iter().map(write).collect();
            format!("[{}]", all.join(","))
        }
        Tree::Object(all) => {
            let all: Vec<_> =
                all.iter().map(|(name, it)| format!("{}:{}", quoted(name), write(it))).collect();
            format!("{{{}}}", all.join(",\n"))
        }
        Tree::Deep(levels, inner) => {
            format!("{}{}{}", "[".repeat(*levels), write(inner), "]".repeat(*levels))
        }
    }
}

fn quoted(text: &str) -> String {
    format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
}

fn chosen() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        4 => prop::sample::select(vec![
            "{'execute':'smuggled'}", "{\"execute\":\"smuggled\"}", "'", "\"", "\\", "{", "}", "[", "]",
            "\n", "\u{1}", "\0", "\t", "\u{FFFF}", "\u{1B}", ":", ",", "%s",
        ]).prop_map(str::to_string),
        1 => any::<String>(),
    ];
    vec(piece, 0..6).prop_map(|pieces| pieces.concat())
}

fn tree() -> impl Strategy<Value = Tree> {
    let leaf = prop_oneof![
        3 => prop::sample::select(vec![
            "0", "1.5", "true", "null", "NaN", "Infinity", "-Infinity", "inf", "-nan", "0e5", "1.",
            "+1", "01", "undefined", "None", "True",
        ]).prop_map(Tree::Plain),
        5 => chosen().prop_map(Tree::Text),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let smuggled = Just(Tree::Object(vec![("execute".into(), Tree::Text("smuggled".into()))]));
        let value = prop_oneof![3 => inner, 1 => smuggled];
        prop_oneof![
            3 => vec(value.clone(), 0..4).prop_map(Tree::List),
            3 => vec((chosen(), value.clone()), 0..4).prop_map(Tree::Object),
            1 => (1000_usize..1100, value).prop_map(|(levels, it)| Tree::Deep(levels, it.into())),
        ]
    })
}

/// The names of the commands in it, while it is read a byte at a time or at once.
fn commands(stream: &str, longest: usize) -> Vec<String> {
    let options = Options::monitor().in_band_limit(usize::MAX).longest_message(longest);
    let mut server: Server = Server::monitor(options);
    let (mut out, mut names) = (Vec::new(), Vec::new());
    server.handle_input(&mut out, NEGOTIATE.as_bytes()).unwrap();
    let mut input = stream.as_bytes();
    loop {
        let step = server.handle_input(&mut out, input).unwrap();
        input = &input[step.used..];
        match step.received {
            Some(Received::Command(command, _)) => names.push(command.name().to_string()),
            Some(_) => {}
            None => return names,
        }
    }
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn nothing_in_a_value_is_run(
        name in "[a-z]{1,5}",
        value in tree(),
        longest in prop_oneof![3 => Just(usize::MAX), 1 => 30_usize..300],
    ) {
        let message = format!("{{\"execute\":\"{name}\",\"arguments\":{{\"x\":{}}}}}", write(&value));
        let names = commands(&format!("{message}{{\"execute\":\"next\"}}"), longest);
        let (last, before) = names.split_last().unwrap();
        prop_assert_eq!(last, "next");
        prop_assert!(before.is_empty() || before == [name], "{:?}", before);
    }
}

//! A message of a sloppy client is never read as two: no command inside a value that somebody else
//! has chosen is executed. QEMU would execute it.

mod printer;
mod tree;

use proptest::prelude::*;
use qmp_proto::server::{Options, Received, Server};

use super::config;
use crate::host::NEGOTIATE;
use printer::{pairing_printer, printer};
use tree::{Texts, tree};

/// Returns the names of the received commands, for a stream in pieces of this length.
fn commands(stream: &[u8], longest: usize, piece: usize) -> Vec<String> {
    let options = Options::monitor().in_band_limit(usize::MAX).out_of_band_limit(usize::MAX);
    let mut server: Server = Server::monitor(options.longest_message(longest));
    let (mut out, mut names) = (Vec::new(), Vec::new());
    server.handle_input(&mut out, NEGOTIATE.as_bytes()).unwrap();
    let (mut start, mut end) = (0, 0);
    loop {
        let step = server.handle_input(&mut out, &stream[start..end]).unwrap();
        start += step.used;
        match step.received {
            Some(Received::Command(command, ticket)) => {
                names.push(command.name().to_string());
                server.leave_unanswered(&mut out, ticket);
            }
            Some(_) => {}
            None if end == stream.len() => return names,
            None => end = stream.len().min(end.saturating_add(piece)),
        }
    }
}

fn longest() -> impl Strategy<Value = usize> {
    prop_oneof![3 => Just(usize::MAX), 1 => 30_usize..300]
}

fn piece() -> impl Strategy<Value = usize> {
    prop::sample::select(vec![usize::MAX, 1, 7])
}

fn between() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["", "\n", "\r\n", " ", "\n \t"])
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn no_command_in_a_value_is_executed(
        name in "[a-z]{1,5}",
        value in tree(Texts::Any),
        by in printer(),
        id_first in any::<bool>(),
        between in between(),
        longest in longest(),
        piece in piece(),
    ) {
        let message =
            if id_first { by.command_last(&name, &value) } else { by.command(&name, &value) };
        let stream = format!("{message}{between}{{\"execute\":\"next\"}}");
        let names = commands(stream.as_bytes(), longest, piece);
        let (last, before) = names.split_last().unwrap();
        prop_assert_eq!(last, "next");
        prop_assert!(before.is_empty() || before == [name], "{:?}", before);
    }

    /// After a message that was cut off, the server may read strings as the text between them, and
    /// vice versa. Then texts that close more brackets than they open can cause execution, and so
    /// can escaped quotes.
    #[test]
    fn no_command_in_a_value_is_executed_after_a_message_that_was_cut_off(
        values in prop::collection::vec((tree(Texts::ClosingNothing), any::<bool>()), 2..5),
        by in pairing_printer(),
        at in any::<prop::sample::Index>(),
        noise in prop::sample::select(vec!["", "", "\u{1}", "\u{3}", "\n\u{1B}[A", "\\"]),
        between in between(),
        longest in longest(),
        piece in piece(),
    ) {
        let messages: Vec<_> = values
            .iter()
            .map(|(value, id_first)| match id_first {
                true => by.command_last("sent", value),
                false => by.command("sent", value),
            })
            .collect();
        let cut = &messages[0].as_bytes()[..at.index(messages[0].len())];
        let rest = messages[1..].join(between);
        let stream = [cut, noise.as_bytes(), between.as_bytes(), rest.as_bytes()].concat();
        let names = commands(&stream, longest, piece);
        prop_assert!(names.iter().all(|name| name == "sent"), "{:?} of {}", names, stream.escape_ascii());
    }
}

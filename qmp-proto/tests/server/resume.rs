//! A client that begins another message behind one that is broken, and what only looks like that.

use qmp_proto::server::{Options, Received, Rejection, Server};

use crate::host::{Heard, Host, NEGOTIATE_OOB};

const NEXT: &str = "{\"execute\":\"next\"}";
const SMUGGLED: &str = "{\"execute\":\"smuggled\"}";

/// How many errors, and which commands, are heard in pieces of so many bytes.
fn hears(host: &mut Host, stream: &[u8], piece: usize) -> (usize, Vec<String>) {
    let (mut errors, mut commands) = (0, Vec::new());
    for heard in stream.chunks(piece).flat_map(|bytes| host.hears(bytes)).collect::<Vec<_>>() {
        match heard {
            Heard::Command(command, _) => commands.push(command.name().to_string()),
            Heard::Rejected(Rejection::NotJson | Rejection::BeyondLimit, _) => errors += 1,
            other => panic!("{other:?}"),
        }
    }
    (errors, commands)
}

fn monitor() -> Host {
    let options = Options::monitor().in_band_limit(100).out_of_band_limit(100);
    Host::ready(options, NEGOTIATE_OOB)
}

fn agent() -> Host {
    Host::new(Server::agent(Options::agent().in_band_limit(100)))
}

/// In pieces of all kinds.
fn is_heard(stream: &[u8], errors: usize, commands: &[&str]) {
    for host in [monitor, agent] {
        for piece in [1, 2, 3, 5, 7, 11, 13, usize::MAX] {
            let heard = hears(&mut host(), stream, piece);
            assert_eq!(
                heard,
                (errors, commands.iter().map(|it| (*it).to_string()).collect()),
                "{}",
                stream.escape_ascii()
            );
        }
    }
}

/// QEMU 5.2 to 10.0 run the command, too, though they tell of more than one error.
#[test]
fn the_first_command_behind_a_broken_message_is_run() {
    for (broken, errors) in [
        // An arrow key, `Delete`: what is before the bracket is an error of its own.
        ("\u{1B}[A\n", 2),
        ("\u{1B}[A\r", 2),
        ("\u{1B}[A\r\n", 2),
        ("\u{1B}[3~\n", 2),
        // The same in the middle of a command.
        ("{\"execute\":\u{1B}[A\"query-name\"}\n", 1),
        ("{\"execute\":\"query-name\"\u{1B}[3~}\r\n", 1),
        ("{\"execute\":\"query-name\",\"arguments\":{\"a\":[1\u{1B}[D\u{1B}[D]}}\n", 1),
        ("{\"execute\":\"query-na\u{1B}[Cme\"}\n", 1),
        // A forgotten quote, or bracket and quote.
        ("{\"execute\":\"query-name}\n", 1),
        ("{\"execute\":\"query-name\n", 1),
        ("{\"execute\":\"query-name}\r\n", 1),
        ("{\"execute\":\"query-name\",\"arguments\":{\"a\":\"x}}\n", 1),
        // Half a message, and a control character.
        ("{\"execute\":\"query-n\u{1}", 1),
        ("{\"execute\":\"query-n\u{3}\n", 1),
        ("{\"execute\":\"query-name\",\"arguments\":{\u{3}\n", 1),
        ("{\"execute\":\"query-name\",\"arguments\":{\"a\":[1\u{1}", 1),
        ("{\"execute\":\"query-n\u{3}\r\n\n \t", 1),
        ("{\"a\":[\u{1}", 1),
        ("{\u{4}", 1),
        ("[\u{4}", 1),
    ] {
        is_heard(format!("{broken}{NEXT}\n{NEXT}").as_bytes(), errors, &["next", "next"]);
    }
}

#[test]
fn a_key_that_is_pressed_anywhere_in_a_line_spoils_no_other_line() {
    for line in [
        "{\"execute\":\"broken\"}",
        "{ \"id\" : [1, {\"a\": true}] , \"execute\" : \"broken\" }",
        "{\"execute\":\"broken\",\"arguments\":{\"data\":\"a, b: [c] (d)\",\"n\":-1.5}}",
    ] {
        // Arrows, `Delete`, `Backspace`, Ctrl-A, Ctrl-C.
        for key in
            ["\u{1B}[A", "\u{1B}[D\u{1B}[D", "\u{1B}[3~", "\u{1B}OA", "\u{7F}", "\u{1}", "\u{3}"]
        {
            for at in 0..=line.len() {
                let (before, after) = line.split_at(at);
                let stream = format!("{before}{key}{after}\n{NEXT}\n{NEXT}\n");
                for piece in [1, usize::MAX] {
                    let mut host = monitor();
                    let heard = stream.as_bytes().chunks(piece).flat_map(|bytes| host.hears(bytes));
                    let next = heard.filter(|heard| {
                        matches!(heard, Heard::Command(command, _) if command.name() == "next")
                    });
                    let next = next.count();
                    assert_eq!(next, 2, "{}", stream.escape_default());
                }
            }
        }
    }
}

#[test]
fn a_message_may_begin_in_many_ways() {
    for next in [
        "{\"execute\":\"next\"}",
        "{ \t\"execute\" \n : \"next\"}",
        "{\r\"execute\"\r\n:\r\n\"next\"}",
        "{\"arguments\":{},\"execute\":\"next\"}",
        "{\"id\":{},\"execute\":\"next\"}",
        "{\"id\":[\"{\"],\"execute\":\"next\"}",
    ] {
        is_heard(format!("{{\"execute\":\"query-n\n{next}{NEXT}").as_bytes(), 1, &["next", "next"]);
        let other = next.replace('"', "'");
        is_heard(format!("{{'execute':'query-n\n{other}{NEXT}").as_bytes(), 1, &["next", "next"]);
        // Where no quote came before.
        is_heard(format!("{{\u{1}{other}{NEXT}").as_bytes(), 1, &["next", "next"]);
    }
    for piece in [1, usize::MAX] {
        let heard = hears(&mut monitor(), b"{\"a\":\"\n{\"exec-oob\":\"next\"}", piece);
        assert_eq!(heard, (1, vec!["next".to_string()]));
    }
}

/// A first rule let a message begin at any control character and at any line start.
#[test]
fn what_broke_a_first_rule_is_passed_over() {
    for stream in [
        &b"{'id':(\n{ 'execute':'smuggled' }),'execute':'sent'}\n"[..],
        b"{\"id\": [\n\"\n{\t\"\n  {\"execute\": \"smuggled\"}],\"execute\": \"sent\"}\n",
        b"{\"exe{\"execute\":\"sent\",\"id\":\n{ \"execute\":\"smuggled\" }}",
        b"{\"argu {\"id\":\"\x01{'execute':'smuggled'}\",\"execute\":\"sent\"}",
        b"{\"exec\r{\"id\":\"\n{ 'exec-oob' : 'smuggled'}\",\"execute\":\"sent\"}\r",
        b"{ \"execute\":\"sent\" ,\n\t\"id\":[ \"\\\" ,\n\t{ \"exec-oob\":\"smuggled\"} ]}",
    ] {
        for piece in [1, usize::MAX] {
            let mut host = monitor();
            let (_, commands) = hears(&mut host, stream, piece);
            assert!(!commands.contains(&"smuggled".into()), "{}", stream.escape_ascii());
            let (_, commands) = hears(&mut host, &[b"\xFF", NEXT.as_bytes()].concat(), piece);
            assert_eq!(commands, ["next"], "{}", stream.escape_ascii());
        }
    }
}

#[test]
fn what_only_looks_like_a_message_is_passed_over() {
    for broken in [
        // The values of a message that is printed in lines, by whatever printer.
        format!("{{\"id\":\"\u{1}\",\"a\":[\n{SMUGGLED},\n{SMUGGLED}\n]}}"),
        format!("{{\"id\":\"\u{1}\",\"a\":\n{SMUGGLED}}}"),
        format!("{{\"id\":(\n{SMUGGLED},\n{SMUGGLED})}}"),
        format!("{{\"id\":[01\n{SMUGGLED}\n{SMUGGLED}]}}"),
        format!("{{\"id\":NaN\n{SMUGGLED}}}"),
        format!("{{\"id\":NaN,\"a\":[\r{SMUGGLED}]}}"),
        format!("{{\"id\":[\u{1},\n{SMUGGLED}]}}"),
        format!("{{\"id\":{{\"a\"\u{1}:\n{SMUGGLED}}}}}"),
        // What a client has put into a string, the other kind of quotes or its own escaped.
        "{\"id\":\"\n{'execute':'smuggled'}\"}".into(),
        "{'id':'\n{\"execute\":\"smuggled\"}'}".into(),
        "{\"id\":\"\n{\\\"execute\\\":\\\"smuggled\\\"}\"}".into(),
        "{\"id\":\"\n{\"\"execute\"\":\"\"smuggled\"\"}\"}".into(),
        "{'id':\"\n{'execute':'smuggled'}\"}".into(),
        format!("[\u{1}'a'x\n{SMUGGLED}]"),
        // Not at the start of a line.
        format!("{{\"id\":\"\u{1}x{SMUGGLED}\"}}"),
        format!("{{\"id\":\"\n x {SMUGGLED}\"}}"),
        format!("{{\"id\":\"\u{1}\" {SMUGGLED}}}"),
        format!("[A {SMUGGLED}]"),
        format!("[A\nx{SMUGGLED}]"),
        // Escaped.
        format!("{{\"id\":\"\n\\{SMUGGLED}\"}}"),
        // In what follows a message that was cut.
        format!("{{\"exe{{\"id\":\n{SMUGGLED},\"a\":\"\"}}\n"),
        format!("{{\"exe{{\"id\":[\n{SMUGGLED},\n{SMUGGLED}],\"a\":\"\"}}\n"),
        format!("{{\"exe{{\"id\":(\n{SMUGGLED},\n{SMUGGLED}),\"a\":\"\"}}\n"),
        "{\"exe{\"id\":\"\u{1}\n{'execute':'smuggled'}\"}\n".into(),
        "{\"exe{\"id\":\"\u{1}{'execute':'smuggled'}\"}\n".into(),
        "{'exe{'id':'\u{1}{\"execute\":\"smuggled\"}'}\n".into(),
        // Something else than a request.
        "{\"id\":\"\n{\"executed\":\"smuggled\"}\"}\n".into(),
        "{\"id\":\"\n{\"exec\":\"smuggled\"}\"}\n".into(),
        "{\"id\":\"\n{\"\":\"smuggled\"}\"}\n".into(),
        "{\"id\":\"\n{\"execute\",\"smuggled\"}\"}\n".into(),
        "{\"id\":\"\n{\"execute':\"smuggled\"}\"}\n".into(),
        format!("{{\"id\":\"\n{{{}\"execute\":\"smuggled\"}}\"}}\n", " ".repeat(32)),
        format!("{{\"id\":\"\n{{\"execute\"{}:\"smuggled\"}}\"}}\n", " ".repeat(32)),
    ] {
        for piece in [1, usize::MAX] {
            let mut host = monitor();
            let heard = hears(&mut host, broken.as_bytes(), piece);
            assert_eq!(heard, (1, Vec::new()), "{broken:?}");
            let heard = hears(&mut host, &[b"\xFF", NEXT.as_bytes()].concat(), piece);
            assert_eq!(heard, (1, vec!["next".to_string()]), "{broken:?}");
        }
    }
}

/// A person at a terminal has to send 0xFF then, or to connect anew; see [`Server`].
#[test]
fn some_commands_are_passed_over_with_the_broken_message() {
    for (broken, next, run) in [
        // The next command printed in lines, in the other quotes, or with another member first.
        ("{\"execute\":\"query-name}\n", "{\n\"execute\":\"next\"}", 1),
        ("{\"execute\":\"query-name}\n", "{'execute':'next'}", 1),
        ("{\"execute\":\"query-name}\n", "{\"control\":1,\"execute\":\"next\"}", 1),
        // No line end between the two.
        ("{\"execute\":\"\u{1}query-name}", NEXT, 1),
        // A line that ends as if a value came; only one command is lost to it.
        ("{\"execute\":\"query-name,\n", NEXT, 1),
        ("{\"execute\":\"query-name:\n", NEXT, 1),
        // A bracket that is missing, and no string that is open: it stays so.
        ("{\"execute\":\"query-name\",\"id\":NaN\n", NEXT, 0),
    ] {
        for piece in [1, usize::MAX] {
            let mut host = monitor();
            let stream = format!("{broken}{next}\n{NEXT}");
            let (errors, commands) = hears(&mut host, stream.as_bytes(), piece);
            assert_eq!((errors, commands.len()), (1, run), "{broken:?} {next:?}");
            let (_, commands) = hears(&mut host, &[b"\xFF", NEXT.as_bytes()].concat(), piece);
            assert_eq!(commands, ["next"]);
        }
    }
}

/// The beginning of a message is looked for in what has come, which is never more than the limit.
#[test]
fn a_beginning_that_is_cut_off_waits_for_the_rest() {
    let mut host = monitor();
    host.hears("{\"a\":\"\n");
    for byte in "{ \"id\" ".bytes() {
        assert!(host.hears([byte]).is_empty());
        assert!(host.server.is_inside_message());
    }
    assert!(matches!(&host.hears(":1,\"execute\":\"next\"}")[..], [Heard::Command(..)]));

    // What comes before it is not followed twice.
    assert_eq!(host.hears("{\"a\":\"\u{1}\"").len(), 1);
    assert!(host.hears(",\"b\":\"x\n{\"exe").is_empty());
    assert!(matches!(&host.hears("cute\":\"next\"}")[..], [Heard::Command(..)]));
    // What is none holds nothing up.
    assert_eq!(host.hears("{\"a\":\"\n").len(), 1);
    assert_eq!(host.hears(b"{\"no\xFF").len(), 1);
}

#[test]
fn no_more_is_held_of_a_beginning_than_of_a_message() {
    let mut server: Server = Server::agent(Options::agent().longest_message(20));
    let (mut out, mut held, mut commands) = (Vec::new(), Vec::new(), 0);
    for byte in b"{\"a\":\"\n{                              \n{\"execute\":\"n\"}" {
        held.push(*byte);
        loop {
            let step = server.handle_input(&mut out, &held).unwrap();
            let (used, received) = (step.used, step.received.is_some());
            commands += usize::from(matches!(step.received, Some(Received::Command(..))));
            held.drain(..used);
            if !received {
                break;
            }
        }
        assert!(held.len() <= 20, "{}", held.escape_ascii());
    }
    assert_eq!(commands, 1);
}

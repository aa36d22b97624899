//! Clients that start another message after a broken one, and input that only looks like this.

use qmp_proto::server::{Options, Received, Rejection, Server};

use crate::host::{Host, NEGOTIATE_OOB, Observed};

const NEXT: &str = "{\"execute\":\"next\"}";
const SMUGGLED: &str = "{\"execute\":\"smuggled\"}";

/// Feeds a stream in pieces of this length, and returns the number of errors and the commands.
fn feed(host: &mut Host, stream: &[u8], piece: usize) -> (usize, Vec<String>) {
    let (mut errors, mut commands) = (0, Vec::new());
    for observed in stream.chunks(piece).flat_map(|bytes| host.feed(bytes)).collect::<Vec<_>>() {
        match observed {
            Observed::Command(command, _) => commands.push(command.name().to_string()),
            Observed::Rejected(Rejection::NotJson | Rejection::BeyondLimit, _) => errors += 1,
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

/// Lengths of pieces.
fn is_heard(stream: &[u8], errors: usize, commands: &[&str]) {
    for host in [monitor, agent] {
        for piece in [1, 2, 3, 5, 7, 11, 13, usize::MAX] {
            let observed = feed(&mut host(), stream, piece);
            assert_eq!(
                observed,
                (errors, commands.iter().map(|it| (*it).to_string()).collect()),
                "{}",
                stream.escape_ascii()
            );
        }
    }
}

/// QEMU 5.2 to 10.0 execute the command, too, but report more than one error.
#[test]
fn the_first_command_after_a_broken_message_is_executed() {
    for (broken, errors) in [
        // An arrow key, `Delete`: the bytes before the bracket are a separate error.
        ("\u{1B}[A\n", 2),
        ("\u{1B}[A\r", 2),
        ("\u{1B}[A\r\n", 2),
        ("\u{1B}[3~\n", 2),
        // The same inside a command.
        ("{\"execute\":\u{1B}[A\"query-name\"}\n", 1),
        ("{\"execute\":\"query-name\"\u{1B}[3~}\r\n", 1),
        ("{\"execute\":\"query-name\",\"arguments\":{\"a\":[1\u{1B}[D\u{1B}[D]}}\n", 1),
        ("{\"execute\":\"query-na\u{1B}[Cme\"}\n", 1),
        // A forgotten quote, or bracket and quote.
        ("{\"execute\":\"query-name}\n", 1),
        ("{\"execute\":\"query-name\n", 1),
        ("{\"execute\":\"query-name}\r\n", 1),
        ("{\"execute\":\"query-name\",\"arguments\":{\"a\":\"x}}\n", 1),
        // An incomplete message, and a control character.
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
fn a_key_pressed_anywhere_in_a_line_affects_only_that_line() {
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
                    let observed =
                        stream.as_bytes().chunks(piece).flat_map(|bytes| host.feed(bytes));
                    let next = observed.filter(|observed| {
                        matches!(observed, Observed::Command(command, _) if command.name() == "next")
                    });
                    let next = next.count();
                    assert_eq!(next, 2, "{}", stream.escape_default());
                }
            }
        }
    }
}

#[test]
fn a_message_may_start_in_many_forms() {
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
        // After a broken message without quotes.
        is_heard(format!("{{\u{1}{other}{NEXT}").as_bytes(), 1, &["next", "next"]);
    }
    for piece in [1, usize::MAX] {
        let observed = feed(&mut monitor(), b"{\"a\":\"\n{\"exec-oob\":\"next\"}", piece);
        assert_eq!(observed, (1, vec!["next".to_string()]));
    }
}

/// An earlier rule let a message start at any control character and at any line start.
#[test]
fn input_that_broke_an_earlier_rule_is_skipped() {
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
            let (_, commands) = feed(&mut host, stream, piece);
            assert!(!commands.contains(&"smuggled".into()), "{}", stream.escape_ascii());
            let (_, commands) = feed(&mut host, &[b"\xFF", NEXT.as_bytes()].concat(), piece);
            assert_eq!(commands, ["next"], "{}", stream.escape_ascii());
        }
    }
}

#[test]
fn input_that_only_looks_like_a_message_is_skipped() {
    for broken in [
        // The values of a message that is printed on several lines, by any printer.
        format!("{{\"id\":\"\u{1}\",\"a\":[\n{SMUGGLED},\n{SMUGGLED}\n]}}"),
        format!("{{\"id\":\"\u{1}\",\"a\":\n{SMUGGLED}}}"),
        format!("{{\"id\":(\n{SMUGGLED},\n{SMUGGLED})}}"),
        format!("{{\"id\":[01\n{SMUGGLED}\n{SMUGGLED}]}}"),
        format!("{{\"id\":NaN\n{SMUGGLED}}}"),
        format!("{{\"id\":NaN,\"a\":[\r{SMUGGLED}]}}"),
        format!("{{\"id\":[\u{1},\n{SMUGGLED}]}}"),
        format!("{{\"id\":{{\"a\"\u{1}:\n{SMUGGLED}}}}}"),
        // Text inside a client's string, with the other kind of quotes or its own escaped.
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
        // After a message that was cut off.
        format!("{{\"exe{{\"id\":\n{SMUGGLED},\"a\":\"\"}}\n"),
        format!("{{\"exe{{\"id\":[\n{SMUGGLED},\n{SMUGGLED}],\"a\":\"\"}}\n"),
        format!("{{\"exe{{\"id\":(\n{SMUGGLED},\n{SMUGGLED}),\"a\":\"\"}}\n"),
        "{\"exe{\"id\":\"\u{1}\n{'execute':'smuggled'}\"}\n".into(),
        "{\"exe{\"id\":\"\u{1}{'execute':'smuggled'}\"}\n".into(),
        "{'exe{'id':'\u{1}{\"execute\":\"smuggled\"}'}\n".into(),
        // An object other than a request.
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
            let observed = feed(&mut host, broken.as_bytes(), piece);
            assert_eq!(observed, (1, Vec::new()), "{broken:?}");
            let observed = feed(&mut host, &[b"\xFF", NEXT.as_bytes()].concat(), piece);
            assert_eq!(observed, (1, vec!["next".to_string()]), "{broken:?}");
        }
    }
}

/// A person at a terminal then has to send 0xFF or to connect again; see [`Server`].
#[test]
fn some_commands_are_skipped_with_the_broken_message() {
    for (broken, next, run) in [
        // The next command on several lines, in the other quotes, or with another member first.
        ("{\"execute\":\"query-name}\n", "{\n\"execute\":\"next\"}", 1),
        ("{\"execute\":\"query-name}\n", "{'execute':'next'}", 1),
        ("{\"execute\":\"query-name}\n", "{\"control\":1,\"execute\":\"next\"}", 1),
        // No line end between the two.
        ("{\"execute\":\"\u{1}query-name}", NEXT, 1),
        // A line that ends as if a value followed; only one command is lost.
        ("{\"execute\":\"query-name,\n", NEXT, 1),
        ("{\"execute\":\"query-name:\n", NEXT, 1),
        // A missing bracket without an open string: this lasts.
        ("{\"execute\":\"query-name\",\"id\":NaN\n", NEXT, 0),
    ] {
        for piece in [1, usize::MAX] {
            let mut host = monitor();
            let stream = format!("{broken}{next}\n{NEXT}");
            let (errors, commands) = feed(&mut host, stream.as_bytes(), piece);
            assert_eq!((errors, commands.len()), (1, run), "{broken:?} {next:?}");
            let (_, commands) = feed(&mut host, &[b"\xFF", NEXT.as_bytes()].concat(), piece);
            assert_eq!(commands, ["next"]);
        }
    }
}

/// The start of a message is searched in the received bytes, which never exceed the limit.
#[test]
fn an_incomplete_start_of_a_message_waits_for_more_bytes() {
    let mut host = monitor();
    host.feed("{\"a\":\"\n");
    for byte in "{ \"id\" ".bytes() {
        assert!(host.feed([byte]).is_empty());
        assert!(host.server.is_inside_message());
    }
    assert!(matches!(&host.feed(":1,\"execute\":\"next\"}")[..], [Observed::Command(..)]));

    // The bytes before it are not read twice.
    assert_eq!(host.feed("{\"a\":\"\u{1}\"").len(), 1);
    assert!(host.feed(",\"b\":\"x\n{\"exe").is_empty());
    assert!(matches!(&host.feed("cute\":\"next\"}")[..], [Observed::Command(..)]));
    // Other bytes do not wait.
    assert_eq!(host.feed("{\"a\":\"\n").len(), 1);
    assert_eq!(host.feed(b"{\"no\xFF").len(), 1);
}

#[test]
fn the_start_of_a_message_is_limited_like_a_message() {
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

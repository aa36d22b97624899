//! Messages that are too large or broken are refused, skipped, and never executed.

use qmp_proto::server::{Options, Received, Rejection, Server};

use crate::host::{Host, NEGOTIATE, Observed, error};

fn ready(options: Options) -> Host {
    Host::ready(options.in_band_limit(100), NEGOTIATE)
}

/// Feeds bytes, and returns the rejections and the names of the commands, which are left
/// unanswered.
fn summary(host: &mut Host, bytes: impl AsRef<[u8]>) -> (Vec<Rejection>, Vec<String>) {
    let (mut rejected, mut commands) = (Vec::new(), Vec::new());
    for observed in host.feed(bytes) {
        match observed {
            Observed::Command(command, ticket) => {
                commands.push(command.name().to_string());
                host.server.leave_unanswered(&mut host.out, ticket);
            }
            Observed::Rejected(reason, _) => rejected.push(reason),
            other => panic!("{other:?}"),
        }
    }
    (rejected, commands)
}

const SMUGGLED: &str = "{'execute':'smuggled'}{\\\"execute\\\":\\\"smuggled\\\"}";
const NEXT: &str = "{\"execute\":\"next\"}";

#[test]
fn no_command_inside_a_broken_message_is_executed() {
    let deep = format!("{{\"a\":{}{{\"execute\":\"smuggled\"}}", "[".repeat(1024));
    let deep = format!("{deep}{}}}", "]".repeat(1024));
    for (broken, description) in [
        (format!("{{\"a\":\"\u{1}{SMUGGLED}\"}}"), "JSON parse error, stray '\\\"\\u0001'"),
        (format!("{{\"a\":\"x\n{SMUGGLED}\"}}"), "JSON parse error, stray '\\\"x\\n'"),
        ("{\"a\":NaN,\"b\":{\"execute\":\"smuggled\"}}".into(), "JSON parse error, stray 'N'"),
        ("{\"a\":-Infinity,{\"execute\":\"smuggled\"}}".into(), "JSON parse error, stray '-I'"),
        ("{\"a\":[1.],{\"execute\":\"smuggled\"}}".into(), "JSON parse error, stray '1.]'"),
        ("{\"a\":\"\u{1}x\\x\",\"b\":\"\\\\\"}".into(), "JSON parse error, stray '\\\"\\u0001'"),
        ("{\"a\":[-\"{'execute':'smuggled'}\"]}".into(), "JSON parse error, stray '-\\\"'"),
        (
            "{\"a\":'\u{1}\\'{\"execute\":\"smuggled\"}'}".into(),
            "JSON parse error, stray ''\\u0001'",
        ),
        (deep, "JSON nesting depth limit exceeded"),
    ] {
        let mut host = ready(Options::monitor());
        let (rejected, commands) = summary(&mut host, format!("{broken}{NEXT}"));
        assert_eq!(commands, ["next"], "{broken}");
        assert_eq!(rejected.len(), 1, "{broken}");
        assert_eq!(host.output(), error(description), "{broken}");
    }
}

#[test]
fn a_message_that_is_too_long_is_skipped_without_being_stored() {
    let mut host = ready(Options::monitor().longest_message(50));
    let fits = "{\"execute\":\"x\",\"arguments\":{\"a\":\"bbbbbbbbbbbbbb\"}}";
    assert_eq!(fits.len(), 50);
    let (rejected, commands) = summary(&mut host, fits);
    assert_eq!((rejected.len(), &commands[..]), (0, &["x".to_string()][..]));
    for long in [
        fits.replace("x", "xy"),
        fits.replace(":", " :\n"),
        format!("{{\"a\":\"{}{SMUGGLED}\"}}", "\\\"".repeat(99)),
        format!("{{\"a\":{}}}", "1".repeat(99)),
        format!("{{\"a\":{}}}", "a".repeat(99)),
        format!("{{{}}}", " ".repeat(99)),
    ] {
        for pieces in [1, 7, long.len()] {
            let mut rejected = Vec::new();
            for piece in long.as_bytes().chunks(pieces) {
                let (more, commands) = summary(&mut host, piece);
                assert_eq!(commands, [""; 0], "{long}");
                rejected.extend(more);
            }
            assert_eq!(rejected, [Rejection::BeyondLimit], "{long}");
            assert_eq!(host.output(), error("JSON token size limit exceeded"));
            assert_eq!(summary(&mut host, NEXT).1, ["next"]);
        }
    }
}

#[test]
fn bytes_outside_messages_are_limited_too() {
    let mut host = ready(Options::monitor().longest_message(50));
    for (long, kind) in [
        ("a".repeat(99), "JSON token size limit exceeded"),
        ("1".repeat(99), "JSON token size limit exceeded"),
        (format!("\"{}\"", "a{'execute':'x'}".repeat(9)), "JSON token size limit exceeded"),
    ] {
        let (rejected, commands) = summary(&mut host, format!("{long}\n{NEXT}"));
        assert_eq!((rejected, commands), (vec![Rejection::BeyondLimit], vec!["next".to_string()]));
        assert_eq!(host.output(), error(kind));
    }
    // Blanks between messages are ignored.
    assert!(host.feed(" \n".repeat(1000)).is_empty());
    assert_eq!(host.output(), "");
}

#[test]
fn the_length_limit_is_readable_and_at_least_one_byte() {
    for (bytes, limit) in [(77, 77), (1, 1), (0, 1)] {
        let server: Server = Server::monitor(Options::monitor().longest_message(bytes));
        assert_eq!(server.longest_message(), limit);
    }
}

#[test]
fn depth_can_be_limited_further() {
    let mut host = ready(Options::monitor().deepest_message(3));
    assert_eq!(summary(&mut host, "{\"execute\":\"x\",\"id\":[[]]}").1, ["x"]);
    let (rejected, commands) = summary(&mut host, "{\"execute\":\"x\",\"id\":[[{}]]}");
    assert_eq!((rejected, commands.len()), (vec![Rejection::BeyondLimit], 0));
    assert_eq!(host.output(), error("JSON nesting depth limit exceeded"));
}

/// QEMU's limits: 64 MiB of tokens less one byte, and 2,097,152 tokens.
#[test]
fn qemus_largest_messages_are_accepted_and_larger_ones_are_refused() {
    const LONGEST: usize = 64 * 1024 * 1024 - 1;
    let around = "{\"execute\":\"x\",\"id\":\"\"}".len();
    let long = |length: usize| {
        let filling = "a".repeat(length - around);
        format!("{{\"execute\":\"x\",\"id\":\"{filling}\"}}{NEXT}")
    };
    // `{"execute":"x","id":[` has 8 tokens, and `]}` has two.
    let many = |tokens: usize| {
        let values = (tokens - 9) / 2;
        let last = if tokens % 2 == 1 { "1" } else { "[]" };
        format!("{{\"execute\":\"x\",\"id\":[{}{last}]}}{NEXT}", "1,".repeat(values - 1))
    };
    for (text, taken, name) in [
        (long(LONGEST), true, "as long as can be"),
        (long(LONGEST + 1), false, "too long"),
        (many(2_097_152), true, "as many tokens as can be"),
        (many(2_097_153), false, "too many tokens"),
    ] {
        let mut server: Server = Server::monitor(Options::monitor().in_band_limit(9));
        let mut out = Vec::new();
        server.handle_input(&mut out, NEGOTIATE.as_bytes()).unwrap();
        let mut input = text.as_bytes();
        let (mut commands, mut rejected) = (Vec::new(), Vec::new());
        loop {
            let step = server.handle_input(&mut out, input).unwrap();
            input = &input[step.used..];
            match step.received {
                Some(Received::Command(command, _)) => commands.push(command.name().to_string()),
                Some(Received::Rejected(it)) => rejected.push(it.reason),
                Some(other) => panic!("{other:?}"),
                None => break,
            }
        }
        if taken {
            assert_eq!(
                (&commands[..], rejected.len()),
                (&["x".into(), "next".into()][..], 0),
                "{name}"
            );
        } else {
            assert_eq!(commands, ["next"], "{name}");
            assert_eq!(rejected, [Rejection::BeyondLimit], "{name}");
        }
    }
}

#[test]
fn errors_repeat_no_more_than_a_kilobyte() {
    for noise in [&b"\x80"[..], b"\"", b"'", b"{\"a\":\"\xE2\x82", b"a"] {
        let mut host = ready(Options::monitor());
        let long = [noise, &b"a".repeat(20_000), &b"\x80".repeat(20_000), b"\x01 "].concat();
        let observed = host.feed(&long);
        assert!(!observed.is_empty());
        for observed in &observed {
            let Observed::Rejected(Rejection::NotJson, bytes) = observed else {
                panic!("{observed:?}")
            };
            assert!(bytes.chars().count() <= 256);
        }
        let output = host.output();
        assert!(output.lines().all(|line| line.len() < 1024 * 6 + 100), "{}", output.len());
        assert!(output.lines().count() <= 3, "{output}");
    }
}

#[test]
fn errors_repeat_no_more_than_a_kilobyte_of_a_name() {
    let long = "é".repeat(20_000);
    let mut monitor = ready(Options::monitor());
    let mut negotiating = Host::new(Server::monitor(Options::monitor()));
    negotiating.server.greet(&mut negotiating.out).unwrap();
    negotiating.output();
    let mut agent = Host::agent();
    for (host, message) in [
        (&mut monitor, format!("{{\"{long}\":1}}")),
        (
            &mut negotiating,
            format!(
                "{{\"execute\":\"qmp_capabilities\",\"arguments\":{{\"enable\":[\"{long}\"]}}}}"
            ),
        ),
        (
            &mut agent,
            format!("{{\"execute\":\"guest-sync\",\"arguments\":{{\"id\":1,\"{long}\":2}}}}"),
        ),
    ] {
        assert!(matches!(&host.feed(message)[..], [Observed::Rejected(..)]));
        let output = host.output();
        assert_eq!(output.matches("\\u00E9").count(), 511, "{output}");
    }
}

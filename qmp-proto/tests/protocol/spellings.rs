//! Legal messages on unusual lines, with commands in flight.

use qmp_proto::{Client, OUT_OF_BAND, Options};

use crate::peer::{GREETING, Peer, SEVEN, STOP, Said, sync_answer};

/// What a client with three commands in flight makes of a stream, the same in any pieces. Its answers
/// may come in any order.
fn heard(stream: &str) -> Vec<Said> {
    in_any_pieces(stream, || {
        let mut peer = Peer::ready(Options::monitor(), &[OUT_OF_BAND]);
        (0..3).for_each(|token| _ = peer.execute("query-name", token));
        peer
    })
}

/// The same for a client of an agent, which answers in order.
fn heard_from_agent(stream: &str) -> Vec<Said> {
    in_any_pieces(stream, || {
        let mut peer = Peer::synced(Options::agent());
        (0..3).for_each(|token| _ = peer.execute("guest-ping", token));
        peer
    })
}

fn in_any_pieces(stream: &str, peer: impl Fn() -> Peer) -> Vec<Said> {
    let whole = peer().hears(stream);
    let pieces = |ends: &mut dyn Iterator<Item = usize>| {
        let (mut peer, mut said, mut start) = (peer(), Vec::new(), 0);
        for end in ends {
            said.extend(peer.hears(&stream.as_bytes()[start..end]));
            start = end;
        }
        said
    };
    assert_eq!(pieces(&mut (1..=stream.len())), whole, "a byte at a time");
    // Cutting a long stream at each byte would take a minute.
    for end in (1..stream.len()).step_by(1 + stream.len() / 100) {
        assert_eq!(pieces(&mut [end, stream.len()].into_iter()), whole, "cut at {end}");
    }
    whole
}

fn of(number: u32) -> String {
    format!("{{\"return\": {{\"of\": {number}}}, \"id\": {number}}}")
}

fn answer(number: u32) -> Said {
    Said::Answer(number, Ok(format!("{{\"of\": {number}}}")))
}

fn event(name: &str) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"{name}\", \
         \"data\": {{\"of\": {{\"x\": [1]}}}}}}"
    )
}

/// A value that makes a message too long to be counted exactly at once.
fn long() -> String {
    let element = "{\"name\": \"x\", \"members\": [{\"of\": {}}, {\"of\": []}], \"id\": 2}";
    format!("[{}]", [element; 90].join(", "))
}

#[test]
fn two_replies_on_one_line_answer_both_commands() {
    for between in ["", " ", "\t", "\r"] {
        for end in ["\r\n", "\n", ""] {
            let stream = [&of(0), between, &of(1), end].concat();
            assert_eq!(heard(&stream), [answer(0), answer(1)]);
            assert_eq!(heard_from_agent(&stream), [answer(0), answer(1)]);
        }
    }
}

#[test]
fn a_reply_that_goes_on_in_the_next_line_answers_its_own_command() {
    let goes_on = "{\"return\": {\"x\": 1, \"id\": 0}\n, \"id\": 1}\r\n";
    let value = Ok("{\"x\": 1, \"id\": 0}".to_owned());
    assert_eq!(heard(goes_on), [Said::Answer(1, value.clone())]);
    // An agent answers in order, so the first command has no answer.
    let heard = heard_from_agent(goes_on);
    assert_eq!(heard, [Said::Answer(1, value), Said::unknown(0)]);
}

#[test]
fn two_events_on_one_line_are_both_delivered() {
    let names = [Said::Event("A".into()), Said::Event("B".into())];
    for between in ["", " ", "\r"] {
        assert_eq!(heard(&[&event("A"), between, &event("B"), "\r\n"].concat()), names);
    }
    let bare = STOP.trim_end();
    let stops = [Said::Event("STOP".into()), Said::Event("STOP".into())];
    assert_eq!(heard(&[bare, bare, "\r\n"].concat()), stops);
}

#[test]
fn an_event_and_a_reply_on_one_line_are_both_delivered() {
    let (stopped, replied) = (Said::Event("A".into()), answer(0));
    let stream = [&event("A"), &of(0), "\r\n"].concat();
    assert_eq!(heard(&stream), [stopped.clone(), replied.clone()]);
    let stream = [&of(0), &event("A"), "\r\n"].concat();
    assert_eq!(heard(&stream), [replied, stopped]);
}

#[test]
fn a_server_that_ends_nothing_but_its_greeting_with_a_line_end_is_connected_to() {
    let answers = format!("{{\"return\": {{}}, \"id\": {SEVEN}}}{}", event("A"));
    for length in 1..=answers.len() {
        let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
        assert_eq!(peer.hears(GREETING), [Said::Greeting]);
        peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
        let said: Vec<_> =
            answers.as_bytes().chunks(length).flat_map(|it| peer.hears(it)).collect();
        assert_eq!(said, [Said::Ready, Said::Event("A".into())], "in pieces of {length}");
        peer.execute("query-name", 0);
        assert_eq!(peer.hears(of(0)), [answer(0)]);
    }
}

#[test]
fn the_last_message_needs_no_line_end() {
    let stream = [&of(0), "\r\n", &of(1)].concat();
    assert_eq!(heard(&stream), [answer(0), answer(1)]);
    assert_eq!(heard_from_agent(&stream), [answer(0), answer(1)]);
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.client.sync(&mut peer.wire, 8).unwrap();
    let sync = sync_answer(SEVEN + 1);
    assert_eq!(peer.hears(sync.trim_ascii_end()), [Said::Ready]);
}

#[test]
fn an_agent_may_print_prettily() {
    let pretty = |number: u32, end: &str| {
        format!(
            "{{\n    \"return\": {{\n        \"of\": {number}\n    }},\n    \"id\": {number}\n}}{end}"
        )
    };
    let printed =
        |number| Said::Answer(number, Ok(format!("{{\n        \"of\": {number}\n    }}")));
    for end in ["\n", "", "\n\n"] {
        let stream = [pretty(0, end), of(1), pretty(2, end)].concat();
        assert_eq!(heard_from_agent(&stream), [printed(0), answer(1), printed(2)]);
        assert_eq!(heard(&stream), [printed(0), answer(1), printed(2)]);
    }
}

#[test]
fn long_messages_may_be_spelled_as_unusually_as_short_ones() {
    let long = long();
    assert!(long.len() > 4096);
    let reply = |number: u32| format!("{{\"return\": {long}, \"id\": {number}}}");
    let answer = |number| Said::Answer(number, Ok(long.clone()));
    for between in ["", " ", "\r", "\n", "\r\n\r\n"] {
        let stream = [&reply(0), between, &reply(1), "\r\n"].concat();
        assert_eq!(heard(&stream), [answer(0), answer(1)], "{between:?}");
    }
    for end in ["\r\n", ""] {
        let stream = [&reply(1), "\r\n", &reply(0), end].concat();
        assert_eq!(heard(&stream), [answer(1), answer(0)]);
        // The first line ends as a reply does.
        let stream = ["{\"return\": {\"a\": ", &long, ", \"id\": 0}\n, \"id\": 1}", end].concat();
        let value = ["{\"a\": ", &long, ", \"id\": 0}"].concat();
        assert_eq!(heard(&stream), [Said::Answer(1, Ok(value))]);
        let stream = [&event("A").replace("[1]", &long), &reply(0), end].concat();
        assert_eq!(heard(&stream), [Said::Event("A".into()), answer(0)]);
    }
}

/// Braces in strings that are not matched, which a long message is not looked at for at once.
#[test]
fn a_long_message_may_have_any_strings() {
    for string in ["{", "}", "}, ", "{{{{", "}}]", "\\\"}", "}{", "{\\\\"] {
        let element = format!("{{\"name\": \"{string}\", \"of\": [\"{string}\"], \"id\": 1}}");
        let value = format!("[{}]", [&element[..]; 100].join(", "));
        for end in ["\r\n", "", " "] {
            let stream = format!("{{\"return\": {value}, \"id\": 0}}{end}");
            assert_eq!(heard(&stream), [Said::Answer(0, Ok(value.clone()))], "{string}");
        }
    }
}

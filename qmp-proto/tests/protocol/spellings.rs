//! Valid messages in unusual lines, with commands in flight.

use qmp_proto::{Client, OUT_OF_BAND, Options};

use crate::peer::{GREETING, Observed, Peer, SEVEN, STOP, sync_answer};

/// Returns what a client with three commands in flight receives, which must not depend on the
/// pieces. Replies may be in any order.
fn observed(stream: &str) -> Vec<Observed> {
    in_any_pieces(stream, || {
        let mut peer = Peer::ready(Options::monitor(), &[OUT_OF_BAND]);
        (0..3).for_each(|token| _ = peer.execute("query-name", token));
        peer
    })
}

/// As [`observed`], for an agent, which replies in order.
fn observed_of_agent(stream: &str) -> Vec<Observed> {
    in_any_pieces(stream, || {
        let mut peer = Peer::synced(Options::agent());
        (0..3).for_each(|token| _ = peer.execute("guest-ping", token));
        peer
    })
}

fn in_any_pieces(stream: &str, peer: impl Fn() -> Peer) -> Vec<Observed> {
    let whole = peer().feed(stream);
    let pieces = |ends: &mut dyn Iterator<Item = usize>| {
        let (mut peer, mut observed, mut start) = (peer(), Vec::new(), 0);
        for end in ends {
            observed.extend(peer.feed(&stream.as_bytes()[start..end]));
            start = end;
        }
        observed
    };
    assert_eq!(pieces(&mut (1..=stream.len())), whole, "a byte at a time");
    // Cutting a long stream at each byte takes a minute.
    for end in (1..stream.len()).step_by(1 + stream.len() / 100) {
        assert_eq!(pieces(&mut [end, stream.len()].into_iter()), whole, "cut at {end}");
    }
    whole
}

fn of(number: u32) -> String {
    format!("{{\"return\": {{\"of\": {number}}}, \"id\": {number}}}")
}

fn answer(number: u32) -> Observed {
    Observed::Answer(number, Ok(format!("{{\"of\": {number}}}")))
}

fn event(name: &str) -> String {
    format!(
        "{{\"timestamp\": {{\"seconds\": 1, \"microseconds\": 2}}, \"event\": \"{name}\", \
         \"data\": {{\"of\": {{\"x\": [1]}}}}}}"
    )
}

/// A value that makes a message so long that its brackets are not counted first.
fn long() -> String {
    let element = "{\"name\": \"x\", \"members\": [{\"of\": {}}, {\"of\": []}], \"id\": 2}";
    format!("[{}]", [element; 90].join(", "))
}

#[test]
fn two_replies_on_one_line_answer_both_commands() {
    for between in ["", " ", "\t", "\r"] {
        for end in ["\r\n", "\n", ""] {
            let stream = [&of(0), between, &of(1), end].concat();
            assert_eq!(observed(&stream), [answer(0), answer(1)]);
            assert_eq!(observed_of_agent(&stream), [answer(0), answer(1)]);
        }
    }
}

#[test]
fn a_reply_that_continues_in_the_next_line_is_matched_to_its_command() {
    let goes_on = "{\"return\": {\"x\": 1, \"id\": 0}\n, \"id\": 1}\r\n";
    let value = Ok("{\"x\": 1, \"id\": 0}".to_owned());
    assert_eq!(observed(goes_on), [Observed::Answer(1, value.clone())]);
    // An agent replies in order, so the first command is unanswered.
    let observed = observed_of_agent(goes_on);
    assert_eq!(observed, [Observed::Answer(1, value), Observed::unknown(0)]);
}

#[test]
fn two_events_on_one_line_are_both_delivered() {
    let names = [Observed::Event("A".into()), Observed::Event("B".into())];
    for between in ["", " ", "\r"] {
        assert_eq!(observed(&[&event("A"), between, &event("B"), "\r\n"].concat()), names);
    }
    let bare = STOP.trim_end();
    let stops = [Observed::Event("STOP".into()), Observed::Event("STOP".into())];
    assert_eq!(observed(&[bare, bare, "\r\n"].concat()), stops);
}

#[test]
fn an_event_and_a_reply_on_one_line_are_both_delivered() {
    let (stopped, replied) = (Observed::Event("A".into()), answer(0));
    let stream = [&event("A"), &of(0), "\r\n"].concat();
    assert_eq!(observed(&stream), [stopped.clone(), replied.clone()]);
    let stream = [&of(0), &event("A"), "\r\n"].concat();
    assert_eq!(observed(&stream), [replied, stopped]);
}

#[test]
fn a_server_may_end_only_its_greeting_with_a_line_end() {
    let answers = format!("{{\"return\": {{}}, \"id\": {SEVEN}}}{}", event("A"));
    for length in 1..=answers.len() {
        let mut peer: Peer = Peer::new(Client::monitor(Options::monitor()));
        assert_eq!(peer.feed(GREETING), [Observed::Greeting]);
        peer.client.negotiate(&mut peer.wire, 7, &[]).unwrap();
        let observed: Vec<_> =
            answers.as_bytes().chunks(length).flat_map(|it| peer.feed(it)).collect();
        assert_eq!(
            observed,
            [Observed::Ready, Observed::Event("A".into())],
            "in pieces of {length}"
        );
        peer.execute("query-name", 0);
        assert_eq!(peer.feed(of(0)), [answer(0)]);
    }
}

#[test]
fn the_last_message_needs_no_line_end() {
    let stream = [&of(0), "\r\n", &of(1)].concat();
    assert_eq!(observed(&stream), [answer(0), answer(1)]);
    assert_eq!(observed_of_agent(&stream), [answer(0), answer(1)]);
    let mut peer: Peer = Peer::synced(Options::agent());
    peer.client.sync(&mut peer.wire, 8).unwrap();
    let sync = sync_answer(SEVEN + 1);
    assert_eq!(peer.feed(sync.trim_ascii_end()), [Observed::Ready]);
}

#[test]
fn an_agent_may_send_messages_of_several_lines() {
    let pretty = |number: u32, end: &str| {
        format!(
            "{{\n    \"return\": {{\n        \"of\": {number}\n    }},\n    \"id\": {number}\n}}{end}"
        )
    };
    let printed =
        |number| Observed::Answer(number, Ok(format!("{{\n        \"of\": {number}\n    }}")));
    for end in ["\n", "", "\n\n"] {
        let stream = [pretty(0, end), of(1), pretty(2, end)].concat();
        assert_eq!(observed_of_agent(&stream), [printed(0), answer(1), printed(2)]);
        assert_eq!(observed(&stream), [printed(0), answer(1), printed(2)]);
    }
}

#[test]
fn long_messages_may_be_in_unusual_lines_like_short_ones() {
    let long = long();
    assert!(long.len() > 4096);
    let reply = |number: u32| format!("{{\"return\": {long}, \"id\": {number}}}");
    let answer = |number| Observed::Answer(number, Ok(long.clone()));
    for between in ["", " ", "\r", "\n", "\r\n\r\n"] {
        let stream = [&reply(0), between, &reply(1), "\r\n"].concat();
        assert_eq!(observed(&stream), [answer(0), answer(1)], "{between:?}");
    }
    for end in ["\r\n", ""] {
        let stream = [&reply(1), "\r\n", &reply(0), end].concat();
        assert_eq!(observed(&stream), [answer(1), answer(0)]);
        // The first line ends as a reply does.
        let stream = ["{\"return\": {\"a\": ", &long, ", \"id\": 0}\n, \"id\": 1}", end].concat();
        let value = ["{\"a\": ", &long, ", \"id\": 0}"].concat();
        assert_eq!(observed(&stream), [Observed::Answer(1, Ok(value))]);
        let stream = [&event("A").replace("[1]", &long), &reply(0), end].concat();
        assert_eq!(observed(&stream), [Observed::Event("A".into()), answer(0)]);
    }
}

/// Unmatched braces in strings, which the check of long messages does not exclude.
#[test]
fn a_long_message_may_contain_any_strings() {
    for string in ["{", "}", "}, ", "{{{{", "}}]", "\\\"}", "}{", "{\\\\"] {
        let element = format!("{{\"name\": \"{string}\", \"of\": [\"{string}\"], \"id\": 1}}");
        let value = format!("[{}]", [&element[..]; 100].join(", "));
        for end in ["\r\n", "", " "] {
            let stream = format!("{{\"return\": {value}, \"id\": 0}}{end}");
            assert_eq!(observed(&stream), [Observed::Answer(0, Ok(value.clone()))], "{string}");
        }
    }
}

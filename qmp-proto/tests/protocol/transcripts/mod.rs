//! Replays of every recorded session: with ids rewritten to those of this client, so that replies
//! are matched, and unchanged, to a client that has sent nothing.

mod edits;
mod matching;
mod recording;
mod replay;
mod script;
mod what;

use qmp_proto::{Client, Options};

use crate::peer::{Observed, SEVEN, sync_answer};
use recording::{Kind, Recording, recordings};
use replay::Listener;
use script::{Script, client, write};
use what::MOST;

/// Recordings of QMP inside another protocol, which are replayed only unchanged.
const WRAPPED: &[(&str, &str)] = &[
    ("transport_telnet_7.2", "telnet's negotiation stands before the greeting, on the same line"),
    ("transport_websocket_7.2", "an HTTP answer, then frames"),
];

/// The number of replies to messages that this client never sends, which are stray.
const NONSENSE: &[(&str, usize, &str)] = &[
    ("errors_7.2", 10, "commands before negotiation, no JSON, no object"),
    ("garbage_recovery_7.2", 30, "no JSON, apostrophes, noncharacters, members twice"),
    ("http_post_to_qmp_7.2", 12, "the head of an HTTP request"),
    ("limits_7.2", 2, "1025 levels"),
    ("mux_ctrl_a_7.2", 4, "a command without its first brace"),
    ("oob_7.2", 1, "a bracket too many"),
    ("qga_full_7.2", 1, "half a command"),
    ("qsd_7.2", 1, "a command before negotiation"),
    ("smuggling_7.2", 1035, "1025 levels, control characters"),
    ("transport_tcp_7.2", 1, "0xFF"),
];

fn scripts() -> Vec<(Recording, Script)> {
    let wrapped = |recording: &Recording| WRAPPED.iter().any(|it| it.0 == recording.name);
    let scripts = recordings().into_iter().filter(|recording| !wrapped(recording));
    scripts
        .map(|recording| {
            let script = write(&recording);
            (recording, script)
        })
        .collect()
}

/// All kinds of listeners.
fn listeners(client: impl Fn() -> Client<u32, MOST>) -> Vec<Listener> {
    vec![
        Listener::bare(client()),
        #[cfg(feature = "alloc")]
        Listener::session(client()),
    ]
}

/// Positions to cut a stream at, the same in every run.
fn random_ends(length: usize, seed: u64) -> Vec<usize> {
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    let mut next = |below: u64| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        usize::try_from(state % below).unwrap()
    };
    let longest = [2, 20, 300, 5000, 70_000][next(5)];
    let mut ends = Vec::new();
    let mut end = 0;
    loop {
        end += 1 + next(longest);
        if end >= length {
            return ends;
        }
        ends.push(end);
    }
}

fn simplified(observed: &[Observed]) -> Vec<Observed> {
    let simple = |observed: &Observed| match observed {
        Observed::Malformed(_) => Observed::Malformed(String::new()),
        other => other.clone(),
    };
    observed.iter().map(simple).collect()
}

fn replays(recording: &Recording, script: &Script, ends: &[usize]) {
    let expected = simplified(&script.observed);
    for mut listener in listeners(|| client(recording)) {
        let observed = listener.play(&script.stream, ends.iter().copied(), &script.sends);
        assert_eq!(observed, expected, "{}", recording.name);
        if recording.ended {
            assert_eq!(listener.ends(), Ok(()), "{}", recording.name);
        }
    }
}

#[test]
fn every_session_is_replayed_as_it_was_received() {
    let mut totals = [0; 6];
    for (recording, script) in scripts() {
        replays(&recording, &script, &script.received);
        let strays = script
            .observed
            .iter()
            .filter(|observed| matches!(observed, Observed::Stray(_)))
            .count();
        let nonsense = NONSENSE.iter().find(|it| it.0 == recording.name);
        assert_eq!(strays, nonsense.map_or(0, |it| it.1), "{}", recording.name);
        for observed in &script.observed {
            let kind = match observed {
                Observed::Answer(_, Ok(_)) | Observed::Ready => 0,
                Observed::Answer(_, Err(_)) | Observed::HandshakeFailed(_) => 1,
                Observed::Event(_) => 2,
                Observed::Greeting | Observed::Restarted => 3,
                Observed::Stray(_) => 4,
                _ => 5,
            };
            totals[kind] += 1;
        }
    }
    // Success replies, error replies, events, greetings, strays, and a shutdown without reply.
    assert_eq!(totals, [380, 102, 203, 25, 1097, 1]);
}

#[test]
fn every_session_is_replayed_byte_by_byte() {
    for (recording, script) in scripts() {
        let ends: Vec<_> = (1..script.stream.len()).collect();
        replays(&recording, &script, &ends);
    }
}

#[test]
fn every_session_is_replayed_in_random_pieces() {
    for (recording, script) in scripts() {
        for seed in 0..24 {
            replays(&recording, &script, &random_ends(script.stream.len(), seed));
        }
    }
}

#[test]
fn every_reply_is_stray_to_a_client_that_has_sent_nothing() {
    for recording in recordings() {
        let expected: Vec<_> = recording
            .items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let text = String::from_utf8_lossy(recording.text(item.message.clone()));
                match &item.kind {
                    Kind::Greeting if at == 0 => Observed::Greeting,
                    Kind::Greeting => Observed::Restarted,
                    Kind::Event(name) => Observed::Event(name.clone()),
                    Kind::Answer { .. } if text.ends_with("\"id\": inf}") => {
                        Observed::Malformed(String::new())
                    }
                    Kind::Answer { .. } => Observed::Stray(text.into_owned()),
                    Kind::Noise => Observed::Malformed(String::new()),
                }
            })
            .collect();
        let silent = || {
            if !recording.agent {
                return client(&recording);
            }
            let mut client = Client::agent(Options::agent());
            client.sync(&mut crate::peer::Wire::default(), 7).unwrap();
            let answer = sync_answer(SEVEN);
            assert_eq!(client.handle_input(&answer).unwrap().used, answer.len());
            client
        };
        let length = recording.stream.len();
        let mut ways = vec![recording.received.clone(), (1..length).collect()];
        ways.extend((0..4).map(|seed| random_ends(length, seed)));
        for ends in ways {
            for mut listener in listeners(silent) {
                let observed = listener.play(&recording.stream, ends.iter().copied(), &[]);
                assert_eq!(observed, expected, "{}", recording.name);
            }
        }
    }
}

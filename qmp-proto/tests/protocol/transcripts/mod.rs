//! Every recorded session, replayed: with its ids rewritten to those of our client, so that all its
//! answers find their requests, and as it is, to a client that asked for nothing.

mod edits;
mod matching;
mod recording;
mod replay;
mod script;
mod what;

use qmp_proto::{Client, Options};

use crate::peer::{SEVEN, Said, sync_answer};
use recording::{Kind, Recording, recordings};
use replay::Listener;
use script::{Script, client, write};
use what::MOST;

/// Not QMP as it is, but QMP wrapped in another protocol. These are replayed as they are only.
const WRAPPED: &[(&str, &str)] = &[
    ("transport_telnet_7.2", "telnet's negotiation stands before the greeting, on the same line"),
    ("transport_websocket_7.2", "an HTTP answer, then frames"),
];

/// How many answers are to what our client would never send, and so nobody's.
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

/// All the ways to listen.
fn listeners(client: impl Fn() -> Client<u32, MOST>) -> Vec<Listener> {
    vec![
        Listener::bare(client()),
        #[cfg(feature = "alloc")]
        Listener::session(client()),
    ]
}

/// Places to cut a stream at, the same every time.
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

fn simplified(said: &[Said]) -> Vec<Said> {
    let simple = |said: &Said| match said {
        Said::Malformed(_) => Said::Malformed(String::new()),
        other => other.clone(),
    };
    said.iter().map(simple).collect()
}

fn replays(recording: &Recording, script: &Script, ends: &[usize]) {
    let expected = simplified(&script.said);
    for mut listener in listeners(|| client(recording)) {
        let said = listener.play(&script.stream, ends.iter().copied(), &script.sends);
        assert_eq!(said, expected, "{}", recording.name);
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
        let strays = script.said.iter().filter(|said| matches!(said, Said::Stray(_))).count();
        let nonsense = NONSENSE.iter().find(|it| it.0 == recording.name);
        assert_eq!(strays, nonsense.map_or(0, |it| it.1), "{}", recording.name);
        for said in &script.said {
            let kind = match said {
                Said::Answer(_, Ok(_)) | Said::Ready => 0,
                Said::Answer(_, Err(_)) | Said::HandshakeFailed(_) => 1,
                Said::Event(_) => 2,
                Said::Greeting | Said::Restarted => 3,
                Said::Stray(_) => 4,
                _ => 5,
            };
            totals[kind] += 1;
        }
    }
    // Successes, errors, events, greetings, strays, and a shutdown that has no answer.
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
fn to_a_client_that_asked_for_nothing_every_answer_is_stray() {
    for recording in recordings() {
        let expected: Vec<_> = recording
            .items
            .iter()
            .enumerate()
            .map(|(at, item)| {
                let text = String::from_utf8_lossy(recording.text(item.message.clone()));
                match &item.kind {
                    Kind::Greeting if at == 0 => Said::Greeting,
                    Kind::Greeting => Said::Restarted,
                    Kind::Event(name) => Said::Event(name.clone()),
                    Kind::Answer { .. } if text.ends_with("\"id\": inf}") => {
                        Said::Malformed(String::new())
                    }
                    Kind::Answer { .. } => Said::Stray(text.into_owned()),
                    Kind::Noise => Said::Malformed(String::new()),
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
                let said = listener.play(&recording.stream, ends.iter().copied(), &[]);
                assert_eq!(said, expected, "{}", recording.name);
            }
        }
    }
}

//! What is received and sent does not depend on the pieces of the stream, and no stream makes a
//! server panic, stop progressing or exceed its limit.

use proptest::collection::vec;
use proptest::prelude::*;
use qmp_proto::server::{Options, Response, Server};
use qmp_proto::{ErrorClass, RawJson};

use super::config;
use super::soup::stream;
use crate::host::{NEGOTIATE, NEGOTIATE_OOB, Observed};

const LONGEST: usize = 200;
/// The longest error reply: a kilobyte of the message, with six bytes for each, and the rest.
const LONGEST_ANSWER: usize = 6 * 1024 + 200;

#[derive(Clone, Copy, Debug)]
enum Role {
    Negotiating,
    Ready,
    OutOfBand,
    Agent,
}

impl Role {
    fn server(self, in_band: usize) -> Server {
        let limits = |options: Options| {
            options.longest_message(LONGEST).deepest_message(12).in_band_limit(in_band)
        };
        let negotiation = match self {
            Self::Agent => return Server::agent(limits(Options::agent())),
            Self::Negotiating => "",
            Self::Ready => NEGOTIATE,
            Self::OutOfBand => NEGOTIATE_OOB,
        };
        let mut server = Server::monitor(limits(Options::monitor()));
        let step = server.handle_input(&mut Vec::new(), negotiation.as_bytes()).unwrap();
        assert_eq!(step.used, negotiation.len());
        server
    }
}

/// Returns everything that is sent and received for a stream in these pieces.
fn conversation(
    role: Role,
    in_band: usize,
    stream: &[u8],
    ends: &[usize],
) -> (Vec<u8>, Vec<String>) {
    let mut server = role.server(in_band);
    let (mut out, mut observed) = (Vec::new(), Vec::new());
    let (mut start, mut used) = (0, 0);
    for &end in ends.iter().chain([&stream.len()]) {
        let end = end.clamp(start, stream.len());
        loop {
            // Unused bytes move to the start, as in a buffer.
            let input = stream[used..end].to_vec();
            let output = out.len();
            let step = server.handle_input(&mut out, &input).unwrap();
            assert!(step.used <= input.len());
            assert!(out.len() - output <= LONGEST_ANSWER);
            used += step.used;
            let Some(received) = step.received else {
                break;
            };
            assert!(step.used > 0, "no progress");
            match Observed::new(received) {
                Observed::Command(command, ticket) => {
                    observed.push(format!("{} {:?}", command.message(), command.arguments()));
                    let response = Response::error(ErrorClass::GenericError, command.name());
                    server.answer(&mut out, ticket, &response).unwrap();
                }
                other => observed.push(format!("{other:?}")),
            }
            assert!(server.in_flight() == 0 && server.wants_input());
        }
        start = end;
        assert!(end - used <= LONGEST, "more is held than the limit");
    }
    (out, observed)
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Negotiating, Role::Ready, Role::OutOfBand, Role::Agent])
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn a_stream_is_received_equally_in_any_pieces(
        role in role(),
        stream in stream(),
        mut ends in vec(0_usize..300, 0..6),
    ) {
        ends.sort_unstable();
        let (out, observed) = conversation(role, 1, &stream, &[]);
        prop_assert_eq!(&conversation(role, 9, &stream, &ends), &(out.clone(), observed.clone()));
        let every: Vec<_> = (0..stream.len()).collect();
        prop_assert_eq!(&conversation(role, 1, &stream, &every), &(out.clone(), observed));
        // The output consists of messages, one per line.
        for line in out.split_inclusive(|&byte| byte == b'\n') {
            prop_assert!(line.ends_with(b"\n"));
            let line = line.strip_prefix(b"\xFF").unwrap_or(line);
            let line = std::str::from_utf8(line).unwrap();
            prop_assert!(RawJson::parse(line).is_ok(), "{}", line);
            prop_assert!(line.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')));
        }
    }
}

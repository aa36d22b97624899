//! What is heard and said does not depend on how the stream was cut, and nothing that a client can
//! send makes a server panic, stand still or hold more than its limit.

use proptest::collection::vec;
use proptest::prelude::*;
use qmp_proto::server::{Options, Response, Server};
use qmp_proto::{ErrorClass, RawJson};

use super::config;
use super::soup::stream;
use crate::host::{Heard, NEGOTIATE, NEGOTIATE_OOB};

const LONGEST: usize = 200;
/// What one message can be answered with: a kilobyte of it, six bytes for each, and what is around.
const LONGEST_ANSWER: usize = 6 * 1024 + 200;

#[derive(Clone, Copy, Debug)]
enum Role {
    Negotiating,
    Ready,
    OutOfBand,
    Agent,
}

impl Role {
    fn server(self, in_band: usize) -> Server<u32> {
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

/// All that is said to a stream in these pieces, and what was heard in it.
fn conversation(
    role: Role,
    in_band: usize,
    stream: &[u8],
    ends: &[usize],
) -> (Vec<u8>, Vec<String>) {
    let mut server = role.server(in_band);
    let (mut out, mut heard) = (Vec::new(), Vec::new());
    let (mut start, mut used) = (0, 0);
    for &end in ends.iter().chain([&stream.len()]) {
        let end = end.clamp(start, stream.len());
        loop {
            // What is left lies behind what is used, as in a buffer, and moves with it.
            let input = stream[used..end].to_vec();
            let said = out.len();
            let step = server.handle_input(&mut out, &input).unwrap();
            assert!(step.used <= input.len());
            assert!(out.len() - said <= LONGEST_ANSWER);
            used += step.used;
            let Some(received) = step.received else {
                break;
            };
            assert!(step.used > 0, "no progress");
            match Heard::new(received) {
                Heard::Command(command, ticket) => {
                    heard.push(format!("{} {:?}", command.message(), command.arguments()));
                    let response = Response::error(ErrorClass::GenericError, command.name());
                    server.answer(&mut out, ticket, &response).unwrap();
                }
                other => heard.push(format!("{other:?}")),
            }
            assert!(server.in_flight() == 0 && server.wants_input());
        }
        start = end;
        assert!(end - used <= LONGEST, "more is held than the limit");
    }
    (out, heard)
}

fn role() -> impl Strategy<Value = Role> {
    prop::sample::select(vec![Role::Negotiating, Role::Ready, Role::OutOfBand, Role::Agent])
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn a_stream_means_the_same_however_it_is_cut(
        role in role(),
        stream in stream(),
        mut ends in vec(0_usize..300, 0..6),
    ) {
        ends.sort_unstable();
        let (out, heard) = conversation(role, 1, &stream, &[]);
        prop_assert_eq!(&conversation(role, 9, &stream, &ends), &(out.clone(), heard.clone()));
        let every: Vec<_> = (0..stream.len()).collect();
        prop_assert_eq!(&conversation(role, 1, &stream, &every), &(out.clone(), heard));
        // Whatever comes in, what goes out is messages, one a line.
        for line in out.split_inclusive(|&byte| byte == b'\n') {
            prop_assert!(line.ends_with(b"\n"));
            let line = line.strip_prefix(b"\xFF").unwrap_or(line);
            let line = std::str::from_utf8(line).unwrap();
            prop_assert!(RawJson::parse(line).is_ok(), "{}", line);
            prop_assert!(line.trim_end().bytes().all(|byte| matches!(byte, b' '..=b'~')));
        }
    }
}

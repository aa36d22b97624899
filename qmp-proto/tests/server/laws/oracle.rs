//! The server beside the model of QEMU's lexer, which knows nothing of it.

use proptest::prelude::*;
use qmp_proto::server::{Options, Received, Rejection, Server};

use super::config;
use super::soup::stream;
use crate::generators::text;
use crate::host::NEGOTIATE_OOB;
use crate::qemu::{Read, Server as Model};

/// What the server makes of a stream, and the bytes that each thing ends with.
#[derive(Debug, PartialEq)]
enum Taken {
    Object(Vec<u8>),
    NoObject,
    Broken,
    BeyondLimit,
}

/// Everything whole objects, asked for or not.
fn takes(stream: &[u8]) -> Vec<Taken> {
    let options = Options::monitor().in_band_limit(usize::MAX).out_of_band_limit(usize::MAX);
    let mut server: Server = Server::monitor(options);
    let mut out = Vec::new();
    server.handle_input(&mut out, NEGOTIATE_OOB.as_bytes()).unwrap();
    let (mut taken, mut input) = (Vec::new(), stream);
    loop {
        let said = out.len();
        let step = server.handle_input(&mut out, input).unwrap();
        let object = || Taken::Object(input[..step.used].to_vec());
        let not_an_object = out[said..].windows(21).any(|it| it == b"must be a JSON object");
        taken.push(match step.received {
            Some(Received::Rejected(rejected)) => match rejected.reason {
                Rejection::NotJson => Taken::Broken,
                Rejection::BeyondLimit => Taken::BeyondLimit,
                Rejection::NotARequest if not_an_object => Taken::NoObject,
                _ => object(),
            },
            Some(Received::Command(_, ticket)) => {
                server.leave_unanswered(&mut out, ticket);
                object()
            }
            Some(_) => object(),
            None => return taken,
        });
        input = &input[step.used..];
    }
}

fn agree(taken: &Taken, read: &Read) -> bool {
    match (taken, read) {
        // What was passed over before it is used with it.
        (Taken::Object(used), Read::Message(message)) => used.ends_with(&message.text),
        (Taken::NoObject, Read::NotAnObject) => true,
        (Taken::Broken, Read::Error(error)) => !is_limit(error),
        (Taken::BeyondLimit, Read::Error(error)) => is_limit(error),
        _ => false,
    }
}

fn is_limit(error: &str) -> bool {
    matches!(error, "token size" | "token count" | "nesting")
}

/// After these the rest of the message is read in another way.
fn breaks_off(read: &Read) -> bool {
    matches!(read, Read::Error(error) if *error == "stray" || is_limit(error))
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn it_reads_what_qemu_reads_until_something_is_broken(stream in stream()) {
        let taken = takes(&stream);
        let read = Model::default().reads(&stream);
        if !read.iter().any(breaks_off) {
            prop_assert_eq!(taken.len(), read.len(), "{:?} {:?}", taken, read);
        }
        // Up to what is broken the two say the same, and that it is broken.
        for (taken, read) in taken.iter().zip(&read) {
            prop_assert!(agree(taken, read), "{:?} {:?}", taken, read);
            if breaks_off(read) {
                break;
            }
        }
    }

    #[test]
    fn after_a_sentinel_it_reads_exactly_what_qemu_reads(before in stream(), after in text()) {
        let mut model = Model::default();
        model.reads(&[&before[..], b"\xFF"].concat());
        let read = model.reads(after.as_bytes());
        if read.iter().any(breaks_off) {
            return Ok(());
        }
        let all = takes(&[&before[..], b"\xFF", after.as_bytes()].concat());
        let count = all.len() - takes(&[&before[..], b"\xFF"].concat()).len();
        let taken = &all[all.len() - count..];
        prop_assert_eq!(taken.len(), read.len(), "{:?} {:?}", taken, read);
        for (taken, read) in taken.iter().zip(&read) {
            prop_assert!(agree(taken, read), "{:?} {:?}", taken, read);
        }
    }
}

//! The server, compared with the independent model of QEMU's lexer.

use proptest::prelude::*;
use qmp_proto::server::{Options, Received, Rejection, Server};

use super::config;
use super::soup::stream;
use crate::generators::text;
use crate::host::NEGOTIATE_OOB;
use crate::qemu::{Read, Server as Model};

/// What the server receives from a stream, and the last bytes of each item.
#[derive(Debug, PartialEq)]
enum Taken {
    Object(Vec<u8>),
    NoObject,
    Broken,
    BeyondLimit,
}

/// Returns all messages in the stream.
fn messages(stream: &[u8]) -> Vec<Taken> {
    let options = Options::monitor().in_band_limit(usize::MAX).out_of_band_limit(usize::MAX);
    let mut server: Server = Server::monitor(options);
    let mut out = Vec::new();
    server.handle_input(&mut out, NEGOTIATE_OOB.as_bytes()).unwrap();
    let (mut taken, mut input) = (Vec::new(), stream);
    loop {
        let output = out.len();
        let step = server.handle_input(&mut out, input).unwrap();
        let object = || Taken::Object(input[..step.used].to_vec());
        let not_an_object = out[output..].windows(21).any(|it| it == b"must be a JSON object");
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
        // Skipped bytes before it are used together with it.
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

/// After these errors, the server and QEMU read the rest of the message differently.
fn breaks_off(read: &Read) -> bool {
    matches!(read, Read::Error(error) if *error == "stray" || is_limit(error))
}

proptest! {
    #![proptest_config(config(4000))]

    #[test]
    fn it_reads_the_same_as_qemu_up_to_the_first_error(stream in stream()) {
        let taken = messages(&stream);
        let read = Model::default().reads(&stream);
        if !read.iter().any(breaks_off) {
            prop_assert_eq!(taken.len(), read.len(), "{:?} {:?}", taken, read);
        }
        // Up to the error, and for the error itself, both agree.
        for (taken, read) in taken.iter().zip(&read) {
            prop_assert!(agree(taken, read), "{:?} {:?}", taken, read);
            if breaks_off(read) {
                break;
            }
        }
    }

    #[test]
    fn after_a_sentinel_it_reads_the_same_as_qemu(before in stream(), after in text()) {
        let mut model = Model::default();
        model.reads(&[&before[..], b"\xFF"].concat());
        let read = model.reads(after.as_bytes());
        if read.iter().any(breaks_off) {
            return Ok(());
        }
        let all = messages(&[&before[..], b"\xFF", after.as_bytes()].concat());
        let count = all.len() - messages(&[&before[..], b"\xFF"].concat()).len();
        let taken = &all[all.len() - count..];
        prop_assert_eq!(taken.len(), read.len(), "{:?} {:?}", taken, read);
        for (taken, read) in taken.iter().zip(&read) {
            prop_assert!(agree(taken, read), "{:?} {:?}", taken, read);
        }
    }
}

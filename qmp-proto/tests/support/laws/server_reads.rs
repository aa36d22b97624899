//! A server reads the same as QEMU up to the first error, at which QEMU starts again in the middle
//! of a message and the server does not.

use qmp_proto::server::{Options, Received, Rejection, Response, Server};

use super::Corpus;
use crate::qemu::{self, Message, Read};

/// The input is a stream.
pub(super) fn holds(stream: &[u8]) {
    let mut model = qemu::Server::default();
    let expected = model.reads(stream);
    let mut server: Server = Server::monitor(Options::monitor());
    let mut out = Vec::new();
    let negotiation = b"{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}";
    assert_eq!(server.handle_input(&mut out, negotiation).unwrap().used, negotiation.len());
    let mut rest = stream;
    for read in &expected {
        let sent = out.len();
        let step = server.handle_input(&mut out, rest).unwrap();
        let Some(received) = step.received else { panic!("{read:?} was missed") };
        same(&received, read);
        if let Read::Error(words) = read {
            // The description may quote the message, which the words omit.
            let sent = String::from_utf8_lossy(&out[sent..]);
            assert!(sent.contains(words), "{sent} instead of {words}");
        }
        if let Received::Command(_, ticket) = received {
            server.answer(&mut out, ticket, &Response::empty()).unwrap();
        }
        rest = &rest[step.used..];
        if matches!(read, Read::Error(_)) {
            return;
        }
    }
    let step = server.handle_input(&mut out, rest).unwrap();
    assert!(step.received.is_none(), "{:?} is too much", step.received);
    assert_eq!(server.is_inside_message(), !model.is_between_messages());
}

fn same(received: &Received<'_>, read: &Read) {
    match (received, read) {
        (Received::Command(command, ticket), Read::Message(message)) => {
            let name = message.command().unwrap();
            assert_eq!(known(command.name()), name);
            assert_eq!(command.is_out_of_band(), message.member("exec-oob").is_some());
            assert_eq!(command.arguments().is_some(), message.member("arguments").is_some());
            assert_eq!(ticket.id().is_some(), message.member("id").is_some());
            check_rewritten(command.message().as_str(), message);
        }
        (Received::Negotiated { .. }, Read::Message(_)) => {}
        (Received::Rejected(rejected), Read::Message(_)) => {
            let reasons = [Rejection::NotARequest, Rejection::Handshake];
            assert!(reasons.contains(&rejected.reason), "{rejected}");
        }
        (Received::Rejected(rejected), Read::NotAnObject) => {
            assert_eq!(rejected.reason, Rejection::NotARequest, "{rejected}");
        }
        (Received::Rejected(rejected), Read::Error(_)) => {
            let reasons = [Rejection::NotJson, Rejection::BeyondLimit];
            assert!(reasons.contains(&rejected.reason), "{rejected}");
        }
        other => panic!("{other:?}"),
    }
}

/// A zero in the model's format.
fn known(name: &str) -> String {
    name.replace('\0', "\u{FFFFF}")
}

/// Checks that the server's text of a message is standard JSON that QEMU reads equally.
fn check_rewritten(text: &str, message: &Message) {
    serde_json::from_str::<serde::de::IgnoredAny>(text).unwrap();
    let read = qemu::Server::default().reads(text.as_bytes());
    let [Read::Message(again)] = &read[..] else { panic!("{read:?}") };
    assert_eq!(again.names(), message.names());
    assert_eq!(again.command(), message.command());
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    corpus.clients.iter().map(|stream| stream.bytes.clone()).collect()
}

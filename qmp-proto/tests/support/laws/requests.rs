//! Everything that a client sends is one message with the same meaning for QEMU and for this
//! server, and every text that QEMU reads as one object is sent.

use qmp_proto::server::{self, Server};
use qmp_proto::{
    Arguments, Client, JsonErrorKind, Options, OwnedArguments, RawMessage, Received, Request,
    SendErrorKind,
};

use super::Corpus;
use super::meaning::fields;
use crate::qemu::{self, Message, Read};

const OUT_OF_BAND: u8 = 0x08;
const STRING_IDS: u8 = 0x10;
const LINE_END: u8 = 0x20;

/// The input consists of a choice, the name of a command, a zero, and the arguments or a raw
/// message.
pub(super) fn holds(input: &[u8]) {
    let Some((&choice, rest)) = input.split_first() else { return };
    let Some([name, text]) = fields(rest) else { return };
    let mut out = Vec::new();
    let options =
        Options::monitor().string_ids(choice & STRING_IDS != 0).line_end(choice & LINE_END != 0);
    let mut client = ready(options, &mut out);
    let out_of_band = choice & OUT_OF_BAND != 0;
    let request = || {
        let request = Request::new(name);
        if out_of_band { request.out_of_band() } else { request }
    };
    let mut arguments = None;
    let sent = match choice % 5 {
        0 => client.execute(&mut out, request(), 0),
        1 => match Arguments::parse(text) {
            Ok(it) => {
                arguments = Some(it.as_str().to_string());
                client.execute(&mut out, request().arguments(it), 0)
            }
            Err(error) => return refused(text, error.kind()),
        },
        2 => match OwnedArguments::parse(text.to_string()) {
            Ok(it) => {
                arguments = Some(it.as_arguments().as_str().to_string());
                client.execute(&mut out, request().arguments(it.as_arguments()), 0)
            }
            Err(error) => return refused(text, error.kind()),
        },
        3 => match serde_json::from_str::<serde_json::Value>(text) {
            Ok(value) => {
                arguments = Some(value.to_string()).filter(|it| it != "null");
                let it = match OwnedArguments::serialize(&value) {
                    Ok(it) => it,
                    Err(SendErrorKind::Json(error)) => return refused(text, error.kind()),
                    Err(other) => panic!("{other}"),
                };
                client.execute(&mut out, request().arguments(it.as_arguments()), 0)
            }
            Err(_) => return,
        },
        _ => match RawMessage::parse(text) {
            Ok(raw) => {
                if let Err(refused) = client.execute_raw(&mut out, &raw, 0) {
                    panic!("{refused}");
                }
                return raw_is_one_message(&out, &raw, text, choice);
            }
            Err(error) => return refused(text, error.kind()),
        },
    };
    if let Err(refused) = sent {
        assert_eq!(out, b"", "something was sent all the same");
        assert!(
            matches!(refused.reason, SendErrorKind::InvalidName | SendErrorKind::Json(_)),
            "{refused}"
        );
        return;
    }
    let arguments = arguments.filter(|it| it != "{}");
    let message = one_message(&out);
    assert_eq!(message.command().as_deref(), Some(name));
    assert_eq!(message.member("exec-oob").is_some(), out_of_band);
    assert_eq!(message.member("id"), Some(id(choice)));
    assert_eq!(message.member("arguments"), arguments.as_deref().map(str::as_bytes));
    assert_eq!(message.names().len(), 2 + usize::from(arguments.is_some()));
    served(&out, |received| match received {
        server::Received::Command(command, ticket) => {
            assert_eq!(command.name(), name);
            assert_eq!(command.is_out_of_band(), out_of_band);
            assert_eq!(command.arguments().map(|it| it.as_str()), arguments.as_deref());
            assert_eq!(ticket.id().map(|id| id.as_str().as_bytes()), Some(id(choice)));
        }
        server::Received::Rejected(_) => assert_eq!(name, "qmp_capabilities"),
        other => panic!("{other:?}"),
    });
}

const fn id(choice: u8) -> &'static [u8] {
    if choice & STRING_IDS != 0 { b"\"0\"" } else { b"0" }
}

/// Returns a client that has negotiated `oob`, with an empty output.
fn ready(options: Options, out: &mut Vec<u8>) -> Client<u32> {
    let mut client = Client::monitor(options);
    let greeting = b"{\"QMP\": {\"capabilities\": [\"oob\"]}}\r\n";
    assert!(client.handle_input(greeting).unwrap().received.is_some());
    client.negotiate(out, 0, &["oob"]).unwrap();
    let answer = format!("\r\n{{\"return\": {{}}, \"id\": {}}}\r\n", 1_u64 << 52);
    let received = client.handle_input(answer.as_bytes()).unwrap().received;
    assert!(matches!(received, Some(Received::Ready)));
    out.clear();
    client
}

/// Reads with the model of QEMU, which must find one message and read the next one correctly, too.
fn one_message(sent: &[u8]) -> Message {
    let mut server = qemu::Server::default();
    let read = server.reads(sent);
    assert!(server.is_between_messages(), "half a message: {}", sent.escape_ascii());
    let [Read::Message(message)] = &read[..] else {
        panic!("{}: {read:?}", sent.escape_ascii());
    };
    let next = server.reads(b"{'execute':'next'}");
    assert!(matches!(&next[..], [Read::Message(_)]), "{next:?}");
    message.clone()
}

/// Reads with this server, which must receive one request.
fn served(sent: &[u8], check: impl FnOnce(&server::Received<'_>)) {
    let mut server: Server = Server::monitor(server::Options::monitor());
    let mut out = Vec::new();
    let negotiation = b"{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}";
    assert_eq!(server.handle_input(&mut out, negotiation).unwrap().used, negotiation.len());
    let input = [sent, b"{'execute':'next'}"].concat();
    let step = server.handle_input(&mut out, &input).unwrap();
    let received = step.received.expect("a message");
    check(&received);
    if let server::Received::Command(_, ticket) = received {
        server.leave_unanswered(&mut out, ticket);
    }
    let next = server.handle_input(&mut out, &input[step.used..]).unwrap().received;
    let Some(server::Received::Command(command, _)) = next else { panic!("{next:?}") };
    assert_eq!(command.name(), "next");
}

fn raw_is_one_message(sent: &[u8], raw: &RawMessage<'_>, text: &str, choice: u8) {
    let message = one_message(sent);
    let meant = one_message(text.as_bytes());
    assert_eq!(meant.member("id"), raw.id().map(|id| id.as_str().as_bytes()));
    assert_eq!(message.member("id"), Some(id(choice)));
    let others = |message: &Message| {
        let names: Vec<_> = message.names().into_iter().map(str::to_string).collect();
        names.into_iter().filter(|name| name != "id").collect::<Vec<_>>()
    };
    assert_eq!(others(&message), others(&meant));
    for name in others(&meant) {
        assert_eq!(message.member(&name), meant.member(&name));
    }
    served(sent, |received| match received {
        server::Received::Command(command, ticket) => {
            assert_eq!(Some(command.name().replace('\0', "\u{FFFFF}")), meant.command());
            assert_eq!(command.is_out_of_band(), raw.is_out_of_band());
            assert_eq!(ticket.id().map(|id| id.as_str().as_bytes()), Some(id(choice)));
        }
        server::Received::Rejected(_) => {}
        other => panic!("{other:?}"),
    });
}

/// A refused text is not one object for QEMU, either.
fn refused(text: &str, flaw: JsonErrorKind) {
    // Apostrophes are an extension of QEMU, and a message has one more level than its arguments.
    if text.contains('\'')
        || matches!(flaw, JsonErrorKind::TooDeep { .. } | JsonErrorKind::TooManyTokens)
    {
        return;
    }
    let mut server = qemu::Server::default();
    let read = server.reads(text.as_bytes());
    let taken = matches!(&read[..], [Read::Message(_)]) && server.is_between_messages();
    assert!(!taken, "{flaw:?}, but QEMU reads {read:?}");
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    let mut seeds = Vec::new();
    for (number, message) in corpus.requests().into_iter().enumerate() {
        let name = message.command().unwrap_or_default();
        let arguments = message.member("arguments").unwrap_or(b"{}");
        let options = (number as u8).wrapping_mul(5 * 8);
        for way in 0..4 {
            seeds.push([&[options + way][..], name.as_bytes(), b"\0", arguments].concat());
        }
        seeds.push([&[options + 4][..], b"\0", &message.text].concat());
    }
    seeds
}

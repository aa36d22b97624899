//! A server reads everything that a client sends as exactly one message with the same meaning.

mod limits;
#[cfg(feature = "serde")]
mod serialized;

use proptest::collection::vec;
use proptest::prelude::*;
use qmp_proto::{Arguments, Client, JsonErrorKind, Options, RawMessage, Request, SendErrorKind};

use super::config;
use crate::generators::{name, text};
use crate::peer::{GREETING, Peer, SEVEN};
use crate::qemu::{Message, Read, Server};

/// Reads output with the model of QEMU's parser, which must find one message.
fn read_one(sent: &[u8]) -> Result<Message, TestCaseError> {
    let mut server = Server::default();
    let read = server.reads(sent);
    prop_assert!(server.is_between_messages(), "{}", sent.escape_ascii());
    let [Read::Message(message)] = &read[..] else {
        return Err(TestCaseError::fail(format!("{}: {read:?}", sent.escape_ascii())));
    };
    // The next message is read correctly, too.
    let next = server.reads(b"{'execute':'next'}");
    prop_assert!(matches!(&next[..], [Read::Message(_)]), "{next:?}");
    Ok(message.clone())
}

fn peer() -> Peer<4> {
    Peer::ready(Options::monitor(), &[])
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn a_command_with_any_name_and_arguments_is_one_message(
        name in name(),
        text in text(),
    ) {
        let mut peer = peer();
        let sent = match Arguments::parse(&text) {
            Ok(arguments) => peer.send(Request::new(&name).arguments(arguments), 0),
            Err(_) => peer.send(Request::new(&name), 0),
        };
        if sent.is_err() {
            prop_assert_eq!(&sent, &Err(SendErrorKind::InvalidName));
            return Ok(());
        }
        let message = read_one(&peer.wire.bytes)?;
        prop_assert_eq!(message.command(), Some(name));
        prop_assert_eq!(message.member("id"), Some(&b"0"[..]));
        let arguments = Arguments::parse(&text).ok().filter(|it| it.as_str() != "{}");
        let read = message.member("arguments");
        prop_assert_eq!(read, arguments.map(|it| it.as_str().as_bytes()));
        prop_assert_eq!(message.names().len(), if read.is_some() { 3 } else { 2 });
    }

    #[test]
    fn a_raw_message_is_one_message_and_only_its_id_differs(text in text()) {
        let mut peer = peer();
        let Ok(raw) = RawMessage::parse(&text) else { return Ok(()) };
        match peer.send_raw(&text, 0) {
            Ok(_) => {}
            Err(refusal) => {
                prop_assert_eq!(refusal, SendErrorKind::NoOutOfBand);
                prop_assert!(raw.is_out_of_band());
                return Ok(());
            }
        }
        let message = read_one(&peer.wire.bytes)?;
        let meant = read_one(text.as_bytes())?;
        prop_assert_eq!(meant.member("id"), raw.id().map(|id| id.as_str().as_bytes()));
        prop_assert_eq!(message.member("id"), Some(&b"0"[..]));
        for name in meant.names() {
            if name != "id" {
                prop_assert_eq!(message.member(name), meant.member(name));
            }
        }
        let added = usize::from(raw.id().is_none());
        prop_assert_eq!(message.names().len(), meant.names().len() + added);
    }

    #[test]
    fn a_text_that_a_server_reads_as_one_object_is_accepted(text in text()) {
        // Apostrophes and C0 80 are extensions of QEMU, which clients do not need.
        if text.contains('\'') {
            return Ok(());
        }
        let mut server = Server::default();
        let alone = matches!(&server.reads(text.as_bytes())[..], [Read::Message(_)]);
        let whole = server.is_between_messages();
        let parsed = Arguments::parse(&text);
        let too_many = matches!(&parsed, Err(error) if error.kind() == JsonErrorKind::TooManyMembers);
        prop_assert_eq!(alone && whole, parsed.is_ok() || too_many, "{:?}", parsed);
    }

    #[test]
    fn handshakes_are_one_message(nonce in any::<u64>(), strings in any::<bool>(), line in any::<bool>(), enable in vec(prop_oneof![Just("oob".to_string()), name()], 0..3)) {
        let options = Options::monitor().string_ids(strings).line_end(line);
        let mut peer: Peer = Peer::new(Client::monitor(options));
        peer.feed(GREETING);
        let enable: Vec<_> = enable.iter().map(|name| &name[..]).collect();
        if peer.client.negotiate(&mut peer.wire, nonce, &enable).is_ok() {
            let message = read_one(&peer.wire.bytes)?;
            prop_assert_eq!(message.command(), Some("qmp_capabilities".into()));
        } else {
            prop_assert_eq!(&peer.wire.bytes, b"");
        }
        // The agent's parser may contain a part of another client's command.
        for left_over in [&b""[..], b"{\"execute\":\"guest-", b"{\"execute\":[[", b"nonsense"] {
            let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
            peer.client.sync(&mut peer.wire, nonce).unwrap();
            let read = Server::default().reads(&[left_over, &peer.wire.bytes].concat());
            let Some((Read::Message(message), errors)) = read.split_last() else {
                return Err(TestCaseError::fail(format!("{read:?}")));
            };
            prop_assert!((1..=2).contains(&errors.len()));
            prop_assert!(errors.iter().all(|it| matches!(it, Read::Error(_))));
            prop_assert_eq!(message.command(), Some("guest-sync-delimited".into()));
        }
    }
}

#[test]
fn the_number_of_a_sync_is_in_the_agents_range() {
    for nonce in [0, 7, u64::MAX] {
        let mut peer: Peer = Peer::new(Client::agent(Options::agent()));
        peer.client.sync(&mut peer.wire, nonce).unwrap();
        let sent = peer.sent();
        let number = sent.trim_end().trim_end_matches('}').rsplit(':').next().unwrap();
        let number: i64 = number.parse().unwrap();
        assert!(number < 1 << 53 && number >= (SEVEN - 7) as i64);
    }
}

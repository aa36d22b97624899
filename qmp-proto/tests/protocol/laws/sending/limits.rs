//! The largest messages that are sent are read as one message, and the limits are close to the
//! server's.

use qmp_proto::{Arguments, JsonErrorKind, Request, SendErrorKind};

use super::{peer, read_one};
use crate::data::nested_arrays;

/// Sends the text as arguments and as a raw message.
fn sent_as_arguments(text: &str) -> Result<Vec<u8>, SendErrorKind> {
    let mut peer = peer();
    let arguments = Arguments::parse(text)?;
    peer.send(Request::new("x").arguments(arguments), 0)?;
    Ok(peer.wire.bytes)
}

fn sent_raw(text: &str) -> Result<Vec<u8>, SendErrorKind> {
    let mut peer = peer();
    peer.send_raw(text, 0)?;
    Ok(peer.wire.bytes)
}

#[test]
fn the_deepest_message_is_read_and_a_deeper_one_is_not_sent() {
    for (levels, taken) in [(1022, true), (1023, false)] {
        let text = format!("{{\"a\":{}}}", nested_arrays(levels));
        let sent = sent_as_arguments(&text);
        assert_eq!(sent.is_ok(), taken);
        if let Ok(sent) = sent {
            read_one(&sent).unwrap();
        }
    }
    for (levels, taken) in [(1023, true), (1024, false)] {
        let text = format!("{{\"a\":{}}}", nested_arrays(levels));
        let sent = sent_raw(&text);
        assert_eq!(sent.is_ok(), taken);
        if let Ok(sent) = sent {
            read_one(&sent).unwrap();
        }
    }
}

/// The tokens around the arguments, and those of an added id, count, too.
#[test]
fn the_message_with_most_tokens_is_read_and_one_with_more_is_not_sent() {
    type Send = fn(&str) -> Result<Vec<u8>, SendErrorKind>;
    for (send, most) in [(sent_as_arguments as Send, 1_048_567), (sent_raw, 1_048_571)] {
        let text = |elements: usize| format!("{{\"a\":[{}1]}}", "1,".repeat(elements - 1));
        read_one(&send(&text(most)).unwrap()).unwrap();
        let Err(SendErrorKind::Json(error)) = send(&text(most + 1)) else { panic!() };
        assert_eq!(error.kind(), JsonErrorKind::TooManyTokens);
    }
}

#[test]
fn the_longest_message_is_read_and_a_longer_one_is_not_sent() {
    const LONGEST: usize = 64 * 1024 * 1024 - 1;
    let around = sent_raw("{\"a\":\"\"}").unwrap().len();
    let text = |length: usize| format!("{{\"a\":\"{}\"}}", "a".repeat(length - around));
    assert_eq!(sent_raw(&text(LONGEST + 1)), Err(SendErrorKind::TooLong));
    let sent = sent_raw(&text(LONGEST)).unwrap();
    assert_eq!(sent.len(), LONGEST);
    read_one(&sent).unwrap();
}

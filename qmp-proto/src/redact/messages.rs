//! Splitting bytes into messages for a log.

use crate::redact::tokens::{Token, Tokens};

/// The direction of a message.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From the client to the server.
    Sent,
    /// From the server to the client.
    Received,
}

/// Splits bytes into messages.
///
/// A message ends where its brackets balance. Bytes outside of messages are split at line ends. An
/// incomplete message includes all following bytes. Blanks and line ends around messages are
/// omitted; sentinel bytes before a message belong to it.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes.trim_ascii();
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let (message, after) = rest.split_at(end_of_first(rest));
        rest = after.trim_ascii_start();
        Some(message.trim_ascii_end())
    })
}

fn end_of_first(bytes: &[u8]) -> usize {
    let mut tokens = Tokens::new(bytes);
    tokens.skip_sentinels();
    let mut depth = 0_usize;
    while let Some((token, _)) = tokens.next() {
        match token {
            Token::Open { .. } => depth += 1,
            Token::Close { .. } if depth > 1 => depth -= 1,
            Token::Close { .. } if depth == 1 => return tokens.at(),
            Token::Broken => break,
            _ if depth == 0 => {
                return memchr::memchr(b'\n', bytes).unwrap_or(bytes.len());
            }
            _ => {}
        }
    }
    bytes.len()
}

#[cfg(test)]
mod tests {
    use std::vec::Vec;

    use super::messages;

    fn all(wire: &[u8]) -> Vec<&[u8]> {
        messages(wire).collect()
    }

    #[test]
    fn each_message_is_returned_separately() {
        let wire = b"{\"error\": 1}\n\xFF{\"return\": 2}\n{\r\n    \"a\": {\r\n    }\r\n}\r\n";
        assert_eq!(
            all(wire),
            [&b"{\"error\": 1}"[..], b"\xFF{\"return\": 2}", b"{\r\n    \"a\": {\r\n    }\r\n}"]
        );
        assert_eq!(all(b"{\"a\":1}{\"b\":'}'}"), [&b"{\"a\":1}"[..], b"{\"b\":'}'}"]);
        assert_eq!(messages(b"\r\n ").count(), 0);
    }

    #[test]
    fn a_message_is_not_split_inside() {
        for message in [
            &b"{\"execute\":\"object-add\",\"arguments\":{\"props\":\n{\"data\":\"x\"}}}"[..],
            b"[\n{\"a\": 1},\n{\"b\": 2}\n]",
            b"{\"a\": \"\\\n{\"}",
            b"{\"a\": \"breaks off\n{\"execute\":\"stop\"}",
            b"{\"a\": [\n{\"b\": 1}\n",
        ] {
            assert_eq!(all(message), [message.trim_ascii()], "{message:?}");
        }
    }

    #[test]
    fn bytes_outside_messages_are_split_at_line_ends() {
        let wire = b"qemu: warning: {it} is old\n{\"return\": {}}\r\n12 }\n";
        assert_eq!(all(wire), [&b"qemu: warning: {it} is old"[..], b"{\"return\": {}}", b"12 }"]);
    }
}

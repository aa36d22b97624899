//! Messages as they are shown, one at a time.

/// Which way a message went.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Direction {
    /// From us to the server.
    Sent,
    /// From the server to us.
    Received,
}

/// Takes apart what is one message or several one after another, whole: each begins its line, and
/// the further lines of a pretty-printed one are indented or end it.
pub fn messages(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = bytes.trim_ascii();
    core::iter::from_fn(move || {
        if rest.is_empty() {
            return None;
        }
        let next = rest.windows(2).position(|pair| matches!(pair, [b'\n', b'{' | 0xFF]));
        let (message, after) = rest.split_at(next.unwrap_or(rest.len()));
        rest = after.trim_ascii_start();
        Some(message.trim_ascii_end())
    })
}

#[cfg(test)]
mod tests {
    use super::messages;

    #[test]
    fn each_message_is_shown_by_itself() {
        let wire = b"{\"error\": 1}\n\xFF{\"return\": 2}\n{\r\n    \"a\": {\r\n    }\r\n}\r\n";
        let shown: std::vec::Vec<_> = messages(wire).collect();
        assert_eq!(
            shown,
            [&b"{\"error\": 1}"[..], b"\xFF{\"return\": 2}", b"{\r\n    \"a\": {\r\n    }\r\n}"]
        );
        assert_eq!(messages(b"\r\n ").count(), 0);
    }
}

//! QEMU's greeting, which programs that connect often decode often.

use super::number;
use crate::json::plain_ascii_prefix;
use crate::message::{Greeting, Message, Version};

/// Decodes a greeting. `rest` of the line starts with the version.
pub(super) fn route<'b>(line: &'b [u8], rest: &'b [u8]) -> Option<Message<'b>> {
    let rest = rest.strip_prefix(b"{\"qemu\": {\"micro\": ")?;
    let (micro, rest) = number::<1>(rest, b", \"minor\": ")?;
    let (minor, rest) = number::<1>(rest, b", \"major\": ")?;
    let (major, rest) = number::<2>(rest, b"}, \"package\": ")?;
    let (package, rest) = string(rest)?;
    let capabilities = rest.strip_prefix(b"}, \"capabilities\": [")?.strip_suffix(b"]}}")?;
    if !is_list_of_strings(capabilities) {
        return None;
    }
    let [major, minor, micro] = [major, minor, micro].map(u32::try_from);
    let version = Version::new(major.ok()?, minor.ok()?, micro.ok()?);
    Some(Message::Greeting(Greeting::new(line, version, package, text(capabilities)?)))
}

/// Parses a string without escapes. Returns its content and the rest.
fn string(bytes: &[u8]) -> Option<(&str, &[u8])> {
    let bytes = bytes.strip_prefix(b"\"")?;
    let (inside, rest) = bytes.split_at_checked(plain_ascii_prefix(bytes))?;
    Some((text(inside)?, rest.strip_prefix(b"\"")?))
}

/// Returns whether this is a list of strings, without its brackets.
fn is_list_of_strings(list: &[u8]) -> bool {
    let mut rest = list;
    while let Some((_, behind)) = string(rest) {
        match behind.strip_prefix(b", ") {
            Some(next) => rest = next,
            None => return behind.is_empty(),
        }
    }
    list.is_empty()
}

fn text(bytes: &[u8]) -> Option<&str> {
    core::str::from_utf8(bytes).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::json::MAX_DEPTH;
    use crate::wire::{route, split};
    use alloc::format;

    fn greeting<'b>(message: Option<Message<'b>>) -> Greeting<'b> {
        let Some(Message::Greeting(greeting)) = message else { panic!("{message:?}") };
        greeting
    }

    #[test]
    fn a_greeting_of_qemu_is_routed_with_the_result_of_the_full_route() {
        for (version, package, capabilities) in [
            (r#""micro": 0, "minor": 2, "major": 5"#, "Debian 1:5.2+dfsg-11", r#""oob""#),
            (r#""micro": 50, "minor": 12, "major": 123"#, "", ""),
            (r#""micro": 1, "minor": 1, "major": 11"#, "v11.1.1", r#""oob", "later""#),
        ] {
            let line = format!(
                r#"{{"QMP": {{"version": {{"qemu": {{{version}}}, "package": "{package}"}}, "capabilities": [{capabilities}]}}}}"#
            );
            let routed = greeting(route(line.as_bytes()));
            let split = greeting(split(line.as_bytes(), MAX_DEPTH).ok());
            assert!(routed.version().is_some());
            assert_eq!(routed.version(), split.version());
            assert_eq!(routed.package(), split.package());
            assert!(routed.capabilities().eq(split.capabilities()));
            assert_eq!(routed.message(), line.as_bytes());
        }
    }

    #[test]
    fn other_greetings_need_the_full_route() {
        let usual = r#"{"QMP": {"version": {"qemu": {"micro": 0, "minor": 2, "major": 5}, "package": "p"}, "capabilities": ["oob"]}}"#;
        assert!(route(usual.as_bytes()).is_some());
        for (part, other) in [
            (r#""p""#, r#""\"p\"""#),
            (r#""p""#, r#""ä""#),
            ("5}", "05}"),
            ("5}", "-5}"),
            ("5}", "5000000000}"),
            ("[\"oob\"]", "[\"oob\", ]"),
            ("[\"oob\"]", "[\"oob\" ]"),
            ("[\"oob\"]", "[1]"),
            ("[\"oob\"]", "[\"oob\"], \"more\": []"),
            ("\"QMP\": ", "\"QMP\":"),
        ] {
            let line = usual.replace(part, other);
            assert_ne!(line, usual);
            assert!(route(line.as_bytes()).is_none(), "{line}");
        }
    }
}

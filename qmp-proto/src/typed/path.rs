//! The path of the member at an offset of a JSON value.

use alloc::format;
use alloc::string::String;

use crate::json::{
    JsonError, Lenient, MAX_DEPTH, skip_blanks, skip_value, walk_colon, walk_string,
};

/// Returns the path of the innermost member or element that contains the byte `at`, such as
/// `[0].inserted.file`. The path of the value itself is empty.
pub(super) fn path_at(text: &str, at: usize) -> String {
    let mut walk = Walk { text, wanted: at, at: 0, path: String::new() };
    // In invalid JSON the path ends at the error.
    while matches!(walk.descend(), Ok(true)) {}
    walk.path
}

struct Walk<'t> {
    text: &'t str,
    wanted: usize,
    at: usize,
    path: String,
}

impl Walk<'_> {
    /// Descends into the part of the value that contains the wanted byte. Returns `false` if there
    /// is none.
    fn descend(&mut self) -> Result<bool, JsonError> {
        self.at = skip_blanks(self.bytes(), self.at);
        let object = match self.byte() {
            Some(b'{') => true,
            Some(b'[') => false,
            _ => return Ok(false),
        };
        self.at += 1;
        for index in 0.. {
            self.at = skip_blanks(self.bytes(), self.at);
            if self.at > self.wanted || matches!(self.byte(), None | Some(b'}' | b']')) {
                return Ok(false);
            }
            let step = match object {
                true => self.name()?,
                false => format!("[{index}]"),
            };
            let value = skip_blanks(self.bytes(), self.at);
            let end = skip_value(self.bytes(), value, MAX_DEPTH)?;
            if self.wanted < end {
                self.path.push_str(&step);
                self.at = value;
                return Ok(true);
            }
            self.at = skip_blanks(self.bytes(), end);
            if self.byte() != Some(b',') {
                return Ok(false);
            }
            self.at += 1;
        }
        Ok(false)
    }

    /// Walks a name and its colon, and returns the name's part of the path.
    fn name(&mut self) -> Result<String, JsonError> {
        let start = self.at;
        let end = walk_string(self.bytes(), start, &mut Lenient)?;
        self.at = walk_colon(self.bytes(), end)?;
        let name = self.text.get(start + 1..end - 1).unwrap_or_default();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-');
        Ok(match name.bytes().all(plain) {
            true if self.path.is_empty() => name.into(),
            true => format!(".{name}"),
            false => format!("[\"{name}\"]"),
        })
    }

    fn bytes(&self) -> &[u8] {
        self.text.as_bytes()
    }

    fn byte(&self) -> Option<u8> {
        self.bytes().get(self.at).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::ToOwned;

    #[test]
    fn each_byte_belongs_to_the_innermost_member_or_element() {
        let text = "[ {\"a\": 1, \"in.side\" :{\"file\": [true, \"x\"]}}, {} ]";
        let path = |part: &str| path_at(text, text.find(part).unwrap());
        assert_eq!(path("1"), "[0].a");
        assert_eq!(path("side"), "[0][\"in.side\"]");
        assert_eq!(path("{\"file"), "[0][\"in.side\"]");
        assert_eq!(path("true"), "[0][\"in.side\"].file[0]");
        assert_eq!(path("x\"]"), "[0][\"in.side\"].file[1]");
        assert_eq!(path("]}}"), "[0][\"in.side\"].file");
        assert_eq!(path("}, {"), "[0]");
        assert_eq!(path("{} ]"), "[1]");
        assert_eq!(path_at(text, 0), "");
        assert_eq!(path_at(text, text.len() - 1), "");
        assert_eq!(path_at("{\"a\": {\"b\": 1}}", 12), "a.b");
        assert_eq!(path_at("1", 0), "");
    }

    #[test]
    fn no_text_causes_a_panic() {
        let text = "{\"a\": [1, {\"b\": \"\\u00e9é\"}], \"c\": nul";
        for end in (0..=text.len()).filter(|end| text.is_char_boundary(*end)) {
            for at in 0..=end + 1 {
                let path = path_at(&text[..end], at);
                assert!(text.len() > path.len(), "{path}");
            }
        }
        assert_eq!(path_at(&("[".repeat(2000)), 1999), "".to_owned());
    }
}

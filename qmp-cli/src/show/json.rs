//! JSON as it came, on one line or indented, without what a terminal obeys.

use std::borrow::Cow;
use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};

/// How JSON is written.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Layout {
    pub(crate) pretty: bool,
    pub(crate) color: bool,
}

const KEY: Style = AnsiColor::Blue.on_default().bold();
const STRING: Style = AnsiColor::Green.on_default();
const OTHER: Style = AnsiColor::Yellow.on_default();

impl Layout {
    /// Writes a valid JSON text. Numbers, strings and the order of members stay as they are.
    pub(crate) fn write(self, json: &str) -> Cow<'_, str> {
        if !self.pretty && !self.color && !json.contains(['\n', '\r', '\t']) {
            return escape(json);
        }
        let mut writer = Writer { layout: self, out: String::new(), depth: 0, opened: false };
        let mut rest = json.trim_start();
        while let Some(token) = next_token(rest) {
            rest = rest[token.len()..].trim_start();
            writer.token(token, rest.starts_with(':'));
        }
        Cow::Owned(writer.out)
    }
}

struct Writer {
    layout: Layout,
    out: String,
    depth: usize,
    /// Whether the last token opened an object or a list.
    opened: bool,
}

impl Writer {
    fn token(&mut self, token: &str, is_key: bool) {
        let opened = std::mem::take(&mut self.opened);
        match token {
            "{" | "[" => {
                self.break_after(opened);
                self.out.push_str(token);
                self.depth += 1;
                self.opened = true;
            }
            "}" | "]" => {
                self.depth = self.depth.saturating_sub(1);
                if !opened {
                    self.new_line();
                }
                self.out.push_str(token);
            }
            "," => {
                self.out.push(',');
                match self.layout.pretty {
                    true => self.new_line(),
                    false => self.out.push(' '),
                }
            }
            ":" => self.out.push_str(": "),
            scalar => {
                self.break_after(opened);
                self.scalar(scalar, is_key);
            }
        }
    }

    fn scalar(&mut self, scalar: &str, is_key: bool) {
        let style = match scalar.starts_with('"') {
            true if is_key => KEY,
            true => STRING,
            false => OTHER,
        };
        match self.layout.color {
            true => {
                let _ = write!(self.out, "{style}{}{style:#}", escape(scalar));
            }
            false => self.out.push_str(&escape(scalar)),
        }
    }

    fn break_after(&mut self, opened: bool) {
        if opened {
            self.new_line();
        }
    }

    fn new_line(&mut self) {
        if self.layout.pretty {
            self.out.push('\n');
            self.out.extend(std::iter::repeat_n("  ", self.depth));
        }
    }
}

/// Returns a bracket, a comma, a colon, or a whole scalar.
fn next_token(text: &str) -> Option<&str> {
    let first = text.chars().next()?;
    let length = match first {
        '{' | '}' | '[' | ']' | ',' | ':' => 1,
        '"' => {
            let mut escaped = false;
            let end = text.bytes().skip(1).position(|byte| {
                let ends = byte == b'"' && !escaped;
                escaped = byte == b'\\' && !escaped;
                ends
            });
            end.map_or(text.len(), |end| end + 2)
        }
        _ => {
            let ends = |char: char| matches!(char, '{' | '}' | '[' | ']' | ',' | ':' | '"');
            text.find(|char: char| ends(char) || char.is_whitespace()).unwrap_or(text.len())
        }
    };
    text.get(..length)
}

/// Writes control characters as JSON escapes: C0, DEL and C1, which JSON allows in strings.
fn escape(json: &str) -> Cow<'_, str> {
    let is_obeyed = |char: char| char.is_control();
    if !json.contains(is_obeyed) {
        return Cow::Borrowed(json);
    }
    let mut out = String::with_capacity(json.len() + 16);
    for char in json.chars() {
        match is_obeyed(char) {
            true => {
                let _ = write!(out, "\\u{:04x}", u32::from(char));
            }
            false => out.push(char),
        }
    }
    Cow::Owned(out)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::Value;

    const PLAIN: Layout = Layout { pretty: false, color: false };
    const PRETTY: Layout = Layout { pretty: true, color: false };
    const COLOR: Layout = Layout { pretty: false, color: true };

    #[test]
    fn one_line_stays_as_it_came() {
        for json in [r#"{"b": 1e3, "a":[1.0,18446744073709551616]}"#, "{}", "\"é\"", "null"] {
            assert_eq!(PLAIN.write(json), json);
        }
        let pretty_on = "{\r\n    \"a\": [\r\n        1.50,\r\n        \"x, y\"\r\n    ],\r\n    \"b\": {\r\n    }\r\n}";
        assert_eq!(PLAIN.write(pretty_on), r#"{"a": [1.50, "x, y"], "b": {}}"#);
        assert_eq!(PLAIN.write("{\t\"a\":\t1}"), r#"{"a": 1}"#);
    }

    #[test]
    fn indented_json_has_a_line_for_each_member() {
        let json = r#"{"a": [1.50, "x\", y"], "b": {}, "c": []}"#;
        let lines =
            "{\n  \"a\": [\n    1.50,\n    \"x\\\", y\"\n  ],\n  \"b\": {},\n  \"c\": []\n}";
        assert_eq!(PRETTY.write(json), lines);
    }

    #[test]
    fn control_characters_are_escaped() {
        assert_eq!(PLAIN.write("\"\u{7f}\u{9b}31m\""), r#""\u007f\u009b31m""#);
        assert_eq!(PRETTY.write("[\"\u{9b}\"]"), "[\n  \"\\u009b\"\n]");
    }

    #[test]
    fn colours_are_around_scalars_only() {
        let colored = COLOR.write(r#"{"a": 1}"#);
        assert_eq!(colored, "{\u{1b}[1m\u{1b}[34m\"a\"\u{1b}[0m: \u{1b}[33m1\u{1b}[0m}");
    }

    proptest! {
        #[test]
        fn the_value_stays_the_same(text in r#"(\[|\{|,|"[a\\\\"]*"|1|:|\]|\}| |\n|\t){0,12}"#, string in ".*") {
            let texts = [text, Value::from(string).to_string()];
            for text in texts {
                let Ok(value) = serde_json::from_str::<Value>(&text) else { continue };
                for layout in [PLAIN, PRETTY] {
                    let written = layout.write(&text).into_owned();
                    prop_assert_eq!(&serde_json::from_str::<Value>(&written).unwrap(), &value);
                    prop_assert!(layout.pretty || !written.contains('\n'));
                }
            }
        }
    }
}

//! The syntax of QAPI schema files: JSON's objects, lists, strings and booleans, with single quotes
//! and `#` comments.

use anyhow::{Result, bail};

/// An expression.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Value {
    Text(String),
    Flag(bool),
    List(Vec<Self>),
    /// In the order of the file.
    Object(Vec<(String, Self)>),
}

/// An expression at the top level, with the preceding comment block.
#[derive(Debug, PartialEq)]
pub(super) struct Definition<'a> {
    pub(super) members: Vec<(String, Value)>,
    /// The lines of the preceding `##` block, without `#`; empty if there is none.
    pub(super) comment: Vec<&'a str>,
}

impl Value {
    pub(super) fn text(&self) -> Result<&str> {
        match self {
            Self::Text(text) => Ok(text),
            other => bail!("a name is expected, not {other:?}"),
        }
    }
}

/// Reads a whole file.
pub(super) fn read(text: &str) -> Result<Vec<Definition<'_>>> {
    let mut reader = Reader { rest: text, comment: Vec::new(), in_block: false };
    let mut definitions = Vec::new();
    loop {
        reader.skip_blanks(true);
        if reader.rest.is_empty() {
            return Ok(definitions);
        }
        let comment = std::mem::take(&mut reader.comment);
        match reader.value()? {
            Value::Object(members) => definitions.push(Definition { members, comment }),
            other => bail!("a definition is expected, not {other:?}"),
        }
    }
}

struct Reader<'a> {
    rest: &'a str,
    comment: Vec<&'a str>,
    in_block: bool,
}

impl<'a> Reader<'a> {
    /// Skips whitespace and comments; at the top level, keeps the last `##` block.
    fn skip_blanks(&mut self, top: bool) {
        loop {
            self.rest = self.rest.trim_start();
            let Some(after) = self.rest.strip_prefix('#') else { return };
            let (line, rest) = after.split_once('\n').unwrap_or((after, ""));
            self.rest = rest;
            if !top {
                continue;
            }
            if line.starts_with('#') {
                self.in_block = !self.in_block;
                if self.in_block {
                    self.comment.clear();
                }
            } else if self.in_block {
                self.comment.push(line);
            }
        }
    }

    fn value(&mut self) -> Result<Value> {
        self.skip_blanks(false);
        match self.rest.as_bytes().first() {
            Some(b'{') => Ok(Value::Object(self.series('}', Self::pair)?)),
            Some(b'[') => Ok(Value::List(self.series(']', Self::value)?)),
            Some(b'\'') => Ok(Value::Text(self.string()?)),
            _ if self.take("true") => Ok(Value::Flag(true)),
            _ if self.take("false") => Ok(Value::Flag(false)),
            _ => bail!("a value is expected at {:?}", self.place()),
        }
    }

    fn pair(&mut self) -> Result<(String, Value)> {
        let name = self.string()?;
        self.skip_blanks(false);
        if !self.take(":") {
            bail!("a colon is expected at {:?}", self.place());
        }
        Ok((name, self.value()?))
    }

    /// Reads the items between brackets, separated by commas.
    fn series<T>(&mut self, end: char, item: fn(&mut Self) -> Result<T>) -> Result<Vec<T>> {
        self.rest = &self.rest[1..];
        let mut items = Vec::new();
        loop {
            self.skip_blanks(false);
            if self.rest.starts_with(end) {
                self.rest = &self.rest[1..];
                return Ok(items);
            }
            if !items.is_empty() && !self.take(",") {
                bail!("a comma is expected at {:?}", self.place());
            }
            self.skip_blanks(false);
            items.push(item(self)?);
        }
    }

    fn string(&mut self) -> Result<String> {
        let quoted = self.rest.strip_prefix('\'').and_then(|rest| rest.split_once('\''));
        let Some((text, rest)) = quoted else {
            bail!("a string is expected at {:?}", self.place());
        };
        if text.contains('\\') {
            bail!("unexpected escape in {text:?}");
        }
        self.rest = rest;
        Ok(text.to_owned())
    }

    fn take(&mut self, token: &str) -> bool {
        match self.rest.strip_prefix(token) {
            Some(rest) => {
                self.rest = rest;
                true
            }
            None => false,
        }
    }

    fn place(&self) -> &'a str {
        let end = self.rest.char_indices().nth(40).map_or(self.rest.len(), |(at, _)| at);
        &self.rest[..end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_with_the_comments_of_its_definitions() {
        let text = "# free\n\n##\n# = Title\n##\n\n##\n# @a:\n# Since: 1.0\n##\n# between\n\
                    { 'enum': 'a', # here\n  'data': [ 'x',\n 'y' ], 'gen': false }\n\
                    { 'include': 'b.json' }\n";
        let definitions = read(text).unwrap();
        assert_eq!(definitions.len(), 2);
        assert_eq!(definitions[0].comment, [" @a:", " Since: 1.0"]);
        let data = Value::List(vec![Value::Text("x".into()), Value::Text("y".into())]);
        let members = [
            ("enum".into(), Value::Text("a".into())),
            ("data".into(), data),
            ("gen".into(), Value::Flag(false)),
        ];
        assert_eq!(definitions[0].members, members);
        assert_eq!(definitions[1].comment, [""; 0]);
    }

    #[test]
    fn what_is_not_the_syntax_is_refused() {
        for text in ["{", "{ 'a' 'b' }", "{ 'a': 1 }", "[]", "{ 'a': 'b }", "{ 'a': 'b', }", "x"] {
            assert!(read(text).is_err(), "{text}");
        }
    }
}

//! One word: `key=text`, `key:=json`, `key=@file`.

use std::fmt;

/// The longest path that a word may have. Deeper values are written as JSON.
const LONGEST_PATH: usize = 64;

/// A word of the command line that sets a member of the arguments.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Word<'w> {
    /// The key as it was written, for messages.
    pub(crate) key: &'w str,
    pub(crate) path: Vec<Step>,
    pub(crate) value: Value<'w>,
}

/// A step of a path: `a.b` has two names, `a[0]` a name and an index, `a[]` appends.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Step {
    Name(String),
    Index(usize),
    Append,
}

/// The value of a word, as it was written.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Value<'w> {
    Text(&'w str),
    Json(&'w str),
    TextFile(&'w str),
    JsonFile(&'w str),
}

/// A word that is not one.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct WordError(String);

impl WordError {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for WordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl<'w> Word<'w> {
    /// Reads a word.
    pub(crate) fn parse(word: &'w str) -> Result<Self, WordError> {
        let mut reader = Reader { word, at: 0 };
        let path = reader.path()?;
        let key = &word[..reader.at];
        let rest = &word[reader.at..];
        let value = match (rest.strip_prefix(":="), rest.strip_prefix('=')) {
            (Some(json), _) => match json.strip_prefix('@') {
                Some(file) => Value::JsonFile(file),
                None => Value::Json(json),
            },
            (None, Some(text)) => match text.strip_prefix('@') {
                Some(file) => Value::TextFile(file),
                None => Value::Text(text),
            },
            (None, None) => return Err(reader.error("write KEY=TEXT, or KEY:=JSON")),
        };
        if let Value::TextFile("") | Value::JsonFile("") = value {
            return Err(reader.error(
                "the name of the file is missing after @; for the text \"@\" write KEY:='\"@\"'",
            ));
        }
        Ok(Self { key, path, value })
    }
}

struct Reader<'w> {
    word: &'w str,
    at: usize,
}

impl Reader<'_> {
    fn path(&mut self) -> Result<Vec<Step>, WordError> {
        let mut path = vec![Step::Name(self.name()?)];
        loop {
            let rest = &self.word[self.at..];
            if rest.starts_with('.') {
                self.at += 1;
                path.push(Step::Name(self.name()?));
            } else if let Some(rest) = rest.strip_prefix('[') {
                let Some((index, _)) = rest.split_once(']') else {
                    return Err(self.error("the closing bracket is missing"));
                };
                self.at += index.len() + 2;
                path.push(match index {
                    "" => Step::Append,
                    _ => Step::Index(self.index(index)?),
                });
            } else {
                return Ok(path);
            }
            if path.len() > LONGEST_PATH {
                return Err(self.error("the key has too many levels; write the value as JSON"));
            }
        }
    }

    /// A name, up to the next `.`, `[`, `=` or `:=`. After a backslash these belong to the name.
    fn name(&mut self) -> Result<String, WordError> {
        let mut name = String::new();
        let mut rest = self.word[self.at..].chars();
        while let Some(next) = rest.next() {
            let next = match next {
                '.' | '[' | '=' => break,
                ':' if rest.as_str().starts_with('=') => break,
                '\\' => match rest.next() {
                    Some(escaped) => escaped,
                    None => return Err(self.error("nothing follows the backslash")),
                },
                next => next,
            };
            name.push(next);
            self.at = self.word.len() - rest.as_str().len();
        }
        match name.is_empty() {
            true => Err(self.error("a name is missing; write KEY=TEXT, or KEY:=JSON")),
            false => Ok(name),
        }
    }

    fn index(&self, text: &str) -> Result<usize, WordError> {
        match text.bytes().all(|byte| byte.is_ascii_digit()) {
            true => text.parse().map_err(|_| self.error("the index is too large")),
            false => Err(self.error("an index is a number; write [0], or [] to append")),
        }
    }

    fn error(&self, why: &str) -> WordError {
        // A value may be a secret.
        let word = match self.word.split_once('=') {
            Some((key, _)) => format!("{key}=…"),
            None => self.word.to_owned(),
        };
        WordError(format!("{word}: {why}"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn name(name: &str) -> Step {
        Step::Name(name.to_owned())
    }

    #[test]
    fn every_form_of_a_word_is_read() {
        let table: [(&str, &[Step], Value<'_>); 10] = [
            ("id=net0", &[name("id")], Value::Text("net0")),
            ("id=", &[name("id")], Value::Text("")),
            ("id=a=b", &[name("id")], Value::Text("a=b")),
            ("size:=1", &[name("size")], Value::Json("1")),
            ("data=@file", &[name("data")], Value::TextFile("file")),
            ("data:=@-", &[name("data")], Value::JsonFile("-")),
            (
                "a.b[0].c[]=x",
                &[name("a"), name("b"), Step::Index(0), name("c"), Step::Append],
                Value::Text("x"),
            ),
            (r"__com\.redhat_x.y=1", &[name("__com.redhat_x"), name("y")], Value::Text("1")),
            (r"a\=b\\=1", &[name(r"a=b\")], Value::Text("1")),
            ("a:b=1", &[name("a:b")], Value::Text("1")),
        ];
        for (word, path, value) in table {
            let read = Word::parse(word).unwrap_or_else(|error| panic!("{word}: {error}"));
            assert_eq!((read.path.as_slice(), read.value), (path, value), "{word}");
        }
        assert_eq!(Word::parse("a.b:=1").unwrap().key, "a.b");
    }

    #[test]
    fn errors_name_the_key_and_not_the_value() {
        for (word, why) in [
            ("net0", "net0: write KEY=TEXT"),
            ("=secret", "=…: a name is missing"),
            ("a.=secret", "a.=…: a name is missing"),
            ("a[x]=secret", "a[x]=…: an index is a number"),
            ("a[0=secret", "a[0=…: the closing bracket is missing"),
            ("a[99999999999999999999]=1", "…: the index is too large"),
            ("a=@", "a=…: the name of the file is missing"),
            ("a\\", "a\\: nothing follows the backslash"),
            ("a[0]b=secret", "a[0]b=…: write KEY=TEXT"),
        ] {
            let error = Word::parse(word).unwrap_err().to_string();
            assert!(error.contains(why) && !error.contains("secret"), "{word}: {error}");
        }
        let deep = format!("{}=1", ["a"; 65].join("."));
        assert!(Word::parse(&deep).unwrap_err().to_string().contains("too many levels"));
    }
}

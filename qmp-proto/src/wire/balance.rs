//! Finding the end of an object by its brackets, a piece at a time.

use crate::json::{JsonFlaw, Nesting, plain_prefix};

/// Follows one object through however many pieces it comes in.
#[derive(Clone, Debug)]
pub(crate) struct Balance {
    nesting: Nesting,
    /// How far it was followed.
    at: usize,
    inside_string: bool,
    /// A backslash came last.
    escaped: bool,
    line_end: bool,
}

/// What became of the object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Balanced {
    /// It goes on.
    Open,
    /// It ends before this byte.
    Ends { at: usize },
    /// It cannot be one, seen at this byte.
    Broken { at: usize, flaw: JsonFlaw },
}

impl Balance {
    pub(crate) const fn new() -> Self {
        Self {
            nesting: Nesting::new(),
            at: 0,
            inside_string: false,
            escaped: false,
            line_end: false,
        }
    }

    /// Whether the object had a line end inside.
    pub(crate) const fn has_line_end(&self) -> bool {
        self.line_end
    }

    pub(crate) const fn started(&self) -> bool {
        self.at > 0
    }

    /// Goes on in `text`, which begins with the object and holds all that was seen of it before.
    pub(crate) fn follow(&mut self, text: &[u8], depth: usize) -> Balanced {
        while let Some(&byte) = text.get(self.at) {
            if self.inside_string {
                if self.escaped {
                    self.escaped = false;
                } else {
                    let plain = plain_prefix(&text[self.at..]);
                    if plain > 0 {
                        self.at += plain;
                        continue;
                    }
                    match byte {
                        b'"' => self.inside_string = false,
                        b'\\' => self.escaped = true,
                        _ => return self.broken(JsonFlaw::ControlCharacter),
                    }
                }
            } else {
                match byte {
                    b'"' => self.inside_string = true,
                    b'{' | b'[' if self.nesting.open(byte == b'{', depth) => {}
                    b'{' | b'[' => return self.broken(JsonFlaw::TooDeep { limit: depth }),
                    b'}' | b']' => {
                        if !self.nesting.close(byte == b'}') {
                            return self.broken(JsonFlaw::Syntax);
                        }
                        if self.nesting.depth() == 0 {
                            self.at += 1;
                            return Balanced::Ends { at: self.at };
                        }
                    }
                    b'\n' => self.line_end = true,
                    _ => {}
                }
            }
            self.at += 1;
        }
        Balanced::Open
    }

    const fn broken(&self, flaw: JsonFlaw) -> Balanced {
        Balanced::Broken { at: self.at, flaw }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Follows the text whole and a byte at a time, which must agree.
    fn follow(text: &str) -> (Balanced, bool) {
        let text = text.as_bytes();
        let mut whole = Balance::new();
        let found = whole.follow(text, 4);
        let mut bytewise = Balance::new();
        let mut last = Balanced::Open;
        for end in 1..=text.len() {
            last = bytewise.follow(&text[..end], 4);
            if last != Balanced::Open {
                break;
            }
        }
        assert_eq!((last, bytewise.has_line_end()), (found, whole.has_line_end()));
        (found, whole.has_line_end())
    }

    #[test]
    fn an_object_ends_where_its_brackets_do() {
        assert_eq!(follow("{}{"), (Balanced::Ends { at: 2 }, false));
        let text = "{\r\n\"a]}\\\"}\": [{}]}rest";
        assert_eq!(follow(text), (Balanced::Ends { at: text.len() - 4 }, true));
        assert_eq!(follow("{\"a\": \"\\u00"), (Balanced::Open, false));
    }

    #[test]
    fn what_cannot_be_an_object_is_noticed_where_it_breaks() {
        let syntax = |at| Balanced::Broken { at, flaw: JsonFlaw::Syntax };
        assert_eq!(follow("{]").0, syntax(1));
        assert_eq!(follow("{[}]").0, syntax(2));
        let control = Balanced::Broken { at: 3, flaw: JsonFlaw::ControlCharacter };
        assert_eq!(follow("{\"a\n}").0, control);
        let deep = Balanced::Broken { at: 4, flaw: JsonFlaw::TooDeep { limit: 4 } };
        assert_eq!(follow("{[[[[").0, deep);
    }
}

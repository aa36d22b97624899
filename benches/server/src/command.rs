//! Finds commands by their brackets, because clients need not end them with a line feed.

use std::ops::Range;

/// Tracks one command across any number of reads.
#[derive(Debug, Default)]
pub(crate) struct Scanner {
    at: usize,
    depth: usize,
    in_string: bool,
    escaped: bool,
    /// The last string among the command's members, and the last one before a colon.
    string: Range<usize>,
    key: Range<usize>,
    value: usize,
    command: Command,
}

/// The positions of a command's parts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Command {
    /// The position after it.
    pub(crate) end: usize,
    /// Including its quotes.
    pub(crate) name: Range<usize>,
    pub(crate) arguments: Range<usize>,
    /// Empty if there is none.
    pub(crate) id: Range<usize>,
}

impl Scanner {
    /// Continues with `input`, which begins where the last command ended.
    pub(crate) fn next(&mut self, input: &[u8]) -> Option<Command> {
        while let Some(&byte) = input.get(self.at) {
            let at = self.at;
            self.at += 1;
            if self.in_string {
                match byte {
                    _ if self.escaped => self.escaped = false,
                    b'\\' => self.escaped = true,
                    b'"' => {
                        self.in_string = false;
                        if self.depth == 1 {
                            self.string.end = at;
                        }
                    }
                    _ => {}
                }
                continue;
            }
            match byte {
                b'"' => {
                    self.in_string = true;
                    if self.depth == 1 {
                        self.string = at + 1..at + 1;
                    }
                }
                b'{' | b'[' => self.depth += 1,
                b':' if self.depth == 1 => {
                    self.key = self.string.clone();
                    self.value = at + 1;
                }
                b',' if self.depth == 1 => self.member(input, at),
                b'}' | b']' => {
                    if self.depth == 1 {
                        self.member(input, at);
                    }
                    self.depth = self.depth.saturating_sub(1);
                    if self.depth == 0 {
                        let command = Command { end: self.at, ..self.command.clone() };
                        *self = Self::default();
                        return Some(command);
                    }
                }
                _ => {}
            }
        }
        None
    }

    /// A member of the command ends before `end`.
    fn member(&mut self, input: &[u8], end: usize) {
        let blanks = input[self.value..end].iter().take_while(|byte| **byte == b' ').count();
        let value = self.value + blanks..end;
        match &input[self.key.clone()] {
            b"execute" | b"exec-oob" => self.command.name = value,
            b"arguments" => self.command.arguments = value,
            b"id" => self.command.id = value,
            _ => {}
        }
    }
}

/// Returns the number after `name` in the arguments.
pub(crate) fn number(arguments: &[u8], name: &str) -> u64 {
    let text = String::from_utf8_lossy(arguments);
    let quoted = format!("\"{name}\"");
    let rest = text.split_once(&quoted).map_or("", |(_, rest)| rest);
    let digits = rest.trim_start_matches([':', ' ']);
    let end = digits.find(|letter: char| !letter.is_ascii_digit()).unwrap_or(digits.len());
    digits[..end].parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn commands_are_found_whole_and_in_pieces() {
        let input = b" {\"execute\":\"a\",\"id\":7}{\"arguments\": {\"id\": 8, \"b\": \"}\\\"\"}, \"execute\": \"b\"}\r\n";
        for piece in [1, 3, input.len()] {
            let (mut scanner, mut start, mut end) = (Scanner::default(), 0, 0);
            let mut found = Vec::new();
            while end < input.len() {
                end = (end + piece).min(input.len());
                while let Some(command) = scanner.next(&input[start..end]) {
                    let text = |range: Range<usize>| {
                        String::from_utf8_lossy(&input[start..][range]).into_owned()
                    };
                    found.push((text(command.name), text(command.id), text(command.arguments)));
                    start += command.end;
                }
            }
            let [first, second] = &found[..] else { panic!("{found:?}") };
            assert_eq!((first.0.as_str(), first.1.as_str()), ("\"a\"", "7"));
            assert_eq!((second.0.as_str(), second.1.as_str()), ("\"b\"", ""));
            assert_eq!(number(second.2.as_bytes(), "id"), 8);
        }
    }
}

//! A line that is still being written, up to the cursor.

/// Its words, and where the last one begins.
#[derive(Debug, PartialEq)]
pub(crate) struct Partial {
    /// At least one: the last one is at the cursor and may be empty.
    pub(crate) words: Vec<String>,
    /// The byte at which the last word begins.
    pub(crate) start: usize,
}

impl Partial {
    /// Reads words with the quotes of a shell. A quote of the last word may be open.
    pub(crate) fn read(line: &str) -> Self {
        let mut quote = None;
        let mut is_escaped = false;
        let mut start = 0;
        for (at, char) in line.char_indices() {
            match (char, quote) {
                _ if is_escaped => is_escaped = false,
                ('\\', None | Some('"')) => is_escaped = true,
                ('\'' | '"', None) => quote = Some(char),
                (char, Some(open)) if char == open => quote = None,
                (char, None) if char.is_whitespace() => start = at + char.len_utf8(),
                _ => {}
            }
        }
        let (before, last) = line.split_at(start);
        let mut words = shlex::split(before).unwrap_or_default();
        let closing = quote.map(String::from).unwrap_or_default();
        let last = last.strip_suffix('\\').filter(|_| is_escaped).unwrap_or(last);
        let last = shlex::split(&format!("{last}{closing}")).unwrap_or_default();
        words.push(last.into_iter().next().unwrap_or_default());
        Self { words, start }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_word_may_be_empty_or_have_an_open_quote() {
        for (line, words, start) in [
            ("", &[""][..], 0),
            ("sto", &["sto"], 0),
            ("stop ", &["stop", ""], 5),
            ("a b='c d", &["a", "b=c d"], 2),
            ("a \"b\\\"c", &["a", "b\"c"], 2),
            ("a 'b c' d", &["a", "b c", "d"], 8),
            ("a b\\", &["a", "b"], 2),
            ("ä ö", &["ä", "ö"], 3),
        ] {
            let partial = Partial::read(line);
            assert_eq!(
                (partial.words, partial.start),
                (words.iter().map(|it| (*it).to_owned()).collect(), start),
                "{line}"
            );
        }
    }
}

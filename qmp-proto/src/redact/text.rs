//! Secrets inside of texts: file names, URLs, command lines, descriptions of errors.

use alloc::vec::Vec;

use crate::redact::facts::Scope;
use crate::redact::names;
use crate::redact::scan::Scan;
use crate::redact::steps::count;
use crate::redact::suspicion::{is_suspicious, speaks_of_secrets};

/// What stands in the place of a secret.
pub(super) const MASK: &str = "••••";

/// JSON in a string in a string: so many strings are read, and no more.
const LEVELS: u8 = 3;

/// How far back from a separator a name is looked for.
const LONGEST_NAME: usize = 64;

/// Below this, to look at each byte takes less time than to begin a search.
const SHORT: usize = 32;

/// What may stand between a name and a separator.
const MOST_BETWEEN: usize = 16;

/// Is told the parts of a text that are masked.
pub(super) type Found<'f> = dyn FnMut(&[u8], Scope) + 'f;

/// Masks the secrets in a text; `None` if there are none. `level` counts the strings around it.
///
/// Masked are the user and password of a URL, what follows `password=`, `token:` and the like up to
/// the end of the line, what follows `exec:`, the argument of `-u` if it has a colon in it, and
/// secrets of JSON inside the text.
pub(super) fn mask_text(text: &[u8], level: u8, found: &mut Found<'_>) -> Option<Vec<u8>> {
    if !may_hold_secret(text) {
        return None;
    }
    let mut masking = Masking {
        text,
        level,
        masked: Vec::new(),
        copied: 0,
        line: 0..0,
        last_at: None,
        speaks: None,
        token: 0,
        looked: 0,
        reads_json: true,
    };
    masking.run(found);
    masking.finish()
}

/// Most texts have none of what a secret follows.
pub(super) fn may_hold_secret(text: &[u8]) -> bool {
    count(text.len());
    if text.len() >= SHORT {
        return memchr::memchr3(b':', b'=', b'{', text).is_some()
            || memchr::memmem::find(text, b"--").is_some();
    }
    let mut last = 0;
    text.iter().any(|byte| {
        let before = core::mem::replace(&mut last, *byte);
        matches!(byte, b':' | b'=' | b'{') || *byte == b'-' && before == b'-'
    })
}

struct Masking<'t> {
    text: &'t [u8],
    level: u8,
    masked: Vec<u8>,
    /// Up to where the text was copied or masked.
    copied: usize,
    /// The line whose properties the next two are.
    line: core::ops::Range<usize>,
    /// The last `@` on it.
    last_at: Option<usize>,
    /// Whether it speaks of secrets; `None` if nobody has asked.
    speaks: Option<bool>,
    /// Where the word begins that was met last, and up to where words were looked for.
    token: usize,
    looked: usize,
    reads_json: bool,
}

impl Masking<'_> {
    fn run(&mut self, found: &mut Found<'_>) {
        let mut at = 0;
        let (mut separator, mut option) = (Next::default(), Next::default());
        loop {
            let next = separator
                .at_or_behind(at, self.text, |rest| memchr::memchr3(b':', b'=', b'{', rest));
            let dashes =
                option.at_or_behind(at, self.text, |rest| memchr::memmem::find(rest, b"--"));
            let Some(trigger) = next.into_iter().chain(dashes).min() else {
                return;
            };
            self.enter_line(trigger);
            at = match self.text.get(trigger) {
                Some(b'{') => self.json(trigger, found),
                Some(b'-') => self.option(trigger, found),
                Some(b':') if self.rest(trigger).starts_with(b"://") => self.url(trigger, found),
                _ => self.assignment(trigger, found),
            };
        }
    }

    fn rest(&self, at: usize) -> &[u8] {
        self.text.get(at..).unwrap_or_default()
    }

    fn part(&self, start: usize, end: usize) -> &[u8] {
        self.text.get(start..end).unwrap_or_default()
    }

    /// Each line is looked through once.
    fn enter_line(&mut self, at: usize) {
        if self.line.contains(&at) {
            return;
        }
        let length = memchr::memchr2(b'\n', b'\r', self.rest(at));
        count(length.unwrap_or(self.text.len() - at));
        let end = length.map_or(self.text.len(), |length| at + length);
        self.line = at..end.max(at + 1);
        count(end - at);
        self.last_at = memchr::memrchr(b'@', self.part(at, end)).map(|found| at + found);
        self.speaks = None;
    }

    fn mask(&mut self, start: usize, end: usize, scope: Scope, found: &mut Found<'_>) {
        count(end.saturating_sub(start));
        found(self.part(start, end), scope);
        self.replace(start, end, MASK.as_bytes());
    }

    fn replace(&mut self, start: usize, end: usize, replacement: &[u8]) {
        let start = start.max(self.copied);
        let before = self.text.get(self.copied..start).unwrap_or_default();
        self.masked.extend_from_slice(before);
        self.masked.extend_from_slice(replacement);
        self.copied = end;
    }

    fn finish(mut self) -> Option<Vec<u8>> {
        if self.copied == 0 {
            return None;
        }
        let rest = self.text.get(self.copied..).unwrap_or_default();
        self.masked.extend_from_slice(rest);
        Some(self.masked)
    }

    /// `https://user:password@host`, whatever the password has in it.
    fn url(&mut self, colon: usize, found: &mut Found<'_>) -> usize {
        let start = colon + 3;
        let Some(end) = self.last_at.filter(|end| *end > start) else {
            return start;
        };
        let user = self.part(start, end);
        if let Some(colon) = memchr::memchr(b':', user) {
            found(user.get(colon + 1..).unwrap_or_default(), Scope::Anywhere);
        }
        self.mask(start, end, Scope::Anywhere, found);
        end
    }

    /// `password=`, `"password": `, `Authorization: `, `:key=`, `exec:`.
    fn assignment(&mut self, separator: usize, found: &mut Found<'_>) -> usize {
        let is_colon = self.text.get(separator) == Some(&b':');
        if is_colon && self.has_option_for_user(separator) {
            let token = self.token;
            return self.mask_line(token, Scope::Anywhere, found);
        }
        let name = self.name_before(separator);
        let starts_program =
            is_colon && (name == b"exec" || name == b"cmd" || name.ends_with(b"-cmd"));
        if starts_program {
            return self.mask_line(separator + 1, Scope::Answer, found);
        }
        let last = name.rsplit(|byte| *byte == b'.').next().unwrap_or_default();
        let is_key = !is_colon && last.eq_ignore_ascii_case(b"key");
        let is_data = last.eq_ignore_ascii_case(b"data");
        if is_key || names::is_secret(name) || is_data && self.line_speaks_of_secrets() {
            return self.mask_line(separator + 1, Scope::Anywhere, found);
        }
        separator + 1
    }

    /// `--password hunter2`; the separator in `--password=hunter2` is met by itself.
    fn option(&mut self, dashes: usize, found: &mut Found<'_>) -> usize {
        let start = dashes + 2;
        let word = self.rest(start).iter().take(LONGEST_NAME).take_while(|byte| is_of_name(**byte));
        let end = start + word.count();
        match self.text.get(end) {
            Some(b' ' | b'\t') if names::is_secret(self.part(start, end)) => {
                self.mask_line(end, Scope::Anywhere, found)
            }
            _ => end,
        }
    }

    /// Masks what follows on the line, if anything does.
    fn mask_line(&mut self, from: usize, scope: Scope, found: &mut Found<'_>) -> usize {
        let end = self.line.end.min(self.text.len());
        let blanks = self.part(from, end).iter().take_while(|byte| is_blank_or_quote(**byte));
        let start = from + blanks.count();
        if start >= end {
            return end.max(from);
        }
        // Options and other text may follow the secret itself.
        let value = self.part(start, end);
        let length = value.iter().position(|byte| *byte == b',' || is_blank_or_quote(*byte));
        if let Some(length) = length.filter(|length| *length > 0) {
            found(value.get(..length).unwrap_or_default(), scope);
        }
        self.mask(start, end, scope, found);
        end
    }

    fn name_before(&self, separator: usize) -> &[u8] {
        count(LONGEST_NAME + MOST_BETWEEN);
        let before = self.part(separator.saturating_sub(LONGEST_NAME + MOST_BETWEEN), separator);
        let between = before.iter().rev().take(MOST_BETWEEN);
        let between = between.take_while(|byte| is_blank_or_quote(**byte)).count();
        let before = before.get(..before.len() - between).unwrap_or_default();
        let length = before.iter().rev().take(LONGEST_NAME).take_while(|byte| is_of_name(**byte));
        before.get(before.len() - length.count()..).unwrap_or_default()
    }

    fn line_speaks_of_secrets(&mut self) -> bool {
        let (start, end) = (self.line.start, self.line.end);
        // The line is known from where it was entered; what stands before has no separator in it.
        if self.speaks.is_none() {
            let line_end = memchr::memrchr2(b'\n', b'\r', self.part(0, start));
            let start = line_end.map_or(0, |end| end + 1);
            count(end - start);
            self.speaks = Some(speaks_of_secrets(self.part(start, end)));
        }
        self.speaks == Some(true)
    }

    /// Whether the word before the colon is a user's name, as in `-u me:password`.
    fn has_option_for_user(&mut self, colon: usize) -> bool {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        count(colon.saturating_sub(self.looked));
        if let Some(blank) = self.part(self.looked, colon).iter().rposition(is_blank) {
            self.token = self.looked + blank + 1;
        }
        self.looked = colon;
        let token = self.part(self.token, colon);
        let opens = |option: &&[u8]| token.starts_with(option);
        if [&b"-u"[..], b"-U", b"--user=", b"--proxy-user="].iter().any(opens) {
            return true;
        }
        let before = self.part(self.token.saturating_sub(LONGEST_NAME), self.token);
        let before = before.trim_ascii_end();
        let is_option = |option: &&[u8]| {
            let rest = before.strip_suffix(*option);
            rest.is_some_and(|rest| rest.last().is_none_or(|byte| is_blank_or_quote(*byte)))
        };
        self.token > 0 && [&b"-u"[..], b"-U", b"--user", b"--proxy-user"].iter().any(is_option)
    }

    /// JSON inside the text: `json:{"driver": …}`.
    fn json(&mut self, bracket: usize, found: &mut Found<'_>) -> usize {
        let inside = self.rest(bracket + 1).trim_ascii_start();
        count(self.text.len() - bracket - inside.len());
        if !matches!(inside.first(), Some(b'"' | b'\'')) || !self.reads_json {
            return bracket + 1;
        }
        if self.level < LEVELS {
            let scan = Scan::inside(self.rest(bracket), self.level + 1);
            if let Some((end, marks)) = scan.first_value() {
                let end = bracket + end;
                if !marks.is_empty() {
                    let json = self.part(bracket, end);
                    marks.report(json, self.level + 1, found);
                    let masked = marks.apply(json);
                    self.replace(bracket, end, &masked);
                }
                return end;
            }
        }
        if is_suspicious(self.rest(bracket)) {
            let end = self.text.len();
            self.mask(bracket, end, Scope::Anywhere, found);
            return end;
        }
        // What breaks off once is not read again and again.
        self.reads_json = false;
        bracket + 1
    }
}

/// Finds the next of something, and looks at no byte twice.
#[derive(Default)]
struct Next {
    found: Option<usize>,
    looked: bool,
}

impl Next {
    fn at_or_behind(
        &mut self,
        at: usize,
        text: &[u8],
        find: impl Fn(&[u8]) -> Option<usize>,
    ) -> Option<usize> {
        if !self.looked || self.found.is_some_and(|found| found < at) {
            let rest = text.get(at..).unwrap_or_default();
            self.found = find(rest).map(|found| at + found);
            count(self.found.unwrap_or(text.len()).saturating_sub(at));
            self.looked = true;
        }
        self.found
    }
}

const fn is_of_name(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.')
}

const fn is_blank_or_quote(byte: u8) -> bool {
    matches!(byte, b' ' | b'\t' | b'"' | b'\'' | b'\\')
}

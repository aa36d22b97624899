//! Secrets within texts: file names, URLs, command lines, descriptions of errors.

use alloc::vec::Vec;

use crate::redact::facts::Scope;
use crate::redact::names;
use crate::redact::steps::count;
use crate::redact::suspicion::{is_suspicious, mentions_secrets};

/// The replacement of a secret within a text.
pub(super) const MASK: &str = "••••";

/// The maximum depth of JSON in strings in JSON.
const LEVELS: u8 = 3;

/// The maximum length of a name before a separator.
const LONGEST_NAME: usize = 64;

/// In a shorter text, examining each byte is faster than starting a search.
const SHORT: usize = 32;

/// The maximum number of bytes between a name and a separator.
const MOST_BETWEEN: usize = 16;

/// A callback for the masked parts of a text.
pub(super) type Found<'f> = dyn FnMut(&[u8], Scope) + 'f;

/// Masks the JSON value at the start of a text that is inside a number of strings. Returns its end
/// and, if it contains secrets, the masked value; or `None` if it is incomplete.
pub(super) type MaskJson = fn(&[u8], u8, &mut Found<'_>) -> Option<(usize, Option<Vec<u8>>)>;

/// Masks the secrets in a text. Returns `None` if there are none. `level` is the number of strings
/// around it.
///
/// Masks the user and password of a URL, the rest of a line after `password=`, `token:`, `exec:`
/// and similar words, the argument of `-u` if it contains a colon, and secrets in JSON inside the
/// text.
pub(super) fn mask_text(
    text: &[u8],
    level: u8,
    mask_json: MaskJson,
    found: &mut Found<'_>,
) -> Option<Vec<u8>> {
    if !may_hold_secret(text) {
        return None;
    }
    let mut masking = Masking {
        text,
        level,
        mask_json,
        masked: Vec::new(),
        copied: 0,
        line: 0..0,
        last_at: None,
        mentions_secrets: None,
        token: 0,
        searched: 0,
        reads_json: true,
    };
    masking.run(found);
    masking.finish()
}

/// Returns whether a text contains one of the separators before secrets. Most texts do not.
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
    mask_json: MaskJson,
    masked: Vec<u8>,
    /// The end of the part that was copied or masked.
    copied: usize,
    /// The current line.
    line: core::ops::Range<usize>,
    /// The position of the last `@` in the line.
    last_at: Option<usize>,
    /// Whether the line mentions secrets; `None` if it was not searched yet.
    mentions_secrets: Option<bool>,
    /// The start of the last word.
    token: usize,
    /// The end of the part that was searched for words.
    searched: usize,
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

    /// Makes the line that contains `at` the current one. Each line is examined once.
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
        self.mentions_secrets = None;
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

    /// Masks `https://user:password@host`, with any characters in the password.
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

    /// Masks after `password=`, `"password": `, `Authorization: `, `:key=`, `exec:`.
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
        if is_key || names::is_secret(name) || is_data && self.line_mentions_secrets() {
            return self.mask_line(separator + 1, Scope::Anywhere, found);
        }
        separator + 1
    }

    /// Masks `--password hunter2`. The separator of `--password=hunter2` is found separately.
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

    /// Masks the rest of the line, if there is any.
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

    fn line_mentions_secrets(&mut self) -> bool {
        let (start, end) = (self.line.start, self.line.end);
        // `line` starts at its first separator, so the start of the line is searched here.
        if self.mentions_secrets.is_none() {
            let line_end = memchr::memrchr2(b'\n', b'\r', self.part(0, start));
            let start = line_end.map_or(0, |end| end + 1);
            count(end - start);
            self.mentions_secrets = Some(mentions_secrets(self.part(start, end)));
        }
        self.mentions_secrets == Some(true)
    }

    /// Returns whether the word before the colon is a user's name, as in `-u me:password`.
    fn has_option_for_user(&mut self, colon: usize) -> bool {
        let is_blank = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\n' | b'\r');
        count(colon.saturating_sub(self.searched));
        if let Some(blank) = self.part(self.searched, colon).iter().rposition(is_blank) {
            self.token = self.searched + blank + 1;
        }
        self.searched = colon;
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

    /// Masks JSON inside the text: `json:{"driver": …}`.
    fn json(&mut self, bracket: usize, found: &mut Found<'_>) -> usize {
        let inside = self.rest(bracket + 1).trim_ascii_start();
        count(self.text.len() - bracket - inside.len());
        if !matches!(inside.first(), Some(b'"' | b'\'')) || !self.reads_json {
            return bracket + 1;
        }
        if self.level < LEVELS {
            let mask_json = self.mask_json;
            if let Some((end, masked)) = mask_json(self.rest(bracket), self.level + 1, found) {
                let end = bracket + end;
                if let Some(masked) = masked {
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
        // Incomplete JSON is read only once.
        self.reads_json = false;
        bracket + 1
    }
}

/// The next match of a search that examines no byte twice.
#[derive(Default)]
struct Next {
    found: Option<usize>,
    searched: bool,
}

impl Next {
    fn at_or_behind(
        &mut self,
        at: usize,
        text: &[u8],
        find: impl Fn(&[u8]) -> Option<usize>,
    ) -> Option<usize> {
        if !self.searched || self.found.is_some_and(|found| found < at) {
            let rest = text.get(at..).unwrap_or_default();
            self.found = find(rest).map(|found| at + found);
            count(self.found.unwrap_or(text.len()).saturating_sub(at));
            self.searched = true;
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

//! Secrets that are masked wherever they are repeated.

use alloc::vec::Vec;
use core::fmt;
use core::ops::Range;

use crate::redact::facts::Scope;
use crate::redact::steps::count;
use crate::redact::text::MASK;

/// The maximum number of secrets.
const MOST: usize = 64;

/// The maximum number of bytes kept of a secret. A longer one is masked up to the end of the text.
const LONGEST: usize = 256;

/// A shorter secret is masked only as a whole word.
const SHORT: usize = 4;

/// The secrets of commands, to be masked in the server's replies.
///
/// Errors of a server quote the command: `Could not open 'https://me:hunter2@host/'`. Collect the
/// secrets of a command with [`of`](Self::of) or [`in_command`](Self::in_command), and mask them in
/// the text of its error with [`mask`](Self::mask) or
/// [`OwnedFailure::masking`](crate::OwnedFailure::masking).
///
/// Up to 64 secrets are kept, and 256 bytes of each. Secrets of fewer than four bytes are masked
/// only as whole words.
///
/// ```
/// use qmp_proto::Secrets;
///
/// let arguments = r#"{"protocol": "vnc", "password": "hunter2"}"#;
/// let secrets = Secrets::in_command("set_password", arguments);
/// assert_eq!(secrets.mask("Invalid parameter 'hunter2'"), "Invalid parameter '••••'");
/// ```
#[derive(Clone, Default)]
pub struct Secrets {
    kept: Vec<Secret>,
}

#[derive(Clone)]
struct Secret {
    /// The first bytes.
    text: Vec<u8>,
    is_cut: bool,
    scope: Scope,
}

impl Secrets {
    /// Creates an empty set.
    pub const fn new() -> Self {
        Self { kept: Vec::new() }
    }

    /// Returns whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.kept.is_empty()
    }

    /// Masks these secrets in a text. Returns `None` if it contains none.
    pub(super) fn mask_repeated(&self, text: &[u8]) -> Option<Vec<u8>> {
        let all: Vec<_> = self.kept.iter().collect();
        mask_all(&all, text)
    }

    /// Adds a secret. Adds also the words of a text that only may contain a secret.
    pub(super) fn add(&mut self, text: &[u8], scope: Scope) {
        match scope {
            Scope::Nowhere => {}
            Scope::Anywhere => self.keep(text, scope),
            Scope::Answer => {
                self.keep(text, scope);
                let words = text.split(|byte| matches!(byte, b' '..=b'/' | b':'..=b'@' | ..0x20));
                words.filter(|word| word.len() >= SHORT).for_each(|word| self.keep(word, scope));
            }
        }
    }

    /// Adds the secrets of `others` that are secrets anywhere.
    pub(super) fn add_lasting(&mut self, others: &Self) {
        let lasting = others.kept.iter().filter(|other| other.scope == Scope::Anywhere);
        lasting.for_each(|secret| self.keep(&secret.text, secret.scope));
    }

    /// Returns whether the set contains secrets that are masked only in the reply.
    pub(super) fn has_passing(&self) -> bool {
        self.kept.iter().any(|secret| secret.scope == Scope::Answer)
    }

    fn keep(&mut self, text: &[u8], scope: Scope) {
        let is_number = text.iter().all(u8::is_ascii_digit);
        if text.is_empty()
            || is_number && text.len() < SHORT
            || matches!(text, b"true" | b"false" | b"null")
        {
            return;
        }
        let kept = text.get(..LONGEST).unwrap_or(text);
        if let Some(known) = self.kept.iter_mut().find(|known| known.text == kept) {
            if scope == Scope::Anywhere {
                known.scope = scope;
            }
            return;
        }
        if self.kept.len() >= MOST {
            let passing = self.kept.iter().position(|secret| secret.scope == Scope::Answer);
            match (passing, scope) {
                (Some(passing), _) => drop(self.kept.remove(passing)),
                (None, Scope::Anywhere) => drop(self.kept.remove(0)),
                (None, _) => return,
            }
        }
        self.kept.push(Secret { text: kept.into(), is_cut: kept.len() < text.len(), scope });
    }
}

/// Shows only the number of secrets.
impl fmt::Debug for Secrets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Secrets({})", self.kept.len())
    }
}

/// The secrets to be searched in one message.
#[derive(Default)]
pub(super) struct Known<'s> {
    all: Vec<&'s Secret>,
    /// The secrets that occur in the message unescaped. Most messages contain none, and then only
    /// strings with escapes are searched.
    plain: Vec<&'s Secret>,
}

impl<'s> Known<'s> {
    pub(super) fn new(sets: &[&'s Secrets], message: &[u8]) -> Self {
        let all: Vec<_> = sets.iter().flat_map(|set| &set.kept).collect();
        count(message.len() * all.len().min(1));
        let stands = |secret: &&Secret| memchr::memmem::find(message, &secret.text).is_some();
        let plain = all.iter().copied().filter(stands).collect();
        Self { all, plain }
    }

    /// Masks the secrets in a string. Returns `None` if there are none.
    pub(super) fn mask(&self, text: &[u8], is_escaped: bool) -> Option<Vec<u8>> {
        mask_all(if is_escaped { &self.all } else { &self.plain }, text)
    }
}

fn mask_all(secrets: &[&Secret], text: &[u8]) -> Option<Vec<u8>> {
    if secrets.is_empty() {
        return None;
    }
    let mut places: Vec<Range<usize>> = Vec::new();
    for secret in secrets {
        count(text.len());
        for start in memchr::memmem::find_iter(text, &secret.text) {
            let end = start + secret.text.len();
            if secret.is_cut {
                places.push(start..text.len());
                break;
            }
            if secret.text.len() >= SHORT || is_word(text, start, end) {
                places.push(start..end);
            }
        }
    }
    if places.is_empty() {
        return None;
    }
    places.sort_unstable_by_key(|place| place.start);
    let mut masked = Vec::with_capacity(text.len());
    let mut copied = 0;
    for place in places {
        if place.start >= copied {
            masked.extend_from_slice(text.get(copied..place.start).unwrap_or_default());
            masked.extend_from_slice(MASK.as_bytes());
        }
        copied = copied.max(place.end);
    }
    masked.extend_from_slice(text.get(copied..).unwrap_or_default());
    Some(masked)
}

fn is_word(text: &[u8], start: usize, end: usize) -> bool {
    let is_part = |byte: Option<&u8>| byte.is_some_and(u8::is_ascii_alphanumeric);
    !is_part(start.checked_sub(1).and_then(|before| text.get(before))) && !is_part(text.get(end))
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::ToString;

    use super::*;

    #[test]
    fn a_secret_is_masked_in_all_forms_that_errors_quote() {
        let url = r#"{"driver":"https","url":"https://me:hunter2@host/x","cookie":"se\"ss"}"#;
        let secrets = Secrets::in_command("blockdev-add", url);
        for (text, shown) in [
            ("Could not open 'https://me:hunter2@host/x'", "Could not open 'https://••••@host/x'"),
            ("user me:hunter2 is unknown", "user •••• is unknown"),
            ("login with hunter2 failed", "login with •••• failed"),
            ("se\"ss, se\"ss", "••••, ••••"),
            ("no cookies for you", "no cookies for you"),
        ] {
            assert_eq!(secrets.mask(text), shown);
        }
        assert!(!format!("{secrets:?}").contains("hunter2"));
    }

    #[test]
    fn each_word_of_a_text_that_may_contain_a_secret_is_masked() {
        let arguments = r#"{"path":"/x","arg":["-c","tool --key hunter2=abcd"]}"#;
        let secrets = Secrets::in_command("guest-exec", arguments);
        assert_eq!(
            secrets.mask("'hunter2': not found in abcd/tool"),
            "'••••': not found in ••••/••••"
        );
    }

    #[test]
    fn a_short_secret_is_masked_as_a_whole_word() {
        let secrets = Secrets::in_command("set_password", r#"{"password":"no"}"#);
        assert_eq!(secrets.mask("'no' is not enough, no"), "'••••' is not enough, ••••");
    }

    #[test]
    fn the_rest_after_a_long_secret_is_masked_too() {
        let long = "é".repeat(LONGEST);
        let secrets = Secrets::in_command("x", &format!("{{\"password\":\"{long}\"}}"));
        assert_eq!(secrets.mask(&format!("bad {long}, sorry")), "bad ••••");
    }

    #[test]
    fn short_numbers_and_keywords_are_not_secrets() {
        let secrets = Secrets::in_command("x", r#"{"token":1,"cookie":true,"password":null}"#);
        assert!(secrets.is_empty());
        assert_eq!(Secrets::in_command("x", r#"{"cookie":81985}"#).mask("no 81985"), "no ••••");
        assert!(Secrets::in_command("query-status", "").is_empty());
    }

    #[test]
    fn the_number_is_bounded_and_words_are_dropped_first() {
        let mut secrets = Secrets::new();
        secrets.add(b"the first secret", Scope::Anywhere);
        for number in 0..2 * MOST {
            secrets.add(number.to_string().repeat(4).as_bytes(), Scope::Answer);
        }
        assert_eq!(secrets.kept.len(), MOST);
        assert_eq!(secrets.mask("the first secret"), MASK);
        for number in 0..MOST {
            secrets.add(format!("secret {number}").as_bytes(), Scope::Anywhere);
        }
        assert_eq!(secrets.kept.len(), MOST);
        assert!(!secrets.has_passing());
        assert_eq!(secrets.mask("the first secret"), "the first secret");
    }
}

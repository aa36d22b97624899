//! Masking text within strings, and reporting the masked parts.

use alloc::borrow::Cow;
use alloc::vec::Vec;

use super::Scan;
use crate::redact::facts::Scope;
use crate::redact::marks::{Marks, State};
use crate::redact::strings::unescape;
use crate::redact::text::{Found, mask_text};
use crate::redact::tokens::{Token, Tokens};

/// Masks the secrets in a text that is inside `level` strings. Returns `None` if there are none.
pub(in crate::redact) fn mask_string(
    text: &[u8],
    level: u8,
    found: &mut Found<'_>,
) -> Option<Vec<u8>> {
    mask_text(text, level, mask_json, found)
}

/// Masks the JSON value at the start of a text. Returns its end and, if it contains secrets, the
/// masked value; or `None` if it is incomplete.
fn mask_json(text: &[u8], level: u8, found: &mut Found<'_>) -> Option<(usize, Option<Vec<u8>>)> {
    let (end, marks) = Scan::inside(text, level).first_value()?;
    if marks.is_empty() {
        return Some((end, None));
    }
    let json = text.get(..end)?;
    marks.report(json, level, found);
    Some((end, Some(marks.apply(json))))
}

impl Marks {
    /// Reports the masked parts of the text, with escapes resolved.
    pub(in crate::redact) fn report(&self, text: &[u8], level: u8, found: &mut Found<'_>) {
        for mark in &self.0 {
            let part = text.get(mark.start..mark.end).unwrap_or_default();
            match mark.state {
                State::Replaced(_) => {
                    mask_string(&inside_quotes(part), level, found);
                }
                State::Hidden(scope) => report_value(part, scope, level, found),
                State::Undecided(_) | State::Shown => {}
            }
        }
    }
}

fn report_value(value: &[u8], scope: Scope, level: u8, found: &mut Found<'_>) {
    let mut tokens = Tokens::new(value);
    while let Some((token, range)) = tokens.next() {
        let part = value.get(range).unwrap_or_default();
        match token {
            Token::String { .. } => {
                let text = inside_quotes(part);
                mask_string(&text, level, found);
                found(&text, scope);
            }
            Token::Scalar => found(part, scope),
            _ => {}
        }
    }
}

/// Returns the text of a string, which may lack its closing quote, with escapes resolved.
fn inside_quotes(string: &[u8]) -> Cow<'_, [u8]> {
    let Some((quote, inside)) = string.split_first() else {
        return string.into();
    };
    unescape(inside.strip_suffix(&[*quote]).unwrap_or(inside))
}

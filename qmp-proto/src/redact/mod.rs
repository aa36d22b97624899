//! Secrets are masked before a log sees a message.

mod messages;
mod scan;

use alloc::borrow::Cow;
use alloc::vec::Vec;
use core::iter;

use scan::Token;

use crate::json::{Lenient, MAX_DEPTH, skip_blanks, walk_value};

pub use messages::{Direction, messages};

/// What stands in the place of a secret: a JSON string, so that the message stays JSON.
const MASK: &str = "\"••••\"";

/// Masks the secrets in a message of QMP or the guest agent, as it is on the wire.
///
/// The value becomes `"••••"`, whatever it was; all else stays as it is, byte for byte. Masked are:
///
/// | where | what |
/// |---|---|
/// | members at any depth | `…password…`, `…passwd…`, `…passphrase…`, `secret`, `cookie` |
/// | `object-add` of a `secret…` | `data`, beside `qom-type` and in the old form under `props` |
/// | `qom-set` of a property named like these | `value` |
/// | `human-monitor-command` | the whole line, when it speaks of a password, secret or the like |
/// | other strings in a command | those with `user:password@` in a URL, `password=`, `:key=` and the like |
/// | guest agent | `buf-b64` (file contents), `input-data`, `env`; `arg` when it speaks of a password or the like |
///
/// Shown are the names of secrets, which are no secrets (`password-secret`, `key-secret`), command
/// lines of programs with nothing suspicious in them, the keys of `send-key`, and what answers
/// contain under other names: the output of a program, say.
///
/// It never fails. A message with something suspicious in it that is not JSON (cut off, or QEMU's
/// own dialect) is masked as a whole: what is not understood is not shown.
///
/// Nothing is copied when there is nothing to mask.
///
/// ```
/// let wire = br#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"abc"}}"#;
/// assert_eq!(
///     String::from_utf8_lossy(&qmp_proto::redact(wire)),
///     r#"{"execute":"set_password","arguments":{"protocol":"vnc","password":"••••"}}"#
/// );
/// ```
pub fn redact(wire: &[u8]) -> Cow<'_, [u8]> {
    if !is_suspicious(wire) {
        return Cow::Borrowed(wire);
    }
    // The agent's sentinel bytes are no part of the message.
    let sentinels = wire.iter().take_while(|byte| **byte == 0xff).count();
    let (sentinels, message) = wire.split_at(sentinels);
    match is_json(message) {
        true => mask_secrets(sentinels, message).map_or(Cow::Borrowed(wire), Cow::Owned),
        false => Cow::Owned(MASK.into()),
    }
}

/// What speaks of a secret in free text, in any case of letters.
const SPEAKS_OF_SECRETS: [&[u8]; 6] =
    [b"passw", b"passphrase", b"secret", b"cookie", b"token", b":key="];

/// Members that hold secrets without speaking of them.
const QUIET_MEMBERS: [&[u8]; 3] = [b"\"buf-b64\"", b"\"input-data\"", b"\"env\""];

/// The cheap check: most messages have none of this in them.
fn is_suspicious(wire: &[u8]) -> bool {
    // An escape may hide a letter of a suspicious word; a URL may hold a password.
    let has = |text: &[u8]| memchr::memmem::find(wire, text).is_some();
    has(b"\\u") || has(b"://") || QUIET_MEMBERS.into_iter().any(has) || speaks_of_secrets(wire)
}

fn is_json(message: &[u8]) -> bool {
    // Several messages may stand in one log line.
    let mut at = skip_blanks(message, 0);
    while at < message.len() {
        match walk_value(message, at, MAX_DEPTH, &mut Lenient) {
            Ok(end) => at = skip_blanks(message, end),
            Err(_) => return false,
        }
    }
    core::str::from_utf8(message).is_ok()
}

/// `None` when there is nothing to mask.
fn mask_secrets(sentinels: &[u8], message: &[u8]) -> Option<Vec<u8>> {
    let context = Context::of(message);
    let mut masked = Vec::new();
    let mut copied = 0;
    let mut at = 0;
    while let Some(token) = scan::next_string(message, at) {
        at = token.end;
        let secret = match scan::value_of(message, &token) {
            Some(value) if context.hides_member(&token.text, &message[value.clone()]) => value,
            Some(_) => continue,
            None if context.hides_string(&token) => token.start..token.end,
            None => continue,
        };
        if masked.is_empty() {
            masked.extend_from_slice(sentinels);
        }
        masked.extend_from_slice(&message[copied..secret.start]);
        masked.extend_from_slice(MASK.as_bytes());
        copied = secret.end;
        at = secret.end;
    }
    match copied {
        0 => None,
        _ => {
            masked.extend_from_slice(&message[copied..]);
            Some(masked)
        }
    }
}

/// What has to be known of the whole message before a member of it can be judged.
struct Context {
    is_command: bool,
    /// An object of a type `secret…` is created: its `data` is the secret.
    makes_secret: bool,
    /// A property that speaks of a secret is set: its `value` is the secret.
    sets_secret: bool,
}

impl Context {
    fn of(message: &[u8]) -> Self {
        let mut context = Self { is_command: false, makes_secret: false, sets_secret: false };
        let mut at = 0;
        while let Some(token) = scan::next_string(message, at) {
            at = token.end;
            let Some(value) = scan::value_of(message, &token) else {
                continue;
            };
            match &*token.text {
                b"execute" | b"exec-oob" => context.is_command = true,
                b"qom-type" => {
                    let kind = scan::next_string(&message[value], 0);
                    context.makes_secret |=
                        kind.is_none_or(|kind| kind.text.starts_with(b"secret"));
                }
                b"property" => context.sets_secret |= has_speaking_string(&message[value]),
                _ => {}
            }
        }
        context
    }

    fn hides_member(&self, name: &[u8], value: &[u8]) -> bool {
        match name {
            b"secret" | b"cookie" | b"buf-b64" | b"input-data" | b"env" => true,
            b"data" => self.makes_secret,
            b"value" => self.sets_secret,
            b"arg" | b"command-line" => self.is_command && has_speaking_string(value),
            // The name of a secret object.
            _ if name.ends_with(b"-secret") => false,
            _ => {
                [&b"password"[..], b"passwd", b"passphrase"].iter().any(|word| contains(name, word))
            }
        }
    }

    /// A string that is a value or an element.
    fn hides_string(&self, token: &Token<'_>) -> bool {
        let text = &token.text;
        let assigns = text.iter().any(|byte| matches!(byte, b'=' | b':'));
        self.is_command && (assigns && speaks_of_secrets(text) || has_credentials_in_url(text))
    }
}

fn speaks_of_secrets(text: &[u8]) -> bool {
    SPEAKS_OF_SECRETS.iter().any(|word| contains(text, word))
}

fn has_speaking_string(value: &[u8]) -> bool {
    let mut at = 0;
    iter::from_fn(|| {
        let token = scan::next_string(value, at)?;
        at = token.end;
        Some(token)
    })
    .any(|token| speaks_of_secrets(&token.text))
}

fn has_credentials_in_url(text: &[u8]) -> bool {
    let after_scheme = memchr::memmem::find(text, b"://").map(|at| &text[at + 3..]);
    after_scheme.is_some_and(|rest| rest.contains(&b'@'))
}

/// Whether `word`, in lower case, is in `text` in any case.
fn contains(text: &[u8], word: &[u8]) -> bool {
    let Some((&first, rest)) = word.split_first() else {
        return true;
    };
    memchr::memchr2_iter(first, first.to_ascii_uppercase(), text).any(|at| {
        let candidate = text.get(at + 1..at + 1 + rest.len());
        candidate.is_some_and(|candidate| candidate.eq_ignore_ascii_case(rest))
    })
}

#[cfg(test)]
mod tests;

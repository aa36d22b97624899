//! The meaning of members' names for masking.

use alloc::vec::Vec;

/// Words that make a member's value a secret, at any position in its name.
pub(super) const WORDS: [&str; 11] = [
    "authorization",
    "bearer",
    "cookie",
    "credential",
    "passcode",
    "passphrase",
    "passwd",
    "password",
    "pwd",
    "secret",
    "token",
];

/// Words that make a member's value a secret unless it is a number, `true`, `false` or `null`.
pub(super) const WORDS_FOR_TEXT: [&str; 12] = [
    "accesskey",
    "apikey",
    "authkey",
    "encryptionkey",
    "keydata",
    "keymaterial",
    "masterkey",
    "passkey",
    "privatekey",
    "privkey",
    "sessionkey",
    "signingkey",
];

/// Whole names of the same kind, which are too short to be searched within names.
pub(super) const NAMES_FOR_TEXT: [&str; 4] = ["otp", "pin", "psk", "pw"];

/// Ends of names of the same kind.
pub(super) const ENDS_FOR_TEXT: [&str; 3] = ["auth", "key", "pass"];

/// Names with such an end whose values are not secret.
const PLAIN: [&str; 7] = ["auth", "bypass", "hostkey", "hotkey", "key", "publickey", "pubkey"];

/// QEMU's members that contain the id of a secret object, which is not secret.
pub(super) const REFERENCES: [&str; 7] = [
    "cookie-secret",
    "key-secret",
    "new-secret",
    "old-secret",
    "password-secret",
    "passwordid",
    "proxy-password-secret",
];

/// Names up to this length are compared without an allocation.
const USUAL: usize = 64;

/// The meaning of a member's name for masking.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Meaning {
    Nothing,
    Secret,
    /// A secret unless it is a number or a keyword.
    SecretText,
    /// The content of a file, or the input or output of a program.
    Content,
    /// The command line of a program, or its environment.
    CommandLine,
    /// A line for the human monitor.
    MonitorLine,
    /// Whether it is a secret depends on the rest of the message.
    Depends(Member),
    /// It determines how other members are masked.
    Determines(Fact),
}

/// Members whose meaning depends on the command.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Member {
    Arg,
    Data,
    Key,
    Keys,
    Value,
}

/// Members on which the masking of others depends.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Fact {
    Execute,
    Return,
    Error,
    Event,
    Greeting,
    Id,
    QomType,
    Device,
    /// The name of a property, whose `value` is in the same object.
    Property,
}

/// Returns the meaning of a name, with escapes resolved, ignoring case and separators.
pub(super) fn meaning(name: &[u8]) -> Meaning {
    with_folded(name, |folded| whole(folded).unwrap_or_else(|| by_parts(folded)))
}

/// Returns whether a property, option or header with this name is a secret.
pub(super) fn is_secret(name: &[u8]) -> bool {
    matches!(with_folded(name, by_parts), Meaning::Secret | Meaning::SecretText)
}

/// Returns the ASCII letters and digits, in lower case.
pub(super) fn folded(text: &[u8]) -> impl Iterator<Item = u8> + '_ {
    text.iter().filter(|byte| byte.is_ascii_alphanumeric()).map(u8::to_ascii_lowercase)
}

fn with_folded<R>(name: &[u8], judge: impl FnOnce(&[u8]) -> R) -> R {
    if name.len() > USUAL {
        // Options of options are named `file.password`.
        let last = memchr::memrchr(b'.', name).map_or(0, |dot| dot + 1);
        return judge(&folded(name.get(last..).unwrap_or_default()).collect::<Vec<_>>());
    }
    let mut room = [0; USUAL];
    let mut length = 0;
    for byte in name {
        let folded = FOLDED[usize::from(*byte)];
        match folded {
            0 => {}
            b'.' => length = 0,
            _ => {
                if let Some(place) = room.get_mut(length) {
                    *place = folded;
                }
                length += 1;
            }
        }
    }
    judge(room.get(..length).unwrap_or_default())
}

/// The folded form of each byte of a name: 0 for separators except the dot.
const FOLDED: [u8; 256] = {
    let mut bytes = [0; 256];
    let mut byte = 0;
    while byte < 128 {
        let letter = byte as u8;
        if letter.is_ascii_alphanumeric() || letter == b'.' {
            bytes[byte] = letter.to_ascii_lowercase();
        }
        byte += 1;
    }
    bytes
};

fn whole(folded: &[u8]) -> Option<Meaning> {
    Some(match folded {
        b"execute" | b"execoob" => Meaning::Determines(Fact::Execute),
        b"return" => Meaning::Determines(Fact::Return),
        b"error" => Meaning::Determines(Fact::Error),
        b"event" => Meaning::Determines(Fact::Event),
        b"qmp" => Meaning::Determines(Fact::Greeting),
        b"id" => Meaning::Determines(Fact::Id),
        b"qomtype" => Meaning::Determines(Fact::QomType),
        b"device" => Meaning::Determines(Fact::Device),
        b"property" | b"name" | b"option" | b"header" => Meaning::Determines(Fact::Property),
        b"arg" => Meaning::Depends(Member::Arg),
        b"data" => Meaning::Depends(Member::Data),
        b"key" => Meaning::Depends(Member::Key),
        b"keys" => Meaning::Depends(Member::Keys),
        b"value" => Meaning::Depends(Member::Value),
        b"bufb64" | b"inputdata" | b"outdata" | b"errdata" => Meaning::Content,
        b"args" | b"env" | b"cprexeccommand" => Meaning::CommandLine,
        b"commandline" => Meaning::MonitorLine,
        _ => return None,
    })
}

fn by_parts(folded: &[u8]) -> Meaning {
    match first_word(folded) {
        Some(true) => {
            let is = |known: &&str| self::folded(known.as_bytes()).eq(folded.iter().copied());
            return match REFERENCES.iter().any(is) {
                true => Meaning::Nothing,
                false => Meaning::Secret,
            };
        }
        Some(false) => return Meaning::SecretText,
        None => {}
    }
    let is = |known: &&str| folded == known.as_bytes();
    let ends = |end: &&str| folded.ends_with(end.as_bytes());
    match NAMES_FOR_TEXT.iter().any(is) || ENDS_FOR_TEXT.iter().any(ends) && !PLAIN.iter().any(is) {
        true => Meaning::SecretText,
        false => Meaning::Nothing,
    }
}

/// Searches the words in the name: `true` for one of [`WORDS`], `false` for one of
/// [`WORDS_FOR_TEXT`].
fn first_word(folded: &[u8]) -> Option<bool> {
    let (mut rest, mut found) = (folded, None);
    while let [first, after @ ..] = rest {
        if after.first().is_some_and(|second| may_begin_word(*first, *second)) {
            let begins = |word: &&str| rest.starts_with(word.as_bytes());
            if WORDS.iter().any(begins) {
                return Some(true);
            }
            if WORDS_FOR_TEXT.iter().any(begins) {
                found = Some(false);
            }
        }
        rest = after;
    }
    found
}

/// Returns whether a word can begin with these letters, which rules out most positions of a name.
fn may_begin_word(first: u8, second: u8) -> bool {
    let index = |letter: u8| usize::from(letter.wrapping_sub(b'a'));
    BEGINNINGS.get(index(first)).is_some_and(|seconds| seconds >> (index(second) % 32) & 1 == 1)
}

/// For each first letter of a word, a bit for each second letter.
const BEGINNINGS: [u32; 26] = {
    let mut beginnings = [0; 26];
    let mut at = 0;
    while at < WORDS.len() + WORDS_FOR_TEXT.len() {
        let word = match at < WORDS.len() {
            true => WORDS[at],
            false => WORDS_FOR_TEXT[at - WORDS.len()],
        };
        let word = word.as_bytes();
        beginnings[(word[0] - b'a') as usize] |= 1 << (word[1] - b'a');
        at += 1;
    }
    beginnings
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn case_and_separators_of_names_are_ignored() {
        for (name, expected) in [
            ("SECRET", Meaning::Secret),
            ("vnc_Pass-Word", Meaning::Secret),
            ("x.y.cookie64", Meaning::Secret),
            ("Authorization:", Meaning::Secret),
            ("apiKeyPassword", Meaning::Secret),
            ("client-secret", Meaning::Secret),
            ("key-secret", Meaning::Nothing),
            ("encrypt.keySecret", Meaning::Nothing),
            ("X-Api-Key", Meaning::SecretText),
            ("private_key_pem", Meaning::SecretText),
            ("ssh-key", Meaning::SecretText),
            ("userPass", Meaning::SecretText),
            ("PIN", Meaning::SecretText),
            ("proxy-auth", Meaning::SecretText),
            ("auth", Meaning::Nothing),
            ("tls-authz", Meaning::Nothing),
            ("irq_pin", Meaning::Nothing),
            ("pub-key", Meaning::Nothing),
            ("keyid", Meaning::Nothing),
            ("", Meaning::Nothing),
            ("Buf_B64", Meaning::Content),
            ("COMMAND-LINE", Meaning::MonitorLine),
        ] {
            assert_eq!(meaning(name.as_bytes()), expected, "{name}");
        }
    }

    #[test]
    fn names_of_any_length_are_recognised() {
        for length in 0..200 {
            let filling = "p_".repeat(length);
            let name = [&filling, "password", &filling].concat();
            assert_eq!(meaning(name.as_bytes()), Meaning::Secret, "{name}");
            assert_eq!(meaning(filling.as_bytes()), Meaning::Nothing, "{filling}");
        }
    }
}

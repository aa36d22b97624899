//! Searching invalid text for words that indicate secrets.

use alloc::vec::Vec;

use crate::redact::names::{WORDS, WORDS_FOR_TEXT, folded};
use crate::redact::steps::count;

/// Returns whether a text contains one of the words for secrets.
pub(super) fn mentions_secrets(text: &[u8]) -> bool {
    let folded: Vec<u8> = folded(text).collect();
    let mut words = WORDS.iter().chain(&WORDS_FOR_TEXT);
    words.any(|word| memchr::memmem::find(&folded, word.as_bytes()).is_some())
}

/// Returns whether an invalid text may contain a secret.
pub(super) fn is_suspicious(text: &[u8]) -> bool {
    const PARTS: [&str; 9] = [
        "arguments",
        "bufb64",
        "commandline",
        "errdata",
        "execoob",
        "execute",
        "inputdata",
        "outdata",
        "qomtype",
    ];
    const RAW: [&str; 6] = ["\\u", "://", "\"env\"", "'env'", "exec:", " -u"];
    let has = |part: &&str| memchr::memmem::find(text, part.as_bytes()).is_some();
    count(text.len());
    if RAW.iter().any(has) {
        return true;
    }
    let folded: Vec<u8> = folded(text).collect();
    let mut parts = WORDS.iter().chain(&WORDS_FOR_TEXT).chain(&PARTS);
    parts.any(|part| memchr::memmem::find(&folded, part.as_bytes()).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_are_found_in_any_case_and_with_any_separators() {
        for text in [
            "Pass_Word",
            "{\"buf-b64\": \"",
            "a\\u0062",
            "https://",
            "\"env\": [",
            "exec: x",
            "Set-Cookie",
        ] {
            assert!(is_suspicious(text.as_bytes()), "{text}");
        }
        for text in ["{\"return\": {\"environment\": \"", "warning: old machine type", ""] {
            assert!(!is_suspicious(text.as_bytes()), "{text}");
        }
        assert!(mentions_secrets(b"-object SECRET,id=x") && !mentions_secrets(b"id=x"));
    }
}

//! Rewriting QEMU's variant of JSON as standard JSON.

use alloc::string::String;

use super::string::{characters, string_end};
use crate::server::write::push_escaped;

/// Rewrites the strings of a text with quotation marks, and copies the rest. The result ends before
/// an invalid string.
pub(super) fn rewrite(text: &[u8]) -> String {
    let mut written = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'"' && byte != b'\'' {
            written.push(byte as char);
            at += 1;
            continue;
        }
        let end = string_end(text, at);
        let before = written.len();
        written.push('"');
        if characters(&text[at..end], |char| push_escaped(&mut written, char)).is_err() {
            written.truncate(before);
            break;
        }
        written.push('"');
        at = end;
    }
    written
}

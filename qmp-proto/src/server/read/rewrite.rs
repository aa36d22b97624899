//! What QEMU takes, as the JSON of the standard.

use alloc::string::String;

use super::Flaw;
use super::string::{characters, string_end};
use crate::server::write::push_escaped;

/// Writes a text anew whose grammar was checked: its strings between quotation marks, the rest as
/// it stands.
pub(super) fn rewrite(text: &[u8]) -> Result<String, Flaw<'_>> {
    let mut written = String::with_capacity(text.len());
    let mut at = 0;
    while let Some(&byte) = text.get(at) {
        if byte != b'"' && byte != b'\'' {
            written.push(byte as char);
            at += 1;
            continue;
        }
        let end = string_end(text, at);
        written.push('"');
        characters(&text[at..end], |char| push_escaped(&mut written, char))?;
        written.push('"');
        at = end;
    }
    Ok(written)
}

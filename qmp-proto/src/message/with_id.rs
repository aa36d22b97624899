//! Replacing the id of a message.

use alloc::vec::Vec;

use crate::json::{MAX_DEPTH, Members};
use crate::message::BodyError;

/// Replaces the id of the message by `id`, or appends it as the last member. `None` removes the id.
pub(super) fn message_with_id(message: &[u8], mut id: Option<&str>) -> Result<Vec<u8>, BodyError> {
    let mut members = Members::new(message, MAX_DEPTH);
    let mut written = Vec::with_capacity(message.len() + id.map_or(0, str::len));
    while let Some(member) = members.next().map_err(BodyError::of)? {
        match member.name_among(&["id"]) {
            b"id" => id.take().into_iter().for_each(|id| add(&mut written, b"id", id.as_bytes())),
            name => add(&mut written, name, member.value),
        }
    }
    if let Some(id) = id {
        add(&mut written, b"id", id.as_bytes());
    }
    written.push(b'}');
    Ok(written)
}

fn add(object: &mut Vec<u8>, name: &[u8], value: &[u8]) {
    object.extend_from_slice(if object.is_empty() { b"{\"" } else { b", \"" });
    object.extend_from_slice(name);
    object.extend_from_slice(b"\": ");
    object.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;

    #[test]
    fn the_id_is_replaced_added_or_removed() {
        let with = |text: &str, id| {
            String::from_utf8(message_with_id(text.as_bytes(), id).unwrap()).unwrap()
        };
        let reply = r#"{"return": {"id": 5}, "id": 3}"#;
        assert_eq!(with(reply, Some("[1,  2]")), r#"{"return": {"id": 5}, "id": [1,  2]}"#);
        assert_eq!(with(reply, None), r#"{"return": {"id": 5}}"#);
        assert_eq!(with(r#"{"return": {}}"#, Some("7")), r#"{"return": {}, "id": 7}"#);
        let error = r#"{"id": 3, "error": {"class": "X", "desc": ""}}"#;
        assert_eq!(
            with(error, Some("null")),
            r#"{"id": null, "error": {"class": "X", "desc": ""}}"#
        );
        assert_eq!(with(error, None), r#"{"error": {"class": "X", "desc": ""}}"#);
    }
}

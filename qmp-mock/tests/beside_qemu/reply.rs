//! The parts of replies that are compared.

use serde_json::Value;

/// A message of a server.
#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Reply {
    /// The reply to a request, successful or not.
    ToRequest { id: String, says: String },
    /// An error about input that is not a request or not JSON; without text where the texts differ.
    Complaint(String),
}

impl Reply {
    pub(crate) fn read(line: &str, is_wordless: bool) -> Self {
        let reply: Value = serde_json::from_str(line).unwrap();
        let description = reply["error"]["desc"].as_str().unwrap_or_default();
        let says = match description {
            "" => reply["return"].to_string(),
            _ => without_place(description).to_owned(),
        };
        if says.starts_with("JSON ") || says == "QMP input must be a JSON object" {
            return Self::Complaint(if is_wordless { String::new() } else { says });
        }
        // If several members are wrong, QEMU names one of them.
        let says = if says.ends_with(" is unexpected") { "unexpected".into() } else { says };
        Self::ToRequest { id: reply["id"].to_string(), says }
    }

    pub(crate) const fn is_to_request(&self) -> bool {
        matches!(self, Self::ToRequest { .. })
    }

    pub(crate) const fn is_complaint(&self) -> bool {
        !self.is_to_request()
    }

    /// Returns whether it is the reply to the request with this id.
    pub(crate) fn is_to(&self, request: &str) -> bool {
        matches!(self, Self::ToRequest { id, .. } if id == request)
    }
}

/// Removes the position that 11.1 adds, as in `1:42: JSON parse error`.
fn without_place(description: &str) -> &str {
    let mut parts = description.splitn(3, ':');
    let is_number = |part: Option<&str>| part.is_some_and(|it| it.parse::<u64>().is_ok());
    match (is_number(parts.next()), is_number(parts.next()), parts.next()) {
        (true, true, Some(rest)) => rest.trim_start(),
        _ => description,
    }
}

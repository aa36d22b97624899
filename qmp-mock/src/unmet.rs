//! Expectations that were not met.

use std::fmt;

use crate::shared::State;

/// The expectations that were not met: unexpected commands, and commands that did not arrive.
/// Returned by [`Mock::check`](crate::Mock::check). Its text has one line for each.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unmet {
    complaints: Vec<String>,
}

impl Unmet {
    pub(crate) fn find(state: &State) -> Result<(), Self> {
        let mut complaints = state.unexpected.clone();
        complaints.extend(state.faults.iter().cloned());
        complaints.extend(state.rules.iter().filter_map(|rule| rule.complaint()));
        complaints.extend(state.replay.iter().flat_map(|replay| replay.complaints()));
        if complaints.is_empty() { Ok(()) } else { Err(Self { complaints }) }
    }

    /// Returns one text for each expectation that was not met.
    pub fn complaints(&self) -> impl Iterator<Item = &str> {
        self.complaints.iter().map(String::as_str)
    }
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.complaints.join("\n"))
    }
}

impl std::error::Error for Unmet {}

//! What was not as the test expected it.

use std::fmt;

use crate::shared::State;

/// What clients did that nobody expected, and what they did not do: [`Mock::check`](crate::Mock::check)
/// returns it. As text it tells all, a line for each thing.
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

    /// One text for each thing.
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

//! The steps of a command that are still to be performed.

use std::collections::{HashSet, VecDeque};
use std::time::Instant;

use crate::ReceivedCommand;
use crate::act::Act;

/// The remaining steps of a command.
pub(super) struct Running {
    pub(super) command: Option<(usize, ReceivedCommand)>,
    pub(super) acts: VecDeque<Act>,
    pub(super) waits: Option<Wait>,
}

pub(super) enum Wait {
    Until(Instant),
    Gate(usize),
}

impl Running {
    pub(super) fn new(command: Option<(usize, ReceivedCommand)>, acts: Vec<Act>) -> Self {
        Self { command, acts: acts.into(), waits: None }
    }

    /// Returns the time at which the next step is due, if it waits for a time.
    pub(super) const fn due(&self) -> Option<Instant> {
        match &self.waits {
            Some(Wait::Until(due)) => Some(*due),
            _ => None,
        }
    }

    pub(super) fn is_waiting(&self, open_gates: &HashSet<usize>) -> bool {
        match &self.waits {
            Some(Wait::Until(due)) => *due > Instant::now(),
            Some(Wait::Gate(gate)) => !open_gates.contains(gate),
            None => false,
        }
    }
}

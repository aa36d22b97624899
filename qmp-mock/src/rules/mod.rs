//! Rules: what commands are answered with.

mod on;
mod usual;

pub use on::On;
pub(crate) use on::event_data;
pub(crate) use usual::{OUT_OF_BAND, usual};

use std::fmt;
use std::panic::Location;
use std::sync::Arc;

use qmp_proto::Escaped;
use serde_json::Value;

use crate::ReceivedCommand;
use crate::act::Act;

/// A rule that a test has set with [`On`].
pub(crate) struct Rule {
    pub(crate) name: String,
    pub(crate) arguments: Option<Value>,
    pub(crate) when: Option<Predicate>,
    pub(crate) turns: Vec<Turn>,
    pub(crate) optional: bool,
    pub(crate) takes_descriptor: bool,
    pub(crate) out_of_band: bool,
    pub(crate) place: &'static Location<'static>,
}

pub(crate) type Predicate = Arc<dyn Fn(&ReceivedCommand) -> bool + Send + Sync>;

/// The steps for the first time, or the first few times, that a command arrives. The next turn
/// follows.
#[derive(Debug, Default)]
pub(crate) struct Turn {
    pub(crate) acts: Vec<Act>,
    /// How often this turn applies. `None`: without limit, but at least once.
    pub(crate) times: Option<usize>,
    pub(crate) used: usize,
}

impl Turn {
    fn is_used_up(&self) -> bool {
        self.times.is_some_and(|times| self.used >= times)
    }
}

impl Rule {
    /// Returns whether the rule matches this command and is not used up.
    pub(crate) fn applies_to(&self, command: &ReceivedCommand) -> bool {
        self.name == command.name()
            && !self.turns.iter().all(Turn::is_used_up)
            && self.arguments.as_ref().is_none_or(|arguments| command.has(arguments))
            && self.when.as_ref().is_none_or(|when| when(command))
    }

    pub(crate) fn use_it(&mut self) -> Vec<Act> {
        let turn = self.turns.iter_mut().find(|turn| !turn.is_used_up());
        turn.map_or_else(Vec::new, |turn| {
            turn.used += 1;
            turn.acts.clone()
        })
    }

    /// Describes the commands that were expected and did not arrive.
    pub(crate) fn complaint(&self) -> Option<String> {
        let expected: usize = self.turns.iter().map(|turn| turn.times.unwrap_or(1)).sum();
        let came: usize = self.turns.iter().map(|turn| turn.used).sum();
        let met = |turn: &Turn| turn.used >= turn.times.unwrap_or(1);
        if self.optional || self.turns.iter().all(met) {
            return None;
        }
        let times = |count: usize| match count {
            0 => "never".to_owned(),
            1 => "once".to_owned(),
            count => format!("{count} times"),
        };
        let (expected, came) = (times(expected), times(came));
        Some(format!("{self} was expected {expected} and received {came} ({})", self.place))
    }
}

impl fmt::Display for Rule {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}", self.name)?;
        if let Some(arguments) = &self.arguments {
            write!(f, " {}", Escaped(arguments))?;
        }
        f.write_str(if self.when.is_some() { "` that matches a predicate" } else { "`" })
    }
}

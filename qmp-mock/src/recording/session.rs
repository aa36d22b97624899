//! A recorded session, split into the steps that follow each command.

use std::time::Duration;

use qmp_proto::{Escaped, OwnedRawJson};
use serde_json::Value;

use crate::ReceivedCommand;
use crate::act::{Act, Answer, To};
use crate::recording::timeline::{Item, Timed, Timeline};

/// Whether the replay keeps the recorded delays.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Pace {
    AtOnce,
    AsRecorded,
}

#[derive(Debug)]
pub(super) struct Session {
    pub(super) greeting: Option<OwnedRawJson>,
    /// The steps that follow the negotiation.
    pub(super) opening: Vec<Act>,
    pub(super) commands: Vec<Command>,
}

#[derive(Debug)]
pub(super) struct Command {
    name: String,
    arguments: Option<String>,
    /// The steps that follow this command, up to the steps of the next.
    pub(super) acts: Vec<Act>,
}

impl Session {
    pub(super) fn new(timeline: Timeline, loose: bool, pace: Pace) -> Self {
        let mut cuts = Cuts::new(&timeline, loose, pace);
        cuts.cut(&timeline.items);
        let Cuts { opening, mut after, .. } = cuts;
        let commands = timeline.commands.into_iter().enumerate();
        let commands = commands
            .map(|(number, command)| {
                let acts = std::mem::take(&mut after[number].acts);
                Command { name: command.name, arguments: command.arguments, acts }
            })
            .collect();
        Self { greeting: timeline.greeting, opening: opening.acts, commands }
    }
}

impl Command {
    /// Returns whether a received command matches this one.
    pub(super) fn is(&self, received: &ReceivedCommand) -> bool {
        let ours = self.arguments.as_deref().unwrap_or("{}");
        let theirs = received.arguments();
        let theirs = theirs.as_ref().map_or("{}", |theirs| theirs.as_str());
        let value = |text| serde_json::from_str::<Value>(text).ok();
        self.name == received.name()
            && (ours == theirs || value(ours).is_some_and(|ours| value(theirs) == Some(ours)))
    }
}

impl std::fmt::Display for Command {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match &self.arguments {
            Some(arguments) => write!(f, "`{} {}`", Escaped(&self.name), Escaped(arguments)),
            None => write!(f, "`{}`", Escaped(&self.name)),
        }
    }
}

/// Steps, and the time at which the last of them is due.
#[derive(Debug, Default)]
struct Steps {
    acts: Vec<Act>,
    time: u64,
}

impl Steps {
    fn push(&mut self, at: u64, act: Act, pace: Pace) {
        let pause = at.saturating_sub(self.time);
        if pace == Pace::AsRecorded && pause > 0 {
            self.acts.push(Act::Wait(Duration::from_millis(pause)));
        }
        self.time = self.time.max(at);
        self.acts.push(act);
    }
}

/// Assigns each message of the server to the command that triggers it.
///
/// A reply waits for its own command and for the commands whose replies precede it. So replies that
/// were out of order are replayed out of order, and a client may send commands one by one that were
/// in flight at once in the recording. An event is sent with the next reply if the command of that
/// reply was already sent, otherwise after the last command.
struct Cuts {
    loose: bool,
    pace: Pace,
    opening: Steps,
    after: Vec<Steps>,
    /// The last command that was sent, and the latest one that was answered.
    sent: Option<usize>,
    answered: usize,
}

impl Cuts {
    fn new(timeline: &Timeline, loose: bool, pace: Pace) -> Self {
        let after = timeline.commands.iter().map(|_| Steps::default()).collect();
        Self { loose, pace, opening: Steps::default(), after, sent: None, answered: 0 }
    }

    fn cut(&mut self, items: &[Timed]) {
        for (place, Timed { at, item }) in items.iter().enumerate() {
            match item {
                Item::Command(number) => {
                    self.sent = Some(*number);
                    self.after[*number].time = *at;
                    if !items[place..].iter().any(|later| later.item.answers(*number)) {
                        let act = Act::LeaveUnanswered(To::Recorded(*number));
                        self.push(Some(*number), *at, act);
                    }
                }
                Item::Negotiated => self.opening.time = *at,
                Item::Reply(number, response) => {
                    let cause = self.cause(*number);
                    self.answered = cause;
                    let to = To::Recorded(*number);
                    let answer = Answer::Ready(response.clone());
                    self.push(Some(cause), *at, Act::Answer { to, answer, cut: None });
                }
                Item::Event(event) => {
                    let next = items[place..].iter().find_map(|later| later.item.answered());
                    let awaited = next.filter(|number| Some(*number) <= self.sent);
                    let cause = awaited.map(|number| self.cause(number)).or(self.sent);
                    self.push(cause, *at, Act::RawEvent(event.clone()));
                }
                Item::End => self.push(self.sent, *at, Act::HangUp),
            }
        }
    }

    /// Returns the command that triggers the reply to this one.
    fn cause(&self, number: usize) -> usize {
        if self.loose { number } else { number.max(self.answered) }
    }

    fn push(&mut self, cause: Option<usize>, at: u64, act: Act) {
        let steps = match cause {
            Some(number) => &mut self.after[number],
            None => &mut self.opening,
        };
        steps.push(at, act, self.pace);
    }
}

impl Item {
    const fn answered(&self) -> Option<usize> {
        match self {
            Self::Reply(number, _) => Some(*number),
            _ => None,
        }
    }

    fn answers(&self, command: usize) -> bool {
        self.answered() == Some(command)
    }
}

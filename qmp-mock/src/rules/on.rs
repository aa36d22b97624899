//! Builds rules step by step.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qmp_proto::server::Response;
use qmp_proto::{ErrorClass, OwnedRawJson, RawJson};
use serde::Serialize;
use serde_json::Value;

use crate::act::{Act, Answer, To};
use crate::rules::{Rule, Turn};
use crate::shared::Shared;
use crate::{Failure, Gate, ReceivedCommand};

/// What the mock does when a command arrives. Created by [`Mock::on`](crate::Mock::on).
///
/// Its methods are steps, performed in the order in which they are called, so steps before the
/// answer are performed before it and later ones after it. If no step answers, the mock returns
/// `{}` after the last step.
///
/// **The rule takes effect at the end of the statement**, when this value is dropped. Do not keep
/// it in a variable.
///
/// ```
/// use qmp_mock::{ErrorClass, Mock};
/// use serde_json::json;
///
/// let mock = Mock::monitor();
/// mock.on("query-status").answer(json!({"status": "running", "running": true}));
/// mock.on("stop").event("STOP", ()); // then returns `{}`
/// mock.on("device_del")
///     .with(json!({"id": "net0"}))
///     .return_error(ErrorClass::DeviceNotFound, "Device 'net0' not found")
///     .then()
///     .return_empty()
///     .event("DEVICE_DELETED", json!({"device": "net0", "path": "/machine/peripheral/net0"}))
///     .optional();
/// ```
pub struct On {
    shared: Arc<Shared>,
    /// Taken when the rule takes effect.
    rule: Option<Rule>,
}

impl On {
    pub(crate) fn new(shared: &Arc<Shared>, name: &str, place: &'static Location<'static>) -> Self {
        let rule = Rule {
            name: name.to_owned(),
            arguments: None,
            when: None,
            turns: vec![Turn::default()],
            optional: false,
            takes_descriptor: false,
            out_of_band: false,
            place,
        };
        Self { shared: Arc::clone(shared), rule: Some(rule) }
    }

    /// Matches only these arguments. The order of members is ignored.
    ///
    /// # Panics
    ///
    /// Panics if `arguments` cannot be serialized.
    #[track_caller]
    pub fn with(self, arguments: impl Serialize) -> Self {
        let arguments = match serde_json::to_value(arguments) {
            Ok(Value::Null) => Value::Object(serde_json::Map::new()),
            Ok(arguments) => arguments,
            Err(error) => panic!("these arguments cannot be serialized: {error}"),
        };
        self.change(|rule| rule.arguments = Some(arguments))
    }

    /// Matches only commands for which the predicate returns `true`. The predicate runs while the
    /// mock is locked, so it must not use the mock.
    pub fn when(
        self,
        condition: impl Fn(&ReceivedCommand) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.change(|rule| rule.when = Some(Arc::new(condition)))
    }

    /// Applies the steps to exactly this many commands, which
    /// [`Mock::verify`](crate::Mock::verify) checks. Later commands get the [next turn](Self::then)
    /// or, if there is none, the next rule.
    pub fn times(self, times: usize) -> Self {
        self.change_turn(|turn| turn.times = Some(times))
    }

    /// Equivalent to [`times(1)`](Self::times).
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// Makes the command optional: [`Mock::verify`](crate::Mock::verify) does not require that it
    /// arrives.
    pub fn optional(self) -> Self {
        self.change(|rule| rule.optional = true)
    }

    /// Ends the steps for the first time that the command arrives (or the first few times, with
    /// [`times`](Self::times)). The steps that follow apply when the command arrives again.
    pub fn then(self) -> Self {
        self.change(|rule| {
            if let Some(turn) = rule.turns.last_mut() {
                turn.times.get_or_insert(1);
            }
            rule.turns.push(Turn::default());
        })
    }

    /// Receives the file descriptor sent with the command, so that the test can read it with
    /// [`descriptor`](ReceivedCommand::descriptor). `getfd` and `add-fd` always do.
    pub fn takes_descriptor(self) -> Self {
        self.change(|rule| rule.takes_descriptor = true)
    }

    /// Allows out-of-band execution of the command (`exec-oob`), even if other rules for it do not.
    ///
    /// By default only the commands for which QEMU allows it are allowed: `migrate-pause`,
    /// `migrate-recover`, `query-yank` and `yank`. The mock answers any other `exec-oob` command
    /// with QEMU's error and does not use its rules, and [`Mock::verify`](crate::Mock::verify)
    /// reports it.
    pub fn out_of_band(self) -> Self {
        self.change(|rule| rule.out_of_band = true)
    }

    /// Answers with this value.
    ///
    /// # Panics
    ///
    /// Panics if `value` cannot be serialized.
    #[track_caller]
    pub fn answer(self, value: impl Serialize) -> Self {
        match Response::value(&value) {
            Ok(response) => self.act(Act::answer(response)),
            Err(refusal) => panic!("this value cannot be sent: {refusal}"),
        }
    }

    /// Answers with this value, which is JSON text.
    ///
    /// # Panics
    ///
    /// Panics if `value` is not valid JSON.
    #[track_caller]
    pub fn answer_json(self, value: &str) -> Self {
        match RawJson::parse(value) {
            Ok(value) => self.act(Act::answer(Response::json(value).into_owned())),
            Err(error) => panic!("this is not JSON: {error}: {value}"),
        }
    }

    /// Answers each command with the result of a closure.
    ///
    /// ```
    /// # use qmp_mock::{Failure, Mock};
    /// # use serde_json::{Value, json};
    /// # let mock = Mock::monitor();
    /// mock.on("qom-get").answer_with(|command| {
    ///     let arguments: Value = command.decode().unwrap();
    ///     match arguments["property"].as_str() {
    ///         Some("type") => Ok(json!("pc-machine")),
    ///         _ => Err(Failure::generic("Property not found")),
    ///     }
    /// });
    /// ```
    pub fn answer_with<T: Serialize>(
        self,
        mut answer: impl FnMut(&ReceivedCommand) -> Result<T, Failure> + Send + 'static,
    ) -> Self {
        let compute = move |command: &ReceivedCommand| match answer(command) {
            Ok(value) => Response::value(&value).unwrap_or_else(|refusal| {
                let text = format!("the value of the closure cannot be sent: {refusal}");
                Failure::generic(text).response()
            }),
            Err(failure) => failure.response(),
        };
        let answer = Answer::Computed(Arc::new(Mutex::new(compute)));
        self.act(Act::Answer { to: To::This, answer, cut: None })
    }

    /// Answers with `{}`, as commands do that return nothing.
    pub fn return_empty(self) -> Self {
        self.act(Act::answer(Response::empty()))
    }

    /// Answers with an error.
    pub fn return_error(self, class: ErrorClass<'_>, description: &str) -> Self {
        self.act(Act::answer(Failure::new(class, description).response()))
    }

    /// Never answers.
    pub fn leave_unanswered(self) -> Self {
        self.act(Act::LeaveUnanswered(To::This))
    }

    /// Emits an event, before or after the answer depending on the order of the calls. Pass `()`
    /// for an event without data.
    ///
    /// # Panics
    ///
    /// Panics if `data` cannot be serialized.
    #[track_caller]
    pub fn event(self, name: &str, data: impl Serialize) -> Self {
        let data = event_data(&data);
        self.act(Act::Event { name: name.to_owned(), data })
    }

    /// Waits. Meanwhile other commands are accepted, up to the [in-flight
    /// limit](crate::Builder::in_flight).
    pub fn delay(self, time: Duration) -> Self {
        self.act(Act::Wait(time))
    }

    /// Waits until the gate is open. Meanwhile other commands are accepted, up to the [in-flight
    /// limit](crate::Builder::in_flight).
    pub fn hold(self, gate: &Gate) -> Self {
        self.act(Act::Hold(gate.number()))
    }

    /// Sends bytes unchanged, such as garbage, half a message, or the reply to another command.
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.act(Act::Bytes(bytes.into()))
    }

    /// Closes the connection, before or after the answer depending on the order of the calls.
    pub fn hang_up(self) -> Self {
        self.act(Act::HangUp)
    }

    /// Sends only the first `bytes` bytes of the preceding answer and then closes the connection.
    ///
    /// # Panics
    ///
    /// Panics if no answer precedes it.
    #[track_caller]
    pub fn cut_after(self, bytes: usize) -> Self {
        let mut found = false;
        let changed = self.change_turn(|turn| {
            let answers = turn.acts.iter_mut().rev();
            let last = answers.filter_map(|act| match act {
                Act::Answer { cut, .. } => Some(cut),
                _ => None,
            });
            for cut in last.take(1) {
                *cut = Some(bytes);
                found = true;
            }
        });
        assert!(found, "cut_after must follow an answer");
        changed
    }

    fn act(self, act: Act) -> Self {
        self.change_turn(|turn| turn.acts.push(act))
    }

    fn change_turn(self, change: impl FnOnce(&mut Turn)) -> Self {
        self.change(|rule| {
            if let Some(turn) = rule.turns.last_mut() {
                change(turn);
            }
        })
    }

    fn change(mut self, change: impl FnOnce(&mut Rule)) -> Self {
        if let Some(rule) = &mut self.rule {
            change(rule);
        }
        self
    }
}

/// Serializes the data of an event; `None` for `()`.
#[track_caller]
pub(crate) fn event_data(data: &impl Serialize) -> Option<OwnedRawJson> {
    match OwnedRawJson::serialize(data) {
        Ok(data) => Some(data).filter(|data| data.as_json().as_str() != "null"),
        Err(refusal) => panic!("the data of this event cannot be sent: {refusal}"),
    }
}

impl Drop for On {
    fn drop(&mut self) {
        // A rule that is dropped while its thread panics is incomplete.
        if std::thread::panicking() {
            return;
        }
        if let Some(mut rule) = self.rule.take() {
            for turn in &mut rule.turns {
                if !turn.acts.iter().any(Act::ends_the_command) {
                    turn.acts.push(Act::answer(Response::empty()));
                }
            }
            self.shared.lock().rules.push(rule);
        }
    }
}

impl fmt::Debug for On {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let rule = self.rule.as_ref().map(ToString::to_string);
        f.debug_tuple("On").field(&rule).finish()
    }
}

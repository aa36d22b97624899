//! Rules, told step by step.

use std::fmt;
use std::panic::Location;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use qmp_proto::server::Response;
use qmp_proto::{ErrorClass, Json, OwnedJson};
use serde::Serialize;
use serde_json::Value;

use crate::act::{Act, Answer, To};
use crate::rules::{Rule, Turn};
use crate::shared::Shared;
use crate::{Failure, Gate, ReceivedCommand};

/// What is to be done when a command comes: [`Mock::on`](crate::Mock::on) makes one.
///
/// Its methods are the steps, in the order in which they are taken: what is said before the answer
/// is done before it, what is said after it, after it. Without an answer, `{}` is answered at the
/// end.
///
/// **The rule holds from the end of the statement**, when this is dropped; do not keep it in a
/// variable.
///
/// ```
/// use qmp_mock::{ErrorClass, Mock};
/// use serde_json::json;
///
/// let mock = Mock::monitor();
/// mock.on("query-status").answer(json!({"status": "running", "running": true}));
/// mock.on("stop").event("STOP", ()); // then `{}`
/// mock.on("device_del")
///     .with(json!({"id": "net0"}))
///     .fail(ErrorClass::DeviceNotFound, "Device 'net0' not found")
///     .then()
///     .done()
///     .event("DEVICE_DELETED", json!({"device": "net0", "path": "/machine/peripheral/net0"}))
///     .optional();
/// ```
pub struct On {
    shared: Arc<Shared>,
    /// Taken when the rule comes into force.
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

    /// Only with exactly these arguments, whatever the order of their members.
    ///
    /// # Panics
    ///
    /// If they cannot be serialized.
    #[track_caller]
    pub fn with(self, arguments: impl Serialize) -> Self {
        let arguments = match serde_json::to_value(arguments) {
            Ok(Value::Null) => Value::Object(serde_json::Map::new()),
            Ok(arguments) => arguments,
            Err(error) => panic!("these arguments are no JSON: {error}"),
        };
        self.change(|rule| rule.arguments = Some(arguments))
    }

    /// Only if this says so. It is asked while the mock is locked, so it must not use the mock itself.
    pub fn when(
        self,
        condition: impl Fn(&ReceivedCommand) -> bool + Send + Sync + 'static,
    ) -> Self {
        self.change(|rule| rule.when = Some(Arc::new(condition)))
    }

    /// So often, and that is checked by [`Mock::verify`](crate::Mock::verify); after that, whatever
    /// comes [next](Self::then), or the next rule.
    pub fn times(self, times: usize) -> Self {
        self.change_turn(|turn| turn.times = Some(times))
    }

    /// [Once](Self::times).
    pub fn once(self) -> Self {
        self.times(1)
    }

    /// [`Mock::verify`](crate::Mock::verify) does not mind if the command never comes.
    pub fn optional(self) -> Self {
        self.change(|rule| rule.optional = true)
    }

    /// The steps up to here are those of the first time (or of the first few, with
    /// [`times`](Self::times)); those that follow are for when the command comes again.
    pub fn then(self) -> Self {
        self.change(|rule| {
            if let Some(turn) = rule.turns.last_mut() {
                turn.times.get_or_insert(1);
            }
            rule.turns.push(Turn::default());
        })
    }

    /// The command takes the descriptor that came with it, so that the test finds it
    /// [there](ReceivedCommand::descriptor). `getfd` and `add-fd` do without being told.
    pub fn takes_descriptor(self) -> Self {
        self.change(|rule| rule.takes_descriptor = true)
    }

    /// Allows the command to be run out of band (`exec-oob`), whatever other rules for it there are.
    ///
    /// By default only the commands that QEMU allows it for are: `migrate-pause`, `migrate-recover`,
    /// `query-yank` and `yank`. To any other that comes with `exec-oob` the mock replies with QEMU's
    /// error; its rules are not used, and [`Mock::verify`](crate::Mock::verify) complains.
    pub fn out_of_band(self) -> Self {
        self.change(|rule| rule.out_of_band = true)
    }

    /// Answers with this value.
    ///
    /// # Panics
    ///
    /// If it cannot be serialized.
    #[track_caller]
    pub fn answer(self, value: impl Serialize) -> Self {
        match Response::value(&value) {
            Ok(response) => self.act(Act::answer(response)),
            Err(refusal) => panic!("this value cannot be answered: {refusal}"),
        }
    }

    /// Answers with this value, which is JSON already.
    ///
    /// # Panics
    ///
    /// If it is not.
    #[track_caller]
    pub fn answer_json(self, value: &str) -> Self {
        match Json::parse(value) {
            Ok(value) => self.act(Act::answer(Response::json(value).into_owned())),
            Err(error) => panic!("this is no JSON: {error}: {value}"),
        }
    }

    /// Answers with what this makes of the command, whenever one comes.
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
                let text = format!("what the test answered cannot be sent: {refusal}");
                Failure::generic(text).response()
            }),
            Err(failure) => failure.response(),
        };
        let answer = Answer::Computed(Arc::new(Mutex::new(compute)));
        self.act(Act::Answer { to: To::This, answer, cut: None })
    }

    /// Answers that it is done, of a command that returns nothing: `{}`.
    pub fn done(self) -> Self {
        self.act(Act::answer(Response::empty()))
    }

    /// Answers with an error.
    pub fn fail(self, class: ErrorClass<'_>, description: &str) -> Self {
        self.act(Act::answer(Failure::new(class, description).response()))
    }

    /// Never answers.
    pub fn leave_unanswered(self) -> Self {
        self.act(Act::LeaveUnanswered(To::This))
    }

    /// Emits an event: before the answer or after it, as it stands. `()` for one without data.
    ///
    /// # Panics
    ///
    /// If `data` cannot be serialized.
    #[track_caller]
    pub fn event(self, name: &str, data: impl Serialize) -> Self {
        let data = event_data(&data);
        self.act(Act::Event { name: name.to_owned(), data })
    }

    /// Waits. Meanwhile other commands are taken, as many as [may be in
    /// flight](crate::Builder::in_flight).
    pub fn delay(self, time: Duration) -> Self {
        self.act(Act::Wait(time))
    }

    /// Waits until the gate is open. Meanwhile other commands are taken, as many as [may be in
    /// flight](crate::Builder::in_flight).
    pub fn hold(self, gate: &Gate) -> Self {
        self.act(Act::Hold(gate.number()))
    }

    /// Sends bytes as they are: garbage, half a message, an answer to another command.
    pub fn bytes(self, bytes: impl Into<Vec<u8>>) -> Self {
        self.act(Act::Bytes(bytes.into()))
    }

    /// Hangs up: before the answer or after it, as it stands.
    pub fn hang_up(self) -> Self {
        self.act(Act::HangUp)
    }

    /// Of the answer before this only so many bytes are sent; then the client is hung up on.
    ///
    /// # Panics
    ///
    /// If there is no answer before this.
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
        assert!(found, "cut_after follows the answer that is to be cut");
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

/// What an event carries, if anything.
#[track_caller]
pub(crate) fn event_data(data: &impl Serialize) -> Option<OwnedJson> {
    match OwnedJson::serialize(data) {
        Ok(data) => Some(data).filter(|data| data.as_json().as_str() != "null"),
        Err(refusal) => panic!("this is no data of an event: {refusal}"),
    }
}

impl Drop for On {
    fn drop(&mut self) {
        // Whoever gives up half-way, in a panic, wants no rule.
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

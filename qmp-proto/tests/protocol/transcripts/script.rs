//! Converting a recorded session to one of this client: the same bytes in the same order, except
//! for the ids.

use qmp_proto::{Client, Options, Phase, RawMessage, Received};
use std::collections::VecDeque;

use super::edits::{Edit, apply, moved};
use super::matching::answered_units;
use super::recording::{Item, Kind, Recording};
use super::what::{MOST, What};
use crate::peer::{Observed, SEVEN, sync_answer};
use crate::qemu::{Message, Read};

/// What a client sends and when, and what it must receive.
#[derive(Debug, Default)]
pub(crate) struct Script {
    pub(crate) stream: Vec<u8>,
    /// The ends of the recorded receives in the stream.
    pub(crate) received: Vec<usize>,
    pub(crate) sends: Vec<Sending>,
    pub(crate) observed: Vec<Observed>,
}

/// A message, sent after a number of received messages.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sending {
    pub(crate) after: usize,
    pub(crate) what: What,
}

/// The ids of a unit's reply in the recording and for this client.
struct Sent {
    unit: usize,
    /// The id, and the value of a sync, on the wire.
    id: String,
    what: What,
}

struct Writer<'r> {
    recording: &'r Recording,
    client: Client<u32, MOST>,
    script: Script,
    /// The unit of each item that is a reply.
    answers: Vec<Option<usize>>,
    waiting: VecDeque<usize>,
    sent: Vec<Sent>,
}

/// Sends the units at their recorded times, except that units after invalid bytes wait for the
/// server's error reply to these. This client never sends invalid bytes, so it would match that
/// error reply to a command.
pub(crate) fn write(recording: &Recording) -> Script {
    let mut writer = Writer {
        recording,
        client: client(recording),
        script: Script::default(),
        answers: answered_units(recording),
        waiting: (0..recording.units.len()).collect(),
        sent: Vec::new(),
    };
    writer.synced_before();
    for at in 0..recording.items.len() {
        writer.send_what_is_due(at);
        writer.item(at);
    }
    writer.script
}

pub(crate) fn client(recording: &Recording) -> Client<u32, MOST> {
    if recording.agent {
        Client::agent(Options::agent())
    } else if recording.items[0].kind == Kind::Greeting {
        Client::monitor(Options::monitor())
    } else {
        // The recording starts later, or the greeting is inside another protocol.
        Client::negotiated(Options::monitor(), 7)
    }
}

impl Writer<'_> {
    /// Some recordings of agents start without a sync, which this client sends.
    fn synced_before(&mut self) {
        let begins_synced = matches!(
            &self.recording.units.get(1).map(|unit| &unit.read),
            Some(Read::Message(message)) if is_sync(message)
        );
        if self.recording.agent && !begins_synced {
            self.send(What::Sync, None);
            self.feed(&sync_answer(SEVEN));
            self.script.observed.push(Observed::Ready);
        }
    }

    fn send_what_is_due(&mut self, at: usize) {
        let now = self.recording.items[at].line.start;
        while let Some(&unit) = self.waiting.front() {
            let phase = self.client.phase();
            if self.recording.units[unit].at > now || phase == Phase::Negotiating {
                return;
            }
            let done = match self.what(unit) {
                Some(what) => self.send(what, Some(unit)),
                // The invalid bytes before a sync are the sentinel, which is part of this client's
                // sync.
                None if phase == Phase::Unsynced => true,
                None => self.answers[..at].contains(&Some(unit)),
            };
            if !done {
                return;
            }
            self.waiting.pop_front();
        }
    }

    /// Returns what this client sends for a unit, if it can send it at this point.
    fn what(&self, unit: usize) -> Option<What> {
        let Read::Message(message) = &self.recording.units[unit].read else {
            return None;
        };
        let text = String::from_utf8(message.text.clone()).ok()?;
        match self.client.phase() {
            Phase::Greeted if message.command()? == "qmp_capabilities" => {
                let arguments = message.member("arguments").map(String::from_utf8_lossy);
                match arguments.as_deref() {
                    None => Some(What::Negotiate { out_of_band: false }),
                    Some(r#"{"enable":["oob"]}"# | r#"{"enable": ["oob"]}"#) => {
                        Some(What::Negotiate { out_of_band: true })
                    }
                    Some(_) => None,
                }
            }
            Phase::Unsynced => is_sync(message).then_some(What::Sync),
            Phase::Ready => {
                RawMessage::parse(&text).ok()?;
                let token = u32::try_from(unit).unwrap();
                Some(What::Raw { text, token })
            }
            _ => None,
        }
    }

    /// Returns whether it can be sent now.
    fn send(&mut self, what: What, unit: Option<usize>) -> bool {
        let mut wire = crate::peer::Wire::default();
        if !what.send(&mut self.client, &mut wire) {
            return false;
        }
        let out: String = wire.bytes.iter().map(|&byte| byte as char).collect();
        let id = out.rsplit("\"id\":").next().unwrap();
        self.script.sends.push(Sending { after: self.script.observed.len(), what: what.clone() });
        if let Some(unit) = unit {
            self.sent.push(Sent { unit, id: id.trim_end().trim_end_matches('}').into(), what });
        }
        true
    }

    fn item(&mut self, at: usize) {
        let item = &self.recording.items[at];
        let sent = self.answers[at].and_then(|unit| {
            let place = self.sent.iter().position(|sent| sent.unit == unit)?;
            Some(self.sent.remove(place))
        });
        let start = self.script.stream.len();
        let line = &self.recording.stream[item.line.clone()];
        let edits = sent.as_ref().map(|sent| edits(item, sent)).unwrap_or_default();
        let rewritten = apply(line, &edits);
        for &end in &self.recording.received {
            if item.line.start < end && end <= item.line.end {
                self.script.received.push(start + moved(end - item.line.start, &edits));
            }
        }
        let said_before = self.script.observed.len();
        let text = String::from_utf8_lossy(&rewritten).trim_end().to_string();
        match (&item.kind, sent) {
            (Kind::Greeting, _) => self.greeted(),
            (Kind::Event(name), _) => self.script.observed.push(Observed::Event(name.clone())),
            (Kind::Noise, _) => self.script.observed.push(Observed::Malformed(text)),
            (Kind::Answer { outcome, .. }, Some(sent)) => self.answered(outcome, &sent),
            (Kind::Answer { .. }, None) if self.client.phase() == Phase::Syncing => {}
            (Kind::Answer { id, .. }, None) => {
                assert!(id.is_some() || self.client.in_flight() == 0, "whose is it?");
                self.script.observed.push(Observed::Stray(text));
            }
        }
        let observed = self.feed(&rewritten);
        let expected = &self.script.observed[said_before..];
        assert_eq!(observed, expected, "{}: item {at}", self.recording.name);
    }

    fn greeted(&mut self) {
        let first = self.client.phase() == Phase::Greeting;
        let observed = if first { Observed::Greeting } else { Observed::Restarted };
        self.script.observed.push(observed);
        let lost = self.sent.drain(..).filter_map(|sent| match sent.what {
            What::Raw { token, .. } => Some(Observed::unknown(token)),
            _ => None,
        });
        self.script.observed.extend(lost);
    }

    fn answered(&mut self, outcome: &Result<String, String>, sent: &Sent) {
        let observed = match (&sent.what, outcome) {
            (What::Raw { token, .. }, outcome) => Observed::Answer(*token, outcome.clone()),
            (_, Ok(_)) => Observed::Ready,
            (_, Err(error)) => Observed::HandshakeFailed(error.clone()),
        };
        self.script.observed.push(observed);
        // If replies are in order, earlier commands will not be answered.
        while !self.client.is_out_of_band()
            && self.sent.first().is_some_and(|it| it.unit < sent.unit)
        {
            let What::Raw { token, .. } = self.sent.remove(0).what else {
                continue;
            };
            let ending = qmp_proto::NoReplyReason::AsExpected;
            self.script.observed.push(Observed::Unanswered(token, ending));
        }
    }

    /// Feeds whole lines to the client, and returns what it received.
    fn feed(&mut self, bytes: &[u8]) -> Vec<Observed> {
        self.script.stream.extend_from_slice(bytes);
        let mut observed = Vec::new();
        let mut used = 0;
        loop {
            let step = self.client.handle_input(&bytes[used..]).unwrap();
            used += step.used;
            match step.received {
                Some(Received::Malformed(_)) => {
                    let text = String::from_utf8_lossy(bytes).trim_end().to_string();
                    observed.push(Observed::Malformed(text));
                }
                Some(received) => observed.push(Observed::new(received)),
                None => break,
            }
        }
        assert_eq!(used, bytes.len());
        observed
    }
}

fn is_sync(message: &Message) -> bool {
    message.command().as_deref() == Some("guest-sync-delimited")
}

/// Replaces the id of a reply, and the number of a sync reply.
fn edits(item: &Item, sent: &Sent) -> Vec<Edit> {
    let Kind::Answer { outcome, id } = &item.kind else {
        return Vec::new();
    };
    let message = item.message.start - item.line.start;
    let end = item.message.end - item.line.start;
    let mut edits = Vec::new();
    if let (What::Sync, Ok(number)) = (&sent.what, outcome) {
        let value = message + "{\"return\": ".len();
        edits.push(Edit { at: value..value + number.len(), text: sent.id.clone() });
    }
    edits.push(match (id, outcome) {
        (Some((text, range)), _) => {
            let length = if text == "1e9" { "inf".len() } else { range.len() };
            Edit {
                at: message + range.start..message + range.start + length,
                text: sent.id.clone(),
            }
        }
        (None, Ok(_)) => Edit { at: end - 1..end - 1, text: format!(", \"id\": {}", sent.id) },
        (None, Err(_)) => {
            Edit { at: message + 1..message + 1, text: format!("\"id\": {}, ", sent.id) }
        }
    });
    edits
}

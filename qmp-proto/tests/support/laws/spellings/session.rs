//! The messages of a whole session.

use serde_json::value::RawValue;

use super::choices::Choices;
use super::message::Message;
use super::print::{BETWEEN, Printer, Style};

pub(super) struct Session {
    pub(super) bytes: Vec<u8>,
    /// The written messages, and their ids.
    pub(super) messages: Vec<(String, Option<u64>)>,
}

impl Session {
    /// Creates a handshake with this number, and the messages after it.
    pub(super) fn any(choices: &mut Choices<'_>, agent: bool, number: u64) -> Self {
        let style = choices.one_in(2).then(|| Style::any(choices));
        let between = choices.one_in(2).then(|| choices.pick(BETWEEN));
        let mut session = Self { bytes: Vec::new(), messages: Vec::new() };
        let (mut clean, mut ids) = (String::new(), Vec::new());
        let mut say = |choices: &mut Choices<'_>, message: &Message, sentinel: bool| {
            let style = style.unwrap_or_else(|| Style::any(choices));
            let mut printer = Printer { choices, style, out: String::new() };
            printer.print(&message.value, 0);
            let text = printer.out;
            if sentinel {
                // An incomplete reply to another client is discarded.
                let half = choices.below(text.len());
                session.bytes.extend_from_slice(&text.as_bytes()[..half]);
                session.bytes.push(0xFF);
            }
            let end = between.unwrap_or_else(|| choices.pick(BETWEEN));
            for out in [&text, end] {
                session.bytes.extend_from_slice(out.as_bytes());
                clean += out;
            }
            ids.push(message.id);
        };
        if !agent {
            say(choices, &Message::greeting(), false);
        }
        say(choices, &Message::handshake(number), agent);
        let mut next = 0;
        for _ in 0..=choices.below(8) {
            let message = Message::any(choices, &mut next);
            let sentinel = agent && choices.one_in(6);
            say(choices, &message, sentinel);
        }
        // A parser of a stream of JSON values finds these.
        let texts = serde_json::Deserializer::from_str(&clean).into_iter::<Box<RawValue>>();
        let texts: Vec<String> = texts.map(|text| text.unwrap().get().to_string()).collect();
        assert_eq!(texts.len(), ids.len());
        session.messages = texts.into_iter().zip(ids).collect();
        session
    }
}

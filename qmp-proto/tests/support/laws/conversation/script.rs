//! The steps of a conversation, encoded as bytes.

use super::super::Corpus;
use super::super::meaning::members;
use crate::qemu::{Read, Server};

/// A step: an action and its text.
#[derive(Clone, Copy, Debug)]
pub(super) struct Step<'a> {
    pub(super) what: What,
    pub(super) text: &'a str,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum What {
    /// The client sends a command: its name, a blank, and its arguments.
    Execute,
    ExecuteOutOfBand,
    ExecuteWithDescriptor,
    /// The client sends the text as a raw message.
    ExecuteRaw,
    AbandonOldest,
    Sync,
    /// The server replies to the oldest or the newest command, with the text as the value.
    AnswerOldest,
    AnswerYoungest,
    /// An error: its class, a blank, its description.
    Fail,
    FailRaw,
    LeaveUnanswered,
    /// An event: its name, a blank, its data.
    Emit,
    /// Sets the number of bytes that are transferred after each step, by the length of the text.
    Carry,
}

impl What {
    const ALL: [(u8, Self); 13] = [
        (b'e', Self::Execute),
        (b'o', Self::ExecuteOutOfBand),
        (b'd', Self::ExecuteWithDescriptor),
        (b'r', Self::ExecuteRaw),
        (b'x', Self::AbandonOldest),
        (b's', Self::Sync),
        (b'a', Self::AnswerOldest),
        (b'y', Self::AnswerYoungest),
        (b'f', Self::Fail),
        (b'g', Self::FailRaw),
        (b'l', Self::LeaveUnanswered),
        (b'v', Self::Emit),
        (b'c', Self::Carry),
    ];
}

/// The most steps of one conversation.
const MOST: usize = 60;

pub(super) fn steps(script: &[u8]) -> impl Iterator<Item = Step<'_>> {
    script.split(|&byte| byte == 0).take(MOST).filter_map(|bytes| {
        let (letter, text) = bytes.split_first()?;
        let what = What::ALL.iter().find(|it| it.0 == *letter)?.1;
        Some(Step { what, text: std::str::from_utf8(text).ok()? })
    })
}

/// Seeds: the recorded requests, some recorded replies, and typical conversations.
pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    let answers = answers(corpus);
    let mut answers = answers.iter().cycle();
    let mut seeds = Vec::new();
    for (number, stream) in corpus.clients.iter().enumerate() {
        let mut script = vec![number as u8 & !1 | u8::from(stream.agent)];
        for read in Server::default().reads(&stream.bytes).into_iter().take(MOST / 4) {
            let Read::Message(message) = read else { continue };
            let arguments = message.member("arguments").unwrap_or(b"{}");
            let request = match (message.command(), number % 4) {
                (Some(name), 0 | 1) => [b"e", name.as_bytes(), b" ", arguments].concat(),
                (Some(name), 2) => [b"d", name.as_bytes(), b" ", arguments].concat(),
                (_, _) => [b"r", &message.text[..]].concat(),
            };
            script.extend_from_slice(&request);
            script.push(0);
            if number % 3 == 0 {
                script.extend_from_slice(b"oquery-yank {}\0");
            }
            for answer in answers.by_ref().take(2) {
                script.extend_from_slice(answer);
                script.push(0);
            }
            let extra: &[u8] = match number % 11 {
                0 => b"cxxxxxxx\0",
                1 => b"c\0x\0",
                2 => b"l\0",
                3 => b"s\0",
                _ => b"",
            };
            script.extend_from_slice(extra);
        }
        seeds.push(script);
    }
    seeds
}

/// Returns steps of the server, from recorded messages.
fn answers(corpus: &Corpus) -> Vec<Vec<u8>> {
    let mut answers = Vec::new();
    for line in corpus.lines().into_iter().filter(|line| line.len() < 300) {
        for (name, value) in members(line).unwrap_or_default() {
            let step = match &name[..] {
                "return" if answers.len() % 5 == 0 => format!("y{value}"),
                "return" => format!("a{value}"),
                "error" if answers.len() % 2 == 0 => format!("g{value}"),
                "error" => "fGenericError no, \"é\"".into(),
                "event" => format!("v{} {{\"a\":[{}]}}", value.trim_matches('"'), answers.len()),
                _ => continue,
            };
            answers.push(step.into_bytes());
        }
    }
    assert!(!answers.is_empty());
    answers
}

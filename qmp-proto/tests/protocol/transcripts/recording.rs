//! Recorded sessions, parsed without the code under test.

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use crate::data::from_hexadecimal;
use crate::qemu::{Read, Server};

/// A session, as the recording client saw it.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) agent: bool,
    /// The bytes that the server sent.
    pub(crate) stream: Vec<u8>,
    /// The ends of the receives in the stream.
    pub(crate) received: Vec<usize>,
    /// The units that the server read, in order.
    pub(crate) units: Vec<Unit>,
    /// The items that the server sent, in order.
    pub(crate) items: Vec<Item>,
    /// Whether the stream ended.
    pub(crate) ended: bool,
}

#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) read: Read,
    /// The number of bytes that the client had received when it sent the last byte of this.
    pub(crate) at: usize,
}

/// A line of the stream.
#[derive(Debug)]
pub(crate) struct Item {
    /// All bytes, including discarded ones before a sentinel and the line end.
    pub(crate) line: Range<usize>,
    /// The message in the line.
    pub(crate) message: Range<usize>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Greeting,
    Event(String),
    Answer {
        /// The value, or the class and description.
        outcome: Result<String, String>,
        /// The id and its position in the message.
        id: Option<(String, Range<usize>)>,
    },
    /// Bytes that are not a message.
    Noise,
}

#[derive(serde::Deserialize)]
struct Entry {
    dir: String,
    hex: String,
    event: Option<String>,
}

#[derive(serde::Deserialize)]
struct About {
    server: String,
}

pub(crate) fn recordings() -> Vec<Recording> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/transcripts");
    let index = std::fs::read_to_string(folder.join("index.json")).unwrap();
    let index: BTreeMap<String, About> = serde_json::from_str(&index).unwrap();
    let files = std::fs::read_dir(&folder).unwrap().count() - 1;
    assert_eq!(files, index.len(), "the index names all files");
    index
        .into_iter()
        .map(|(file, about)| {
            let text = std::fs::read_to_string(folder.join(&file)).unwrap();
            let name = file.trim_end_matches(".jsonl");
            Recording::new(name, about.server.contains("qemu-ga"), &text)
        })
        .collect()
}

impl Recording {
    fn new(name: &str, agent: bool, text: &str) -> Self {
        let (mut stream, mut received, mut units) = (Vec::new(), Vec::new(), Vec::new());
        let mut ended = false;
        let mut server = Server::default();
        let mut escaped = false;
        for line in text.lines() {
            let entry: Entry = serde_json::from_str(line).unwrap();
            let mut bytes = from_hexadecimal(&entry.hex);
            match (&entry.dir[..], entry.event.as_deref()) {
                ("c2s", Some("close")) => server = Server::default(),
                ("s2c", Some("eof" | "reset")) => ended = true,
                ("s2c", None) => {
                    stream.extend_from_slice(&bytes);
                    received.push(stream.len());
                }
                ("c2s", None) => {
                    if name.starts_with("mux") {
                        // The multiplexer removes 0x01 and the byte after it.
                        bytes.retain(|&byte| {
                            !std::mem::replace(&mut escaped, byte == 1) && byte != 1
                        });
                    }
                    units.extend(
                        server
                            .reads(&bytes)
                            .into_iter()
                            .map(|read| Unit { read, at: stream.len() }),
                    );
                }
                other => panic!("{name}: {other:?}"),
            }
        }
        Self {
            name: name.into(),
            agent,
            items: items(&stream, agent),
            stream,
            received,
            units,
            ended,
        }
    }

    pub(crate) fn text(&self, range: Range<usize>) -> &[u8] {
        &self.stream[range]
    }
}

/// Splits the stream at its line ends, which all recorded servers send.
fn items(stream: &[u8], agent: bool) -> Vec<Item> {
    let mut items = Vec::new();
    let mut start = 0;
    for line in stream.split_inclusive(|&byte| byte == b'\n') {
        let range = start..start + line.len();
        start = range.end;
        let sentinel = line.iter().rposition(|&byte| agent && byte == 0xFF);
        let message = sentinel.map_or(0, |at| at + 1)..line.trim_ascii_end().len();
        if message.is_empty() {
            continue;
        }
        items.push(Item {
            kind: kind(&line[message.clone()]),
            message: range.start + message.start..range.start + message.end,
            line: range,
        });
    }
    items
}

fn kind(message: &[u8]) -> Kind {
    // For the id 1e400 a server writes invalid JSON.
    let text = String::from_utf8_lossy(message).replace("\"id\": inf", "\"id\": 1e9");
    let Ok(members) = serde_json::from_str::<BTreeMap<String, &RawValue>>(&text) else {
        return Kind::Noise;
    };
    let range = |raw: &RawValue| {
        let at = raw.get().as_ptr().addr() - text.as_ptr().addr();
        at..at + raw.get().len()
    };
    let id = members.get("id").map(|id| (id.get().to_string(), range(id)));
    if members.contains_key("QMP") {
        Kind::Greeting
    } else if let Some(event) = members.get("event") {
        Kind::Event(serde_json::from_str(event.get()).unwrap())
    } else if let Some(success) = members.get("return") {
        let outcome = Ok(success.get().to_string());
        Kind::Answer { outcome, id }
    } else {
        let error: BTreeMap<String, String> = serde_json::from_str(members["error"].get()).unwrap();
        let outcome = Err(format!("{}: {}", error["class"], error["desc"]));
        Kind::Answer { outcome, id }
    }
}

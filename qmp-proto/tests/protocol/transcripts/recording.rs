//! Recorded sessions, taken apart without any of the code under test.

use serde_json::value::RawValue;
use std::collections::BTreeMap;
use std::ops::Range;
use std::path::Path;

use crate::data::from_hexadecimal;
use crate::qemu::{Read, Server};

/// One session, as it was seen by the client that recorded it.
#[derive(Debug)]
pub(crate) struct Recording {
    pub(crate) name: String,
    pub(crate) agent: bool,
    /// What the server sent.
    pub(crate) stream: Vec<u8>,
    /// Where each of the receives ended in it.
    pub(crate) received: Vec<usize>,
    /// What the server read, in its order.
    pub(crate) units: Vec<Unit>,
    /// What the server said, in its order.
    pub(crate) items: Vec<Item>,
    /// The stream ended.
    pub(crate) ended: bool,
}

#[derive(Debug)]
pub(crate) struct Unit {
    pub(crate) read: Read,
    /// How much of the stream the client had received when the last byte of this was sent.
    pub(crate) at: usize,
}

/// One line of the stream.
#[derive(Debug)]
pub(crate) struct Item {
    /// All of its bytes, what is void before a sentinel and the line end included.
    pub(crate) line: Range<usize>,
    /// The message in it.
    pub(crate) message: Range<usize>,
    pub(crate) kind: Kind,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum Kind {
    Greeting,
    Event(String),
    Answer {
        /// The value, or class and description.
        outcome: Result<String, String>,
        /// The id, and where it stands in the message.
        id: Option<(String, Range<usize>)>,
    },
    /// No message at all.
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
                        // There, 0x01 takes itself and the next byte away.
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

/// Parts the stream at its line ends, which all recorded servers write.
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
    // A server that was asked to echo 1e400 writes what is no JSON.
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

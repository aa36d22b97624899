//! The vectors and recorded sessions that fit into inputs of a fuzzer.

use std::path::Path;

use crate::data::{Protocol, client_vectors, from_hexadecimal};
use crate::qemu::{Message, Read, Server};

/// The length of the longest stream of a seed.
const LONGEST: usize = 2000;

pub(crate) struct Corpus {
    /// Streams of servers.
    pub(super) servers: Vec<Stream>,
    /// Streams of clients.
    pub(super) clients: Vec<Stream>,
}

#[derive(Clone, Debug)]
pub(super) struct Stream {
    pub(super) agent: bool,
    /// Whether capabilities were negotiated, and whether `oob` was enabled.
    pub(super) negotiated: Option<bool>,
    pub(super) bytes: Vec<u8>,
    /// The interesting positions to cut the stream at.
    pub(super) cuts: Vec<usize>,
}

#[derive(serde::Deserialize)]
struct ServerVector {
    state: String,
    input_hex: String,
    #[serde(default)]
    chunks: Vec<usize>,
}

#[derive(serde::Deserialize)]
struct Broken {
    /// Each character is one byte.
    input: String,
}

#[derive(serde::Deserialize)]
struct Entry {
    dir: String,
    hex: String,
    event: Option<String>,
}

impl Corpus {
    /// Reads `qmp-proto/tests/data`.
    pub(crate) fn read(data: &Path) -> Self {
        let mut corpus = Self { servers: Vec::new(), clients: Vec::new() };
        corpus.take_vectors(data);
        corpus.take_broken(data);
        let mut files: Vec<_> = std::fs::read_dir(data.join("transcripts"))
            .unwrap()
            .map(|file| file.unwrap().path())
            .filter(|file| file.extension().is_some_and(|extension| extension == "jsonl"))
            .collect();
        files.sort();
        assert!(!files.is_empty());
        for file in files {
            let agent = file.file_name().unwrap().to_str().unwrap().starts_with("qga");
            corpus.take_recording(agent, &std::fs::read_to_string(file).unwrap());
        }
        corpus
    }

    fn take_vectors(&mut self, data: &Path) {
        self.servers.extend(client_vectors().into_iter().map(|vector| Stream {
            agent: vector.protocol == Protocol::Qga,
            negotiated: None,
            bytes: vector.input,
            cuts: vector.chunks,
        }));
        let vectors = std::fs::read(data.join("vectors/server.json")).unwrap();
        let vectors: Vec<ServerVector> = serde_json::from_slice(&vectors).unwrap();
        self.clients.extend(vectors.into_iter().map(|vector| Stream {
            agent: vector.state == "qga",
            negotiated: match &vector.state[..] {
                "command" => Some(false),
                "command+oob" => Some(true),
                _ => None,
            },
            bytes: from_hexadecimal(&vector.input_hex),
            cuts: vector.chunks,
        }));
    }

    fn take_broken(&mut self, data: &Path) {
        let broken = std::fs::read(data.join("vectors/broken.json")).unwrap();
        let broken: Vec<Broken> = serde_json::from_slice(&broken).unwrap();
        let bytes = |text: &str| text.chars().map(|char| u8::try_from(char).unwrap()).collect();
        let inputs = broken.iter().map(|broken| bytes(&broken.input));
        self.clients.extend(inputs.filter(|bytes: &Vec<u8>| bytes.len() <= LONGEST).map(|bytes| {
            let cuts = (0..bytes.len()).step_by(7).skip(1).collect();
            Stream { agent: false, negotiated: Some(false), bytes, cuts }
        }));
    }

    /// Splits a recorded session into streams that are short enough.
    fn take_recording(&mut self, agent: bool, text: &str) {
        let (mut server, mut client) = (Pieces::new(agent), Pieces::new(agent));
        for line in text.lines() {
            let entry: Entry = serde_json::from_str(line).unwrap();
            let bytes = from_hexadecimal(&entry.hex);
            match (&entry.dir[..], entry.event) {
                ("s2c", None) => {
                    bytes.split_inclusive(|&byte| byte == b'\n').for_each(|it| server.add(it));
                }
                ("c2s", None) => client.add(&bytes),
                _ => {}
            }
        }
        self.servers.extend(server.done());
        self.clients.extend(client.done());
    }

    /// Returns the messages of clients.
    pub(super) fn requests(&self) -> Vec<Message> {
        let mut requests = Vec::new();
        for stream in &self.clients {
            requests.extend(Server::default().reads(&stream.bytes).into_iter().filter_map(|it| {
                match it {
                    Read::Message(message) => Some(message),
                    _ => None,
                }
            }));
        }
        requests
    }

    /// Returns the lines of servers.
    pub(super) fn lines(&self) -> Vec<&[u8]> {
        self.servers
            .iter()
            .flat_map(|stream| stream.bytes.split(|&byte| byte == b'\n'))
            .map(|line| line.trim_ascii_end())
            .filter(|line| !line.is_empty())
            .collect()
    }
}

/// Joins pieces to streams.
struct Pieces {
    agent: bool,
    streams: Vec<Stream>,
}

impl Pieces {
    const fn new(agent: bool) -> Self {
        Self { agent, streams: Vec::new() }
    }

    fn add(&mut self, piece: &[u8]) {
        if piece.len() > LONGEST {
            return;
        }
        match self.streams.last_mut() {
            Some(stream) if stream.bytes.len() + piece.len() <= LONGEST => {
                stream.cuts.push(stream.bytes.len());
                stream.bytes.extend_from_slice(piece);
            }
            _ => self.streams.push(Stream {
                agent: self.agent,
                negotiated: None,
                bytes: piece.to_vec(),
                cuts: Vec::new(),
            }),
        }
    }

    fn done(self) -> Vec<Stream> {
        self.streams
    }
}

//! Runs every recorded session with the client inside WebAssembly and with the same client outside:
//! the output of both is the same, although one has 32-bit addresses and the other 64-bit ones.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::indexing_slicing)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::str;

use serde::Deserialize;
use wasm_client::Narrator;
use wasm_host::Running;

const ROOM: usize = 512 * 1024;

#[derive(Deserialize)]
struct About {
    server: String,
}

#[derive(Deserialize)]
struct Entry {
    dir: String,
    hex: String,
}

impl Entry {
    fn bytes(&self) -> Vec<u8> {
        let digits = self.hex.as_bytes().chunks(2);
        digits.map(|two| u8::from_str_radix(str::from_utf8(two).unwrap(), 16).unwrap()).collect()
    }
}

fn module() -> PathBuf {
    std::env::var_os("QMP_WASM_MODULE").expect("`cargo xtask firmware` sets QMP_WASM_MODULE").into()
}

/// Returns the sessions by name, and whether each is an agent's.
fn sessions() -> BTreeMap<String, (bool, Vec<Entry>)> {
    let data =
        Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../qmp-proto/tests/data/transcripts");
    let index = std::fs::read_to_string(data.join("index.json")).unwrap();
    let index: BTreeMap<String, About> = serde_json::from_str(&index).unwrap();
    let session = |(name, about): (String, About)| {
        let text = std::fs::read_to_string(data.join(&name)).unwrap();
        let entries = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        (name, (about.server.contains("qemu-ga"), entries))
    };
    index.into_iter().map(session).collect()
}

#[test]
fn the_module_reports_every_session_like_the_library() {
    let mut module = Running::load(&module()).unwrap();
    let mut told: BTreeMap<String, usize> = BTreeMap::new();
    let (mut input, mut report) = (vec![0; ROOM], vec![0; ROOM]);
    for (name, (agent, entries)) in sessions() {
        module.start(agent).unwrap();
        let new = if agent { Narrator::agent } else { Narrator::monitor };
        let mut narrator = new(&mut input, &mut report);
        for entry in entries {
            let bytes = entry.bytes();
            let inside = if entry.dir == "s2c" {
                narrator.room()[..bytes.len()].copy_from_slice(&bytes);
                narrator.receive(bytes.len());
                module.receive(&bytes).unwrap()
            } else {
                let text = str::from_utf8(&bytes).unwrap_or_default();
                narrator.send(if text.len() > 4096 { "" } else { text });
                module.send(&bytes).unwrap()
            };
            let outside = str::from_utf8(narrator.report()).unwrap();
            assert_eq!(inside, outside, "{name}");
            for line in outside.lines() {
                let what = line.split([':', ' ']).next().unwrap();
                *told.entry(what.to_owned()).or_default() += 1;
            }
            narrator.clear();
        }
        narrator.end();
        assert_eq!(module.end().unwrap(), str::from_utf8(narrator.report()).unwrap(), "{name}");
    }
    // Without ids one command can be in flight at a time, and the others are "refused". A reply with
    // the id of a recorded command is "stray", unless it is ours by chance. With "handshake" the
    // handshake has failed, because an error without an id came first.
    let expected = [
        ("error", 16),
        ("event", 204),
        ("greeting", 24),
        ("handshake", 11),
        ("malformed", 10),
        ("ready", 20),
        ("refused", 360),
        ("restarted", 1),
        ("sent", 123),
        ("stray", 1459),
        ("success", 18),
        ("unanswered", 1),
    ];
    assert_eq!(told, expected.map(|(what, count)| (what.to_owned(), count)).into());
}

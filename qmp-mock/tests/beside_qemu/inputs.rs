//! What is sent to both.

use serde::Deserialize;

use crate::mutations::Mutations;

/// The inputs that are kept, in `qmp-proto/tests/data`.
const KEPT: &str = include_str!("../../../qmp-proto/tests/data/vectors/broken.json");

#[derive(Deserialize)]
struct Named {
    name: String,
    /// A character is a byte.
    input: String,
}

/// One thing to send.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// The inputs that are kept.
pub(crate) fn kept() -> Vec<Input> {
    let kept: Vec<Named> = serde_json::from_str(KEPT).unwrap();
    let bytes = |text: &str| text.chars().map(|char| u8::try_from(char).unwrap()).collect();
    kept.into_iter().map(|Named { name, input }| Input { name, bytes: bytes(&input) }).collect()
}

/// Those and mutations of them, as many as this, the same in every run.
pub(crate) fn many(count: usize) -> Vec<Input> {
    let mut inputs = kept();
    let seeds: Vec<Vec<u8>> = inputs
        .iter()
        .map(|input| input.bytes.clone())
        // A bomb of brackets takes its time.
        .filter(|bytes| bytes.len() < 1000)
        .collect();
    let mut mutations = Mutations::new(1, &seeds);
    inputs.extend((inputs.len()..count).map(|number| {
        let bytes = mutations.next();
        Input { name: format!("{number}: {}", bytes.escape_ascii()), bytes }
    }));
    inputs
}

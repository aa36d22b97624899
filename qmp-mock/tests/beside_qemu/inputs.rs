//! The inputs for both servers.

use serde::Deserialize;

use crate::mutations::Mutations;

/// The stored inputs, in `qmp-proto/tests/data`.
const KEPT: &str = include_str!("../../../qmp-proto/tests/data/vectors/broken.json");

#[derive(Deserialize)]
struct Named {
    name: String,
    /// Each character is a byte.
    input: String,
}

/// One input.
pub(crate) struct Input {
    pub(crate) name: String,
    pub(crate) bytes: Vec<u8>,
}

/// Returns the stored inputs.
pub(crate) fn kept() -> Vec<Input> {
    let kept: Vec<Named> = serde_json::from_str(KEPT).unwrap();
    let bytes = |text: &str| text.chars().map(|char| u8::try_from(char).unwrap()).collect();
    kept.into_iter().map(|Named { name, input }| Input { name, bytes: bytes(&input) }).collect()
}

/// Returns the stored inputs and mutations of them, `count` in total, the same in every run.
pub(crate) fn many(count: usize) -> Vec<Input> {
    let mut inputs = kept();
    let seeds: Vec<Vec<u8>> = inputs
        .iter()
        .map(|input| input.bytes.clone())
        // A huge number of brackets takes long.
        .filter(|bytes| bytes.len() < 1000)
        .collect();
    let mut mutations = Mutations::new(1, &seeds);
    inputs.extend((inputs.len()..count).map(|number| {
        let bytes = mutations.next();
        Input { name: format!("{number}: {}", bytes.escape_ascii()), bytes }
    }));
    inputs
}

//! The vectors in `tests/data/vectors`: messages of a server, and what a client receives.

use serde::Deserialize;
use serde_json::Value;
// The unit tests of a crate without std's prelude include this file, too.
use std::string::String;
use std::vec;
use std::vec::Vec;

/// A vector of `client.json`.
#[derive(Clone, Debug, Deserialize)]
pub(crate) struct Vector {
    pub(crate) name: String,
    pub(crate) protocol: Protocol,
    #[serde(rename = "input_hex", deserialize_with = "hexadecimal")]
    pub(crate) input: Vec<u8>,
    /// The interesting positions to split the input at.
    #[serde(default)]
    pub(crate) chunks: Vec<usize>,
    /// Whether the stream ends after the input.
    #[serde(default, rename = "then", deserialize_with = "end_of_stream")]
    pub(crate) ends: bool,
    #[serde(default)]
    pub(crate) limits: Limits,
    pub(crate) expect: Vec<Value>,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Protocol {
    Qmp,
    Qga,
}

#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(default)]
pub(crate) struct Limits {
    pub(crate) max_message: usize,
    pub(crate) max_depth: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_message: 65 * 1024 * 1024, max_depth: 1024 }
    }
}

pub(crate) fn client_vectors() -> Vec<Vector> {
    let vectors: Vec<Vector> =
        serde_json::from_str(include_str!("../data/vectors/client.json")).unwrap();
    assert_eq!(vectors.len(), 78, "a vector was lost or added");
    vectors
}

/// Returns bytes in all the pieces in which every vector is tested; `own` are the vector's
/// positions.
pub(crate) fn chunkings<'a>(input: &'a [u8], own: &[usize]) -> Vec<Vec<&'a [u8]>> {
    let mut ways = vec![vec![input], input.chunks(1).collect()];
    ways.extend((1..input.len()).map(|at| vec![&input[..at], &input[at..]]));
    let mut pieces = Vec::new();
    let mut start = 0;
    for &at in own {
        pieces.push(&input[start..at]);
        start = at;
    }
    pieces.push(&input[start..]);
    ways.push(pieces);
    ways
}

impl Vector {
    /// Returns the input in all the pieces in which every vector is tested.
    pub(crate) fn chunkings(&self) -> Vec<Vec<&[u8]>> {
        chunkings(&self.input, &self.chunks)
    }

    /// Returns a message that can follow the input, if the input has an end.
    pub(crate) fn trailer(&self) -> Option<&'static [u8]> {
        match (&self.input.last(), self.protocol) {
            (Some(b'\n'), Protocol::Qmp) => Some(b"{\"return\": \"trailer\", \"id\": 99}\r\n"),
            (Some(b'\n'), Protocol::Qga) => Some(b"{\"return\": \"trailer\", \"id\": 99}\n"),
            _ => None,
        }
    }
}

pub(crate) fn trailer_item() -> Value {
    serde_json::json!({"return": "trailer", "id": 99})
}

/// Returns whether the observed items equal the expected ones, which abbreviate deep nesting.
pub(crate) fn same(observed: &[Value], expected: &[Value]) -> bool {
    observed.len() == expected.len()
        && observed.iter().zip(expected).all(|(observed, expected)| {
            let mut expected = expected.clone();
            if let Some(levels) = expected.pointer("/return/$nested_arrays") {
                let levels = usize::try_from(levels.as_u64().unwrap()).unwrap();
                expected["return"] = (nested_arrays(levels)).into();
            }
            *observed == expected
        })
}

/// Returns a value in the format of the vectors: one that is too deep is its text.
pub(crate) fn value(text: &str) -> Value {
    if text.starts_with("[[[[") {
        return text.into();
    }
    serde_json::from_str(text).unwrap()
}

pub(crate) fn nested_arrays(levels: usize) -> String {
    "[".repeat(levels) + &"]".repeat(levels)
}

pub(crate) fn from_hexadecimal(text: &str) -> Vec<u8> {
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
    text.as_bytes().chunks(2).map(|pair| digit(pair[0]) << 4 | digit(pair[1])).collect()
}

fn hexadecimal<'de, D: serde::Deserializer<'de>>(from: D) -> Result<Vec<u8>, D::Error> {
    String::deserialize(from).map(|text| from_hexadecimal(&text))
}

fn end_of_stream<'de, D: serde::Deserializer<'de>>(from: D) -> Result<bool, D::Error> {
    let text = String::deserialize(from)?;
    assert_eq!(text, "eof");
    Ok(true)
}

//! The laws of `qmp-proto/tests/support/laws`, for libFuzzer.

// Laws panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

#[path = "../../qmp-proto/tests/support/vectors.rs"]
#[allow(dead_code)]
mod data;
#[path = "../../qmp-proto/tests/support/laws/mod.rs"]
mod laws;
#[path = "../../qmp-proto/tests/support/qemu/mod.rs"]
#[allow(dead_code)]
mod qemu;

use std::path::Path;

/// Checks a law with an input.
///
/// # Panics
///
/// Panics if the law does not hold or there is no law of this name.
pub fn try_law(name: &str, input: &[u8]) {
    let law = laws::LAWS.iter().find(|law| law.name == name).expect("a law");
    (law.holds)(input);
}

/// The name of each law, and its seeds.
pub fn seeds() -> Vec<(&'static str, Vec<Vec<u8>>)> {
    let data = Path::new(env!("CARGO_MANIFEST_DIR")).join("../qmp-proto/tests/data");
    let corpus = laws::Corpus::read(&data);
    laws::LAWS.iter().map(|law| (law.name, (law.seeds)(&corpus))).collect()
}

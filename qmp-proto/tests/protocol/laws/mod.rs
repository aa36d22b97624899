//! Laws for all input and output, tested with generated cases.

mod chunking;
mod sending;
mod table;

/// The number of cases for a law, which `PROPTEST_CASES` overrides.
fn config(cases: u32) -> proptest::prelude::ProptestConfig {
    let default = proptest::prelude::ProptestConfig::default();
    let overridden = std::env::var_os("PROPTEST_CASES").is_some();
    proptest::prelude::ProptestConfig {
        cases: if overridden { default.cases } else { cases },
        failure_persistence: None,
        ..default
    }
}

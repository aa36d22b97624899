//! What holds for all input and all output, tried on a great deal of it.

mod chunking;
mod conversation;
mod oracle;
mod sloppy;
mod soup;

/// How often a law is tried; `PROPTEST_CASES` overrides it.
fn config(cases: u32) -> proptest::prelude::ProptestConfig {
    let default = proptest::prelude::ProptestConfig::default();
    let overridden = std::env::var_os("PROPTEST_CASES").is_some();
    proptest::prelude::ProptestConfig {
        cases: if overridden { default.cases } else { cases },
        failure_persistence: None,
        ..default
    }
}

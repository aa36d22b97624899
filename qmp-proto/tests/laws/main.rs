//! The laws of `tests/support/laws`, tested with all seeds and with mutations of them.
//!
//! `LAWS_ROUNDS` sets the number of mutations for each law, and `LAWS_SEED` their seed. The
//! fuzzer in the repository's folder `fuzz` tests the same laws for hours.

// Helpers panic as tests do.
#![allow(clippy::unwrap_used, clippy::expect_used)]

// Parts of these modules are used only by other tests.
#[path = "../support/vectors.rs"]
#[allow(dead_code)]
mod data;
#[path = "../support/laws/mod.rs"]
mod laws;
mod mutations;
#[path = "../support/qemu/mod.rs"]
#[allow(dead_code)]
mod qemu;

use std::path::Path;

use laws::{Corpus, LAWS};
use mutations::Mutations;

fn try_law(name: &str) {
    let law = LAWS.iter().find(|law| law.name == name).unwrap();
    let corpus = Corpus::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data"));
    let seeds = (law.seeds)(&corpus);
    assert!(seeds.len() >= 50, "{} seeds only", seeds.len());
    for seed in &seeds {
        try_on(law.holds, seed);
    }
    let number = |name: &str, default| {
        std::env::var(name).map_or(default, |text| text.parse().expect("a number"))
    };
    let mut mutations = Mutations::new(number("LAWS_SEED", 1), &seeds);
    for _ in 0..number("LAWS_ROUNDS", 5000) {
        try_on(law.holds, &mutations.next());
    }
}

fn try_on(holds: fn(&[u8]), input: &[u8]) {
    /// Prints the input if the law is violated.
    struct Shown<'a>(&'a [u8]);
    impl Drop for Shown<'_> {
        fn drop(&mut self) {
            if std::thread::panicking() {
                eprintln!("the input: b\"{}\"", self.0.escape_ascii());
            }
        }
    }
    let _shown = Shown(input);
    holds(input);
}

macro_rules! laws {
    ($($name:ident: $of:literal,)*) => {
        $(#[test]
        fn $name() {
            try_law($of);
        })*

        #[test]
        fn every_law_is_tested() {
            let tried = [$($of),*];
            assert!(LAWS.iter().map(|law| law.name).eq(tried));
        }
    };
}

laws! {
    what_a_client_hears_does_not_depend_on_cuts: "client_chunks",
    what_a_server_hears_does_not_depend_on_cuts: "server_chunks",
    any_spelling_of_legal_messages_is_understood: "spellings",
    a_message_is_split_as_serde_json_splits_it: "split",
    a_server_reads_what_qemu_reads: "server_reads",
    what_a_client_sends_is_one_message: "requests",
    what_a_server_sends_is_one_message: "responses",
    both_halves_understand_each_other: "conversation",
}

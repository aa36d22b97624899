//! The results as a table.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::Instant;

use super::PLENTY;

/// The document that the results are compared with.
const DOCUMENT: &str =
    include_str!(concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/hostile-peers.md"));

/// A table with a row for each peer: what it does, what the user sees, and the peak of memory.
pub(super) struct Report {
    title: String,
    rows: Vec<String>,
    failed: Vec<String>,
}

impl Report {
    pub(super) const fn new(title: String) -> Self {
        Self { title, rows: Vec::new(), failed: Vec::new() }
    }

    /// Runs a case, which returns its peak of memory in bytes.
    pub(super) fn add(&mut self, does: &str, says: &str, most: usize, run: impl FnOnce() -> usize) {
        let started = Instant::now();
        // A failed case does not stop the others.
        match catch_unwind(AssertUnwindSafe(run)) {
            Ok(peak) => {
                self.rows.push(format!("| {does} | {says} | {} |", kibibytes(peak)));
                if peak > most {
                    self.failed.push(format!("{does}: {peak} bytes, where {most} are allowed"));
                }
            }
            Err(_) => self.failed.push(format!("{does}: see above")),
        }
        let took = started.elapsed();
        if took > PLENTY {
            self.failed.push(format!("{does}: it took {took:.1?}"));
        }
        let told = format!("| {does} | {says} |");
        if !DOCUMENT.contains(&told) {
            self.failed.push(format!("docs/hostile-peers.md lacks: {told}"));
        }
    }

    pub(super) fn finish(self) {
        println!("\nHostile {}:\n", self.title);
        self.rows.iter().for_each(|row| println!("{row}"));
        assert!(self.failed.is_empty(), "{:#?}", self.failed);
    }
}

fn kibibytes(bytes: usize) -> String {
    match bytes >> 10 {
        few @ ..10_000 => format!("{few} KiB"),
        many => format!("{} MiB", many >> 10),
    }
}

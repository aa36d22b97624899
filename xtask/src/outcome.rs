//! The outcome of a check that did not fail.

/// A check that cannot run here is never skipped silently: it reports why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Outcome {
    Passed,
    NotRun(String),
}

impl Outcome {
    /// For a check of several parts, some of which may not have run.
    pub(crate) fn unless(not_run: Vec<String>) -> Self {
        if not_run.is_empty() { Self::Passed } else { Self::NotRun(not_run.join("; ")) }
    }

    /// For a check that was requested by itself.
    pub(crate) fn report(&self, name: &str) {
        match self {
            Self::Passed => println!("{name}: ok"),
            Self::NotRun(why) => println!("not run: {name}: {why}"),
        }
    }
}

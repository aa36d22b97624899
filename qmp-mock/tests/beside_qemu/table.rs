//! How often replies differ, and how often the document states it.

use std::collections::BTreeMap;

use crate::broken::Kind;

/// The document.
const DOCUMENT: &str = include_str!("../../../docs/broken-input.md");

#[derive(Debug, Default, PartialEq)]
pub(crate) struct Counts(BTreeMap<Kind, usize>);

impl Counts {
    pub(crate) fn add(&mut self, kind: Kind) {
        *self.0.entry(kind).or_default() += 1;
    }

    /// Compares this with the column of a version in the document.
    pub(crate) fn check(&self, version: &str) {
        assert_eq!(*self, Self::documented(version), "QEMU {version}: docs/broken-input.md");
    }

    fn documented(version: &str) -> Self {
        let cells = |line: &'static str| line.split('|').map(str::trim).collect::<Vec<_>>();
        let head = DOCUMENT.lines().find(|line| line.contains("| 5.2 |")).unwrap();
        let column = cells(head).iter().position(|cell| *cell == version).unwrap();
        let count = |(kind, name)| {
            let row = format!("| {name} |");
            let line = DOCUMENT.lines().find(|line| line.starts_with(&row))?;
            let count: usize = cells(line)[column].parse().unwrap();
            (count > 0).then_some((kind, count))
        };
        let kinds = [
            (Kind::Same, "none"),
            (Kind::Complaints, "other complaints"),
            (Kind::Fewer, "fewer requests"),
            (Kind::More, "more requests"),
            (Kind::Other, "other requests"),
        ];
        Self(kinds.into_iter().filter_map(count).collect())
    }
}

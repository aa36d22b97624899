//! Changes inside a line, with a mapping of positions.

use std::ops::Range;

/// A change of one place in a line.
pub(super) struct Edit {
    pub(super) at: Range<usize>,
    pub(super) text: String,
}

pub(super) fn apply(line: &[u8], edits: &[Edit]) -> Vec<u8> {
    let mut rewritten = line.to_vec();
    for edit in edits.iter().rev() {
        rewritten.splice(edit.at.clone(), edit.text.bytes());
    }
    rewritten
}

/// Returns the position after the edits of a position before them.
pub(super) fn moved(at: usize, edits: &[Edit]) -> usize {
    let mut new = at;
    for edit in edits {
        if at >= edit.at.end {
            new = new + edit.text.len() - edit.at.len();
        } else if at > edit.at.start {
            new = new - (at - edit.at.start) + (at - edit.at.start).min(edit.text.len());
        }
    }
    new
}

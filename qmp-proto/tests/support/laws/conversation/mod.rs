//! Both halves, connected in memory, understand each other: every request that is sent is received
//! as it was meant, every answer comes to whom it is for, every event as it was emitted, and what
//! has no answer is given back.

mod ledger;
mod pair;
mod script;
mod take;

use super::Corpus;
use pair::Pair;
use script::steps;

/// Bytes: a choice of options, then the steps of a conversation, which zeros part.
pub(super) fn holds(input: &[u8]) {
    let Some((&choice, script)) = input.split_first() else { return };
    let mut pair = Pair::ready(choice);
    for step in steps(script) {
        pair.take(step);
        pair.carry();
    }
    pair.finish();
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    script::seeds(corpus)
}

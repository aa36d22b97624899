//! Client and server, connected in memory: every request is received as it was sent, every reply is
//! matched to its request, every event is received as it was emitted, and unanswered requests are
//! returned.

mod ledger;
mod pair;
mod script;
mod take;

use super::Corpus;
use pair::Pair;
use script::steps;

/// The input consists of a choice of options and the steps of a conversation, separated by zeros.
pub(super) fn holds(input: &[u8]) {
    let Some((&choice, script)) = input.split_first() else { return };
    let mut pair = Pair::ready(choice);
    for step in steps(script) {
        pair.take(step);
        pair.transfer();
    }
    pair.finish();
}

pub(super) fn seeds(corpus: &Corpus) -> Vec<Vec<u8>> {
    script::seeds(corpus)
}

//! What holds for any bytes at all, each law stated once.
//!
//! A law makes of some bytes whatever it needs and panics where it does not hold. Plain tests try
//! the laws on what is in `tests/data` and on mutations of it; the fuzzer in the repository's folder
//! `fuzz` begins with the same seeds and goes on for as long as it is let.

mod client_chunks;
mod conversation;
mod corpus;
mod cuts;
mod meaning;
mod requests;
mod responses;
mod server_chunks;
mod server_reads;
mod spellings;
mod split;

pub(crate) use corpus::Corpus;

/// One law.
pub(crate) struct Law {
    /// What the fuzzer's target is called.
    pub(crate) name: &'static str,
    /// Panics where the law does not hold.
    pub(crate) holds: fn(&[u8]),
    /// Bytes to begin with.
    pub(crate) seeds: fn(&Corpus) -> Vec<Vec<u8>>,
}

pub(crate) const LAWS: [Law; 8] = [
    Law { name: "client_chunks", holds: client_chunks::holds, seeds: client_chunks::seeds },
    Law { name: "server_chunks", holds: server_chunks::holds, seeds: server_chunks::seeds },
    Law { name: "spellings", holds: spellings::holds, seeds: spellings::seeds },
    Law { name: "split", holds: split::holds, seeds: split::seeds },
    Law { name: "server_reads", holds: server_reads::holds, seeds: server_reads::seeds },
    Law { name: "requests", holds: requests::holds, seeds: requests::seeds },
    Law { name: "responses", holds: responses::holds, seeds: responses::seeds },
    Law { name: "conversation", holds: conversation::holds, seeds: conversation::seeds },
];

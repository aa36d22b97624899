//! Laws for all inputs, each stated once.
//!
//! A law decodes its parameters from bytes, and panics if it is violated. Tests run the laws on the
//! data in `tests/data` and on mutations of it; the fuzzer in the repository's folder `fuzz` starts
//! with the same seeds and runs until it is stopped.

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

/// A law.
pub(crate) struct Law {
    /// The name of the fuzzer's target.
    pub(crate) name: &'static str,
    /// Panics if the law is violated.
    pub(crate) holds: fn(&[u8]),
    /// Returns the seeds.
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

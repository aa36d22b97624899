//! The random part of a connection's first id.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::process;
use std::time::SystemTime;

/// A number that no earlier connection has used and nobody can foresee.
///
/// An answer left over from the previous client of a socket must not look like the answer to this
/// client's negotiation: the core's clients take this number to make their first id their own.
///
/// It is a keyed hash whose key the standard library draws from the system's random source; the
/// process and the time are hashed in, since a forked process has its parent's key.
pub fn nonce() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u32(process::id());
    if let Ok(time) = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH) {
        hasher.write_u128(time.as_nanos());
    }
    hasher.finish()
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;
    use std::thread;

    use super::*;

    #[test]
    fn nonces_of_several_threads_all_differ() {
        let threads: Vec<_> =
            (0..4).map(|_| thread::spawn(|| (0..1000).map(|_| nonce()).collect())).collect();
        let lists: Vec<Vec<u64>> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        let distinct: HashSet<u64> = lists.into_iter().flatten().collect();
        assert_eq!(distinct.len(), 4000);
    }
}

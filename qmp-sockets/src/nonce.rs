//! The random part of a connection's first id.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher, Hasher};
use std::process;
use std::time::SystemTime;

/// Returns a number that no earlier connection has used and that cannot be predicted.
///
/// A reply left over from the previous client of a socket must not be taken for the reply to this
/// client's negotiation, so clients make their first id unique with this number.
///
/// It is a keyed hash. The standard library takes the key from the operating system's random
/// source. The process id and the time are hashed, too, because a forked process has the key of its
/// parent.
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

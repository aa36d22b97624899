//! Which of the open brackets are objects, in one bit per level, so that depth needs no stack.

/// The maximum depth of a message, which is QEMU's own limit for its input.
pub(crate) const MAX_DEPTH: usize = 1024;

/// The words for the levels below the first 64.
const INNER_WORDS: usize = MAX_DEPTH / 64 - 1;

// Most messages need one word, so with an allocator the others exist only once they are used.
#[cfg(feature = "alloc")]
type Inner = Option<alloc::boxed::Box<[u64; INNER_WORDS]>>;
#[cfg(not(feature = "alloc"))]
type Inner = [u64; INNER_WORDS];

#[derive(Clone, Debug)]
pub(crate) struct Nesting {
    depth: usize,
    outer: u64,
    inner: Inner,
}

impl Nesting {
    pub(crate) const fn new() -> Self {
        #[cfg(feature = "alloc")]
        let inner = None;
        #[cfg(not(feature = "alloc"))]
        let inner = [0; INNER_WORDS];
        Self { depth: 0, outer: 0, inner }
    }

    pub(crate) const fn depth(&self) -> usize {
        self.depth
    }

    /// Opens a level. Returns `false` if that exceeds `limit`.
    pub(crate) fn open(&mut self, object: bool, limit: usize) -> bool {
        if self.depth >= limit {
            return false;
        }
        let bit = 1 << (self.depth % 64);
        let word = match (self.depth / 64).checked_sub(1) {
            None => &mut self.outer,
            // There are words for `MAX_DEPTH` levels.
            Some(index) => match inner(&mut self.inner).get_mut(index) {
                Some(word) => word,
                None => return false,
            },
        };
        if object {
            *word |= bit;
        } else {
            *word &= !bit;
        }
        self.depth += 1;
        true
    }

    /// Closes a level. Returns `false` if the innermost open level is of the other kind, or none is
    /// open.
    pub(crate) fn close(&mut self, object: bool) -> bool {
        if self.depth == 0 || self.in_object() != object {
            return false;
        }
        self.depth -= 1;
        true
    }

    /// Returns whether the innermost open level is an object.
    pub(crate) fn in_object(&self) -> bool {
        let Some(level) = self.depth.checked_sub(1) else {
            return false;
        };
        let word = match (level / 64).checked_sub(1) {
            None => self.outer,
            Some(index) => self.inner_word(index),
        };
        word & (1 << (level % 64)) != 0
    }

    fn inner_word(&self, index: usize) -> u64 {
        #[cfg(feature = "alloc")]
        let words = self.inner.as_ref().map_or(&[][..], |words| &words[..]);
        #[cfg(not(feature = "alloc"))]
        let words = &self.inner;
        words.get(index).copied().unwrap_or_default()
    }
}

#[cfg(feature = "alloc")]
fn inner(words: &mut Inner) -> &mut [u64; INNER_WORDS] {
    words.get_or_insert_with(|| alloc::boxed::Box::new([0; INNER_WORDS]))
}

#[cfg(not(feature = "alloc"))]
fn inner(words: &mut Inner) -> &mut [u64; INNER_WORDS] {
    words
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels_close_in_the_order_and_kind_they_were_opened() {
        let mut nesting = Nesting::new();
        for level in 0..MAX_DEPTH {
            assert!(nesting.open(level % 3 == 0, MAX_DEPTH));
        }
        assert!(!nesting.open(true, MAX_DEPTH), "the 1025th level exceeds the maximum");
        for level in (0..MAX_DEPTH).rev() {
            assert!(!nesting.close(level % 3 != 0));
            assert!(nesting.close(level % 3 == 0));
        }
        assert!(!nesting.close(true));
        assert_eq!(nesting.depth(), 0);
    }

    #[test]
    fn a_lower_limit_holds() {
        let mut nesting = Nesting::new();
        assert!(nesting.open(true, 2) && nesting.open(false, 2));
        assert!(!nesting.open(true, 2));
    }
}

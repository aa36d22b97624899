//! Which of the open brackets are objects, in one bit per level, so that depth needs no stack.

/// The maximum depth of a message, which is QEMU's own limit for its input.
pub(crate) const MAX_DEPTH: usize = 1024;

const WORDS: usize = MAX_DEPTH / 64;

#[derive(Clone, Debug)]
pub(crate) struct Nesting {
    depth: usize,
    objects: [u64; WORDS],
}

impl Nesting {
    pub(crate) const fn new() -> Self {
        Self { depth: 0, objects: [0; WORDS] }
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
        // There are words for `MAX_DEPTH` levels.
        let Some(word) = self.objects.get_mut(self.depth / 64) else {
            return false;
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
        self.objects.get(level / 64).is_some_and(|word| word & (1 << (level % 64)) != 0)
    }
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

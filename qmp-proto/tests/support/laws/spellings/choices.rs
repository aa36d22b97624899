//! Choices made by the bytes of an input.

/// Choices of one or two bytes each. After the last byte, every choice is the first option.
pub(super) struct Choices<'a>(&'a [u8]);

impl<'a> Choices<'a> {
    pub(super) const fn new(input: &'a [u8]) -> Self {
        Self(input)
    }

    fn byte(&mut self) -> usize {
        match self.0.split_first() {
            Some((&byte, rest)) => {
                self.0 = rest;
                usize::from(byte)
            }
            None => 0,
        }
    }

    /// Returns a number below `limit`.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let low = self.byte();
        let number = if count > 256 { self.byte() << 8 | low } else { low };
        number % count.max(1)
    }

    /// Returns `true` once in `times` on average.
    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub(super) fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    /// Repeats a call a chosen number of times.
    pub(super) fn times<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }
}

//! Choices that the bytes of an input make.

/// Choices, one byte or two each. Without more bytes the first of what there is to choose from is
/// taken.
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

    /// A number below this one.
    pub(super) fn below(&mut self, count: usize) -> usize {
        let low = self.byte();
        let number = if count > 256 { self.byte() << 8 | low } else { low };
        number % count.max(1)
    }

    /// True once in so many times.
    pub(super) fn one_in(&mut self, count: usize) -> bool {
        self.below(count) == count - 1
    }

    pub(super) fn pick<'t>(&mut self, of: &[&'t str]) -> &'t str {
        of[self.below(of.len())]
    }

    /// So many times as are chosen.
    pub(super) fn times<T>(&mut self, most: usize, mut one: impl FnMut(&mut Self) -> T) -> Vec<T> {
        (0..self.below(most + 1)).map(|_| one(self)).collect()
    }
}

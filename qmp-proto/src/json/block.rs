//! Brackets and strings in 64 bytes, found several bytes at a time.

/// The length of a block.
pub(crate) const BLOCK: usize = 64;

/// The positions of brackets and strings in a block.
pub(crate) struct Block {
    /// The brackets outside strings: one bit for each byte, the lowest bit for the first byte.
    pub(crate) brackets: u64,
    inside_strings: Rows,
}

impl Block {
    /// Reads a block that starts inside or outside a string. Returns `None` if it contains a
    /// backslash; then it has to be read byte by byte.
    #[inline(always)]
    pub(crate) fn read(bytes: &[u8; BLOCK], inside_string: bool) -> Option<Self> {
        if has_any(bytes, |byte| byte == b'\\') {
            return None;
        }
        let quotes = Rows::of(bytes, |byte| byte == b'"');
        let inside_strings = quotes.between_pairs(inside_string);
        let brackets = Rows::of(bytes, is_bracket);
        let brackets = Rows(brackets.0 & !inside_strings.0).in_order();
        Some(Self { brackets, inside_strings })
    }

    /// Returns whether a string is open at the end of the block.
    pub(crate) const fn ends_inside_string(&self) -> bool {
        self.inside_strings.0 >> (BLOCK - 1) == 1
    }

    /// Returns the line feeds in the form of `brackets`, or `None` if a string contains a control
    /// character.
    pub(crate) fn line_feeds(&self, bytes: &[u8; BLOCK]) -> Option<u64> {
        if !has_any(bytes, |byte| byte < 0x20) {
            return Some(0);
        }
        let controls = Rows::of(bytes, |byte| byte < 0x20);
        let line_feeds = || Rows::of(bytes, |byte| byte == b'\n').in_order();
        (controls.0 & self.inside_strings.0 == 0).then(line_feeds)
    }
}

/// Returns whether a byte is one of `{}[]`. The two kinds of brackets differ in one bit.
const fn is_bracket(byte: u8) -> bool {
    (byte | 0x20 == b'{') | (byte | 0x20 == b'}')
}

/// Returns whether a bracket opens a level.
pub(crate) const fn is_opening(bracket: u8) -> bool {
    bracket & 2 != 0
}

// This and `Rows::of` are written so that compilers compare many bytes at once.
#[inline(always)]
fn has_any(bytes: &[u8; BLOCK], wanted: impl Fn(u8) -> bool) -> bool {
    bytes.iter().fold(false, |found, &byte| found | wanted(byte))
}

/// One bit for each byte of a block, arranged as eight rows of eight bytes: a row is the same bit
/// of all bytes of the number, a column is one byte of it. Compilers compute this form without
/// moving single bits.
#[derive(Clone, Copy)]
struct Rows(u64);

/// One bit of each byte.
const EVERY_BYTE: u64 = 0x0101_0101_0101_0101;

impl Rows {
    /// Returns the bits of the wanted bytes.
    #[inline(always)]
    fn of(bytes: &[u8; BLOCK], wanted: impl Fn(u8) -> bool) -> Self {
        /// The bit of each byte's row.
        const ROWS: [u8; BLOCK] = {
            let mut rows = [0; BLOCK];
            let mut byte = 0;
            while byte < BLOCK {
                rows[byte] = 1 << (byte / 8);
                byte += 1;
            }
            rows
        };
        let mut found = *bytes;
        for (byte, row) in found.iter_mut().zip(&ROWS) {
            *byte = if wanted(*byte) { *row } else { 0 };
        }
        let (mut sum, mut rest) = (0, found.as_slice());
        while let Some((two_rows, after)) = rest.split_first_chunk() {
            sum |= u128::from_le_bytes(*two_rows);
            rest = after;
        }
        Self((sum | (sum >> 64)) as u64)
    }

    /// Returns the bits from each odd one, inclusive, up to the next, exclusive; or the inverse if
    /// `open`.
    const fn between_pairs(self, open: bool) -> Self {
        // Within each row.
        let mut sums = self.0;
        sums ^= sums << 8;
        sums ^= sums << 16;
        sums ^= sums << 32;
        // Whether a pair is open before each row: the last column has the parity of each row.
        let mut before = (sums >> 56) << 1 | open as u64;
        before ^= before << 1;
        before ^= before << 2;
        before ^= before << 4;
        Self(sums ^ (before & 0xFF).wrapping_mul(EVERY_BYTE))
    }

    /// Returns one bit for each byte, the lowest for the first: rows and columns are transposed.
    const fn in_order(self) -> u64 {
        const fn exchanged(bits: u64, distance: u32, mask: u64) -> u64 {
            let moved = (bits ^ (bits >> distance)) & mask;
            bits ^ moved ^ (moved << distance)
        }
        let bits = exchanged(self.0, 7, 0x00AA_00AA_00AA_00AA);
        let bits = exchanged(bits, 14, 0x0000_CCCC_0000_CCCC);
        exchanged(bits, 28, 0x0000_0000_F0F0_F0F0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_has_its_bit_and_pairs_enclose_the_bits_between() {
        for first in 0..BLOCK {
            let mut bytes = [b'x'; BLOCK];
            bytes[first] = b'"';
            let rows = |bytes| Rows::of(&bytes, |byte| byte == b'"');
            assert_eq!(rows(bytes).in_order(), 1 << first);
            for second in first + 1..BLOCK {
                let mut bytes = bytes;
                bytes[second] = b'"';
                let between = (1 << second) - (1 << first);
                assert_eq!(rows(bytes).between_pairs(false).in_order(), between);
                assert_eq!(rows(bytes).between_pairs(true).in_order(), !between);
            }
        }
    }

    #[test]
    fn only_brackets_outside_strings_count() {
        let read = |text: &str, inside_string: bool| {
            let mut bytes = [b' '; BLOCK];
            bytes[..text.len()].copy_from_slice(text.as_bytes());
            (Block::read(&bytes, inside_string), bytes)
        };
        let (block, bytes) = read("{\"[\": [1\n]}", false);
        let block = block.unwrap();
        assert_eq!(block.brackets, 0b0110_0100_0001);
        assert_eq!(block.line_feeds(&bytes), Some(0b1_0000_0000));
        assert!(!block.ends_inside_string());
        let (block, bytes) = read("[\"{\t", true);
        let block = block.unwrap();
        assert_eq!((block.brackets, block.ends_inside_string()), (0b100, false));
        assert_eq!(block.line_feeds(&bytes), Some(0), "the tab is outside");
        let (block, bytes) = read("\"\n", false);
        let block = block.unwrap();
        assert!(block.ends_inside_string());
        assert_eq!(block.line_feeds(&bytes), None);
        assert!(read("\\", false).0.is_none());
    }
}

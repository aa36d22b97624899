//! Small changes to inputs, the same in every run.

/// Bytes with a meaning for the client or the server.
const BYTES: &[u8] = b"{}[]\",:\\'\n\r \t\xFF\xFE\xC0\x80\0\x01017-e.x";

pub(crate) struct Mutations<'a> {
    state: u64,
    seeds: &'a [Vec<u8>],
}

impl<'a> Mutations<'a> {
    pub(crate) fn new(seed: u64, seeds: &'a [Vec<u8>]) -> Self {
        Self { state: seed, seeds }
    }

    /// The generator SplitMix64.
    fn random(&mut self, below: usize) -> usize {
        self.state = self.state.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        ((mixed ^ (mixed >> 31)) % below.max(1) as u64) as usize
    }

    fn range(&mut self, length: usize) -> std::ops::Range<usize> {
        let start = self.random(length + 1);
        start..start + self.random((length - start).min(40) + 1)
    }

    /// A seed with a few changes.
    pub(crate) fn next(&mut self) -> Vec<u8> {
        let seed = self.random(self.seeds.len());
        let mut input = self.seeds[seed].clone();
        for _ in 0..=self.random(4) {
            self.change(&mut input);
        }
        input
    }

    fn change(&mut self, input: &mut Vec<u8>) {
        let at = self.random(input.len() + 1);
        let byte = BYTES[self.random(BYTES.len())];
        match self.random(7) {
            0 => input.insert(at, byte),
            1 if at < input.len() => input[at] = byte,
            2 if at < input.len() => input[at] ^= 1 << self.random(8),
            3 => {
                let range = self.range(input.len());
                input.drain(range);
            }
            4 => {
                let range = self.range(input.len());
                let again = input[range].to_vec();
                input.splice(at..at, again);
            }
            5 => {
                let other = self.random(self.seeds.len());
                let range = self.range(self.seeds[other].len());
                input.splice(at..at, self.seeds[other][range].iter().copied());
            }
            _ => input.truncate(at.max(1)),
        }
    }
}

//! The cuts of a stream.

/// The distances between cuts, read from the start of an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cuts<'a>(&'a [u8]);

impl<'a> Cuts<'a> {
    /// The maximum number of cuts.
    const MOST: u8 = 16;
    /// The maximum distance.
    const LONGEST: u8 = 0x7F;

    /// Reads the number of cuts, the distances, and the stream after them.
    pub(super) fn split_from(input: &'a [u8]) -> (Self, &'a [u8]) {
        let Some((&count, rest)) = input.split_first() else {
            return (Self(&[]), &[]);
        };
        let count = usize::from(count % (Self::MOST + 1)).min(rest.len());
        let (distances, stream) = rest.split_at(count);
        (Self(distances), stream)
    }

    /// Returns an input for [`split_from`](Self::split_from).
    pub(super) fn join(at: &[usize], stream: &[u8]) -> Vec<u8> {
        let mut distances = Vec::new();
        let mut start = 0;
        for &at in at {
            let distance = u8::try_from(at - start).unwrap_or(Self::LONGEST) & Self::LONGEST;
            if distances.len() < usize::from(Self::MOST) {
                distances.push(distance);
            }
            start += usize::from(distance);
        }
        let mut input = vec![distances.len() as u8];
        input.extend(distances);
        input.extend_from_slice(stream);
        input
    }

    pub(super) fn pieces<'b>(&self, stream: &'b [u8]) -> Vec<&'b [u8]> {
        let mut pieces = vec![];
        let mut rest = stream;
        for &distance in self.0 {
            let length = usize::from(distance & Self::LONGEST).min(rest.len());
            let (bytes, after) = rest.split_at(length);
            pieces.push(bytes);
            rest = after;
        }
        pieces.push(rest);
        pieces
    }
}

/// Returns the stream in single bytes.
pub(super) fn bytewise(stream: &[u8]) -> Vec<&[u8]> {
    stream.chunks(1).collect()
}

#[cfg(test)]
#[test]
fn cuts_are_encoded_and_decoded() {
    let input = Cuts::join(&[2, 3], b"abcdef");
    let (cuts, stream) = Cuts::split_from(&input);
    assert_eq!(cuts.pieces(stream), [&b"ab"[..], b"c", b"def"]);
    assert_eq!(bytewise(stream).len(), 6);
}

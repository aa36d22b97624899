//! Where a stream is cut.

/// Distances from one cut to the next, taken from the front of an input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Cuts<'a>(&'a [u8]);

/// A piece of a stream.
#[derive(Clone, Copy, Debug)]
pub(super) struct Piece<'a> {
    pub(super) bytes: &'a [u8],
    /// Whether the cut before it is marked.
    pub(super) marked: bool,
}

impl<'a> Cuts<'a> {
    /// The most cuts that an input asks for.
    const MOST: u8 = 16;
    /// In a distance: the cut is marked.
    pub(super) const MARK: u8 = 0x80;

    /// How many cuts, the distances, and the stream behind them.
    pub(super) fn split_from(input: &'a [u8]) -> (Self, &'a [u8]) {
        let Some((&count, rest)) = input.split_first() else {
            return (Self(&[]), &[]);
        };
        let count = usize::from(count % (Self::MOST + 1)).min(rest.len());
        let (distances, stream) = rest.split_at(count);
        (Self(distances), stream)
    }

    /// An input that [`split_from`](Self::split_from) takes apart again.
    pub(super) fn join(at: &[usize], stream: &[u8]) -> Vec<u8> {
        let mut distances = Vec::new();
        let mut start = 0;
        for &at in at {
            let distance = u8::try_from(at - start).unwrap_or(0x7F) & !Self::MARK;
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

    pub(super) fn pieces<'b>(&self, stream: &'b [u8]) -> Vec<Piece<'b>> {
        let mut pieces = vec![];
        let (mut rest, mut marked) = (stream, false);
        for &distance in self.0 {
            let length = usize::from(distance & !Self::MARK).min(rest.len());
            let (bytes, after) = rest.split_at(length);
            // Nothing can come with no bytes.
            pieces.push(Piece { bytes, marked: marked && !bytes.is_empty() });
            (rest, marked) = (after, distance & Self::MARK != 0);
        }
        pieces.push(Piece { bytes: rest, marked: marked && !rest.is_empty() });
        pieces
    }
}

/// The same stream cut at the marks alone.
pub(super) fn at_marks<'a>(stream: &'a [u8], pieces: &[Piece<'a>]) -> Vec<Piece<'a>> {
    let mut joined: Vec<Piece<'a>> = Vec::new();
    let mut start = 0;
    let mut end = 0;
    let mut marked = false;
    for piece in pieces {
        if piece.marked {
            joined.push(Piece { bytes: &stream[start..end], marked });
            (start, marked) = (end, true);
        }
        end += piece.bytes.len();
    }
    joined.push(Piece { bytes: &stream[start..end], marked });
    joined
}

/// The same stream a byte at a time.
pub(super) fn bytewise<'a>(pieces: &[Piece<'a>]) -> Vec<Piece<'a>> {
    let mut cut = Vec::new();
    for piece in pieces {
        let mut marked = piece.marked;
        cut.extend(
            piece.bytes.chunks(1).map(|bytes| Piece { bytes, marked: std::mem::take(&mut marked) }),
        );
    }
    cut
}

#[cfg(test)]
#[test]
fn cuts_are_where_they_were_put() {
    let input = Cuts::join(&[2, 3], b"abcdef");
    let (cuts, stream) = Cuts::split_from(&input);
    let texts =
        |pieces: &[Piece<'_>]| pieces.iter().map(|it| it.bytes.to_vec()).collect::<Vec<_>>();
    let pieces = cuts.pieces(stream);
    assert_eq!(texts(&pieces), [&b"ab"[..], b"c", b"def"]);
    assert_eq!(texts(&at_marks(stream, &pieces)), [b"abcdef"]);
    let marked = Cuts(&[2, 1 | Cuts::MARK]).pieces(stream);
    assert_eq!(texts(&at_marks(stream, &marked)), [b"abc", b"def"]);
    let bytewise = bytewise(&marked);
    assert_eq!(bytewise.iter().filter(|it| it.marked).count(), 1);
    assert!(bytewise[3].marked && bytewise.len() == 6);
}

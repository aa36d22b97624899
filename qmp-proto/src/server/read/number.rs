//! How far a number has come.

/// What was read of a number so far.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Number {
    Sign,
    Zero,
    Integer,
    Point,
    Fraction,
    Exponent,
    ExponentSign,
    ExponentDigits,
}

/// What a byte behind a number does to it.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NumberState {
    /// It belongs to it.
    Goes(Number),
    /// It ends it.
    Ends,
    /// It is no number with it.
    Breaks,
}

impl Number {
    pub(super) const fn begin(byte: u8) -> Option<Self> {
        match byte {
            b'-' => Some(Self::Sign),
            b'0' => Some(Self::Zero),
            b'1'..=b'9' => Some(Self::Integer),
            _ => None,
        }
    }

    pub(super) const fn next(self, byte: u8) -> NumberState {
        use Number::{
            Exponent, ExponentDigits, ExponentSign, Fraction, Integer, Point, Sign, Zero,
        };
        match (self, byte) {
            (Sign, b'0') => NumberState::Goes(Zero),
            (Sign, b'1'..=b'9') | (Integer, b'0'..=b'9') => NumberState::Goes(Integer),
            (Zero, b'0'..=b'9') => NumberState::Breaks,
            (Zero | Integer, b'.') => NumberState::Goes(Point),
            (Point | Fraction, b'0'..=b'9') => NumberState::Goes(Fraction),
            // Behind a zero QEMU takes none.
            (Integer | Fraction, b'e' | b'E') => NumberState::Goes(Exponent),
            (Exponent, b'+' | b'-') => NumberState::Goes(ExponentSign),
            (Exponent | ExponentSign | ExponentDigits, b'0'..=b'9') => {
                NumberState::Goes(ExponentDigits)
            }
            (Zero | Integer | Fraction | ExponentDigits, _) => NumberState::Ends,
            (Sign | Point | Exponent | ExponentSign, _) => NumberState::Breaks,
        }
    }

    /// Where the number that begins at `at` ends, in a text that is known to have no broken ones.
    pub(super) fn end(text: &[u8], mut at: usize) -> usize {
        let mut number = text.get(at).and_then(|&byte| Self::begin(byte));
        while let Some(so_far) = number {
            at += 1;
            number = match text.get(at).map(|&byte| so_far.next(byte)) {
                Some(NumberState::Goes(number)) => Some(number),
                _ => None,
            };
        }
        at
    }
}

//! Reading a number byte by byte.

/// The part of a number that was read.
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

/// The effect of the next byte on a number.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum NumberState {
    /// The byte belongs to the number.
    Continues(Number),
    /// The byte ends the number.
    Ends,
    /// The byte makes the number invalid.
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
            (Sign, b'0') => NumberState::Continues(Zero),
            (Sign, b'1'..=b'9') | (Integer, b'0'..=b'9') => NumberState::Continues(Integer),
            (Zero, b'0'..=b'9') => NumberState::Breaks,
            (Zero | Integer, b'.') => NumberState::Continues(Point),
            (Point | Fraction, b'0'..=b'9') => NumberState::Continues(Fraction),
            // QEMU accepts no exponent after a zero.
            (Integer | Fraction, b'e' | b'E') => NumberState::Continues(Exponent),
            (Exponent, b'+' | b'-') => NumberState::Continues(ExponentSign),
            (Exponent | ExponentSign | ExponentDigits, b'0'..=b'9') => {
                NumberState::Continues(ExponentDigits)
            }
            (Zero | Integer | Fraction | ExponentDigits, _) => NumberState::Ends,
            (Sign | Point | Exponent | ExponentSign, _) => NumberState::Breaks,
        }
    }

    /// Returns the end of the number at `at`, in a text without invalid numbers.
    pub(super) fn end(text: &[u8], mut at: usize) -> usize {
        let mut number = text.get(at).and_then(|&byte| Self::begin(byte));
        while let Some(so_far) = number {
            at += 1;
            number = match text.get(at).map(|&byte| so_far.next(byte)) {
                Some(NumberState::Continues(number)) => Some(number),
                _ => None,
            };
        }
        at
    }
}

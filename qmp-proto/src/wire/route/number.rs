//! The numbers in lines of a known format.

use crate::wire::IS_FAST;

/// Parses a JSON integer of at most 18 digits, followed by `then`. Returns it and the rest.
///
/// The `USUAL` number of digits is tried first, because then the processor can continue with the
/// rest before it has parsed the digits.
pub(super) fn number<'b, const USUAL: usize>(
    bytes: &'b [u8],
    then: &[u8],
) -> Option<(i64, &'b [u8])> {
    let usual = || {
        let (digits, rest) = bytes.split_first_chunk::<USUAL>()?;
        let rest = rest.strip_prefix(then)?;
        Some((all_digits(digits)?, rest))
    };
    if IS_FAST {
        if let Some(usual) = usual() {
            return Some(usual);
        }
    }
    let (negative, rest) = match bytes {
        [b'-', rest @ ..] => (true, rest),
        _ => (false, bytes),
    };
    let count = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = rest.split_at_checked(count).filter(|_| (1..=18).contains(&count))?;
    let value = match digits {
        [digit] => i64::from(digit - b'0'),
        _ => all_digits(digits)?,
    };
    Some((if negative { -value } else { value }, rest.strip_prefix(then)?))
}

/// Parses digits without a leading zero.
fn all_digits(digits: &[u8]) -> Option<i64> {
    let mut value = 0_i64;
    let mut all = digits.first() != Some(&b'0');
    for byte in digits {
        let digit = byte.wrapping_sub(b'0');
        all &= digit <= 9;
        value = value.wrapping_mul(10).wrapping_add(i64::from(digit));
    }
    all.then_some(value)
}

//! The numbers in lines of a known shape.

/// A JSON integer of at most 18 digits, and what stands behind it and `then`.
///
/// Most have the `USUAL` number of digits. That is tried first: the processor can go on with what is
/// behind before it knows the digits.
pub(super) fn number<'b, const USUAL: usize>(
    bytes: &'b [u8],
    then: &[u8],
) -> Option<(i64, &'b [u8])> {
    let usual = || {
        let (digits, rest) = bytes.split_first_chunk::<USUAL>()?;
        let rest = rest.strip_prefix(then)?;
        Some((all_digits(digits)?, rest))
    };
    if let Some(usual) = usual() {
        return Some(usual);
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

/// What the digits mean, unless there are others among them, or a zero comes first.
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

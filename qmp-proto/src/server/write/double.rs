//! Numbers in QEMU's format.

use alloc::borrow::Cow;
use alloc::format;
use alloc::string::String;

/// Converts a number to QEMU's format: integers of 64 bits are unchanged, others become the nearest
/// double in 17 digits. Returns `None` for a number too large for a double, which QEMU writes as
/// `inf`, which is not JSON.
pub(super) fn canonical(text: &str) -> Option<Cow<'_, str>> {
    // JSON has no plus sign and no leading zeros, so each integer has one form.
    if text.parse::<i64>().is_ok() || text.parse::<u64>().is_ok() {
        return Some(if text == "-0" { "0" } else { text }.into());
    }
    let double: f64 = text.parse().ok()?;
    double.is_finite().then(|| seventeen_digits(double).into())
}

/// Formats a number as C's `%.17g`.
fn seventeen_digits(double: f64) -> String {
    let scientific = format!("{double:.16e}");
    let (mantissa, exponent) = scientific.split_once('e').unwrap_or((&scientific, "0"));
    let exponent: i32 = exponent.parse().unwrap_or(0);
    if !(-4..17).contains(&exponent) {
        let sign = if exponent < 0 { '-' } else { '+' };
        let magnitude = exponent.unsigned_abs();
        return format!("{}e{sign}{magnitude:02}", trimmed(mantissa));
    }
    let decimals = usize::try_from(16 - exponent).unwrap_or(0);
    trimmed(&format!("{double:.decimals$}")).into()
}

/// Returns the text without trailing zeros after the decimal point.
fn trimmed(text: &str) -> &str {
    if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.') } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_written_as_c_writes_them() {
        for (text, written) in [
            ("7", "7"),
            ("-0", "0"),
            ("18446744073709551615", "18446744073709551615"),
            ("18446744073709551616", "1.8446744073709552e+19"),
            ("-9223372036854775809", "-9.2233720368547758e+18"),
            ("1.0", "1"),
            ("-0.0", "-0"),
            ("1e5", "100000"),
            ("0.1", "0.10000000000000001"),
            ("1e16", "10000000000000000"),
            ("1e17", "1e+17"),
            ("123456789012345678.0", "1.2345678901234568e+17"),
            ("0.0001", "0.0001"),
            ("0.00001", "1.0000000000000001e-05"),
            ("5e-324", "4.9406564584124654e-324"),
            ("1e-400", "0"),
            ("-1.5E-2", "-0.014999999999999999"),
        ] {
            assert_eq!(canonical(text).as_deref(), Some(written), "{text}");
        }
        assert_eq!(canonical("1e400"), None);
    }
}

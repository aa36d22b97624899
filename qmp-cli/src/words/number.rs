//! Numbers as people write them.

use qmp_blocking::types::describe::Type;

/// Any integer.
pub(crate) const INTEGER: Type = Type::Integer { min: i64::MIN, max: u64::MAX };

/// Reads an integer: decimal, hexadecimal after `0x`, or with one of QEMU's suffixes for powers of
/// 1024. Returns it as JSON.
pub(crate) fn integer(text: &str) -> Option<String> {
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => (-1, digits),
        None => (1, text),
    };
    let number = if let Some(hex) = digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X"))
    {
        read(hex, 16)?
    } else {
        let (digits, shift) = match digits.chars().last()? {
            'k' | 'K' => (&digits[..digits.len() - 1], 10),
            'M' => (&digits[..digits.len() - 1], 20),
            'G' => (&digits[..digits.len() - 1], 30),
            'T' => (&digits[..digits.len() - 1], 40),
            'P' => (&digits[..digits.len() - 1], 50),
            'E' => (&digits[..digits.len() - 1], 60),
            _ => (digits, 0),
        };
        read(digits, 10)?.checked_mul(1 << shift)?
    };
    let number = sign * number;
    let fits = i128::from(i64::MIN) <= number && number <= i128::from(u64::MAX);
    fits.then(|| number.to_string())
}

/// Reads a number as JSON has it, or an integer as [`integer`] does.
pub(crate) fn number(text: &str) -> Option<String> {
    match serde_json::from_str::<serde_json::Number>(text) {
        Ok(_) => Some(text.trim().to_owned()),
        Err(_) => integer(text),
    }
}

/// Digits only: the standard library takes a sign, too.
fn read(digits: &str, radix: u32) -> Option<i128> {
    let plain = !digits.is_empty() && digits.chars().all(|char| char.is_digit(radix));
    if plain { i128::from_str_radix(digits, radix).ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn integers_are_written_in_several_ways() {
        for (text, number) in [
            ("0", "0"),
            ("007", "7"),
            ("-1", "-1"),
            ("-0", "0"),
            ("0x1000", "4096"),
            ("4K", "4096"),
            ("4k", "4096"),
            ("8G", "8589934592"),
            ("18446744073709551615", "18446744073709551615"),
            ("-9223372036854775808", "-9223372036854775808"),
        ] {
            assert_eq!(integer(text).as_deref(), Some(number), "{text}");
        }
        for text in [
            "",
            "-",
            "+1",
            "1_000",
            "1.5",
            "1e3",
            "0x",
            "0x-1",
            "K",
            "4KK",
            "--1",
            "16E",
            "18446744073709551616",
            "-9223372036854775809",
            "١",
            " 1",
        ] {
            assert_eq!(integer(text), None, "{text}");
        }
        assert_eq!(number("1.5e3").as_deref(), Some("1.5e3"));
        assert_eq!(number("4K").as_deref(), Some("4096"));
        assert_eq!(number("x"), None);
    }
}

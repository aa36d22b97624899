//! Collecting the secrets of a command, and masking them in text.

use alloc::borrow::Cow;
use alloc::string::String;

use crate::redact::scan::{Scan, mask_string};
use crate::redact::secrets::Secrets;

impl Secrets {
    /// Returns the secrets that [`redact`](crate::redact()) masks in this message.
    pub fn of(message: &[u8]) -> Self {
        let mut secrets = Self::new();
        let found = Scan::new(message).run();
        found.marks.report(message, 0, &mut |text, scope| secrets.add(text, scope));
        secrets
    }

    /// Returns the secrets in the arguments of a command, which may be empty.
    pub fn in_command(name: &str, arguments: &str) -> Self {
        if arguments.is_empty() {
            return Self::new();
        }
        Self::of(
            &[
                b"{\"execute\":\"",
                name.as_bytes(),
                b"\",\"arguments\":",
                arguments.as_bytes(),
                b"}",
            ]
            .concat(),
        )
    }

    /// Masks these secrets in a text, and the ones that [`redact`](crate::redact()) masks in a
    /// string.
    pub fn mask<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let masked = mask_string(text.as_bytes(), 0, &mut |_, _| {});
        let repeated = self.mask_repeated(masked.as_deref().unwrap_or(text.as_bytes()));
        match repeated.or(masked) {
            Some(masked) => Cow::Owned(String::from_utf8_lossy(&masked).into_owned()),
            None => Cow::Borrowed(text),
        }
    }
}

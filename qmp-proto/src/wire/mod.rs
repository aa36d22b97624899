//! Decoding messages: finding their ends and their parts.

/// Whether code that only makes decoding faster is used. A microcontroller has little flash, and
/// its line is slower than the code.
const IS_FAST: bool = cfg!(any(feature = "alloc", test));

mod balance;
mod braces;
mod decoder;
mod malformed;
mod parts;
mod route;
mod split;

pub use malformed::{Malformed, MalformedReason};

pub(crate) use decoder::{Bounds, Decoder, Found};
pub(crate) use parts::Parts;
#[cfg(test)]
pub(crate) use route::route;
pub(crate) use split::{Unsplit, split};

#[cfg(test)]
mod tests;

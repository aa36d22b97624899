//! From bytes to messages: where one ends, and what its parts are.

mod balance;
mod decoder;
mod malformed;
mod route;
mod split;

pub use malformed::{Malformed, MalformedReason};

pub(crate) use decoder::{Bounds, Decoder, Found};
pub(crate) use route::{may_be_routed, route};
pub(crate) use split::{Unsplit, split};

#[cfg(test)]
mod tests;

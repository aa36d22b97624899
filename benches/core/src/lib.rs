//! What the core does with each message, and what it is held against.

pub mod baseline;
mod paths;

pub use paths::{EVENTS, Messages, PATHS, Path, Paths};

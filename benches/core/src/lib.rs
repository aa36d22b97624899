//! The work of the core for each message, and its baselines.

pub mod baseline;
mod paths;

pub use paths::{EVENTS, Messages, PATHS, Path, Paths};

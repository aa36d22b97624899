//! What the decoder and its two routes make of vectors and of generated messages.

mod agreement;
mod framing;
mod messages;
mod vectors;

#[path = "../../../tests/support/vectors.rs"]
mod data;

//! Tests of the decoder and its two routes with vectors and generated messages.

mod agreement;
mod framing;
mod messages;
mod vectors;

#[path = "../../../tests/support/vectors.rs"]
mod data;

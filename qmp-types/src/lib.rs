//! QEMU's QMP vocabulary as Rust types.
//!
//! Every command, event and type of QEMU 5.2 to 11.1, of its storage daemon and of its guest agent,
//! in one set: what a version does not have is an `Option` or is never sent. Values, members and
//! branches that no known version has do not fail a decode.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

#[allow(
    clippy::large_enum_variant, // A box would cost those who make or match a branch more.
    clippy::too_many_arguments, // Some of CXL's events have a dozen that are required.
)]
mod generated;
mod hand;
mod known;
pub mod schema;
mod wire;

pub use generated::*;
pub use hand::DeviceAdd;
pub use known::Known;
pub use wire::Base64;

pub mod events {
    //! The events.

    pub use crate::generated::events::*;
}

pub mod qga {
    //! The guest agent's commands and types.

    pub use crate::generated::qga::*;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

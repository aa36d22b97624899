//! QEMU's QMP vocabulary as Rust types.
//!
//! Every command, event and type of QEMU 5.2 to 11.1, of its storage daemon and of its guest agent,
//! in one set: what a version does not have is an `Option` or is never sent. Values, members and
//! branches that no known version has do not fail a decode.
//!
//! A program that uses an adapter (`qmp-tokio`, `qmp-smol`, `qmp-blocking`) has all of this as its
//! module `types`.
//!
//! # How to find the type you need
//!
//! - **A command** has its name in camel case: `query-status` is [`QueryStatus`], `device_add` is
//!   [`DeviceAdd`], `guest-exec` is [`qga::GuestExec`]. `new` takes what every QEMU requires, and a
//!   method of its name sets each of the rest. The search of this documentation finds the names on the
//!   wire, too.
//! - **What it returns** is [`Command::Output`](qmp_proto::Command::Output), and stands in its
//!   documentation: `query-status` returns a [`StatusInfo`]. A reply of the agent that would be called
//!   as its command is ends in `Reply`: [`qga::GuestExecReply`].
//! - **An event** is in [`events`]: `DEVICE_DELETED` is [`events::DeviceDeleted`]. [`events::Any`] is
//!   whichever came; [`event_set!`](qmp_proto::event_set) declares an enum of some.
//! - **A type** has the name that QEMU's manual has: [`BlockdevOptionsQcow2`]. Each item links there.
//! - **A union** is a struct with its common members and an enum of its branches, or that enum alone. A
//!   function for each branch makes one: `BlockdevOptions::qcow2(…)`. The branch of a value is in the
//!   field that has the name of its tag: `options.driver`.
//! - **A value of an enum** is in camel case, too: `RunState::Prelaunch`; `as_str` has it as it is on
//!   the wire, and [`From<&str>`](From) makes one, of values that are not listed as well.
//! - **Base64** is [`Base64`], where the wire always has it: bytes come out and go in.
//! - **What the QEMU at hand has** tells [`schema::Schema`], and [`Known`] in which versions a command
//!   or event is. A member that is younger than its command says so in its documentation; a QEMU that
//!   is older refuses it by name.
//! - **As data**, for a program that prints or completes names: [`describe`].

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

pub mod describe;
#[allow(dead_code, reason = "the generator uses the rest of it")]
mod facts;
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
pub use hand::{DeviceAdd, RingbufReadBytes};
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

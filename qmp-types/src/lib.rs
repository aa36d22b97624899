//! QEMU's QMP vocabulary as Rust types.
//!
//! The crate has every command, event and type of QEMU 5.2 to 11.1, of its storage daemon and of its
//! guest agent, in one set. Members that some version lacks are `Option`s. Values, members and branches
//! that no known version has do not make decoding fail.
//!
//! The adapters (`qmp-tokio`, `qmp-smol`, `qmp-blocking`) re-export this crate as their module `types`.
//!
//! # How to find the type you need
//!
//! - **A command** has its name in camel case: `query-status` is [`QueryStatus`], `device_add` is
//!   [`DeviceAdd`], `guest-exec` is [`qga::GuestExec`]. `new` takes the arguments that every version
//!   requires. Each other argument is set by a method with its name. The search of this documentation
//!   also finds names as they are on the wire.
//! - **The type of a reply** is [`Command::Output`](qmp_proto::Command::Output) and is listed in the
//!   documentation of the command: `query-status` returns a [`StatusInfo`]. If a reply of the agent has
//!   the name of its command, it ends in `Reply`: [`qga::GuestExecReply`].
//! - **An event** is in [`events`]: `DEVICE_DELETED` is [`events::DeviceDeleted`]. [`events::Any`] is an
//!   enum of all events, and [`event_set!`](qmp_proto::event_set) declares an enum of some.
//! - **A type** has the same name as in QEMU's manual: [`BlockdevOptionsQcow2`]. The documentation of
//!   each item links to the manual.
//! - **A union** is a struct with the common members and an enum of the branches, or only that enum.
//!   Each branch has a constructor: `BlockdevOptions::qcow2(…)`. The branch of a value is in the field
//!   with the name of the tag: `options.driver`.
//! - **A value of an enum** is in camel case: `RunState::Prelaunch`. `as_str` returns the text on the
//!   wire, and [`From<&str>`](From) also accepts texts that this crate does not know.
//! - **Base64** is [`Base64`], a type that contains the decoded bytes. It is used where the wire always
//!   has base64.
//! - **The features of a running QEMU** are in its [`schema::Schema`]. [`Availability`] lists the
//!   versions that have a command or event. If a member is newer than its command, its documentation
//!   contains the version; older versions refuse the member.
//! - **The vocabulary as data**, for programs that print or complete names, is in [`describe`].

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

extern crate alloc;

mod availability;
pub mod describe;
#[allow(dead_code, reason = "the generator uses the rest of it")]
mod facts;
#[allow(
    clippy::large_enum_variant, // A box would make every use of the branch less convenient.
    clippy::too_many_arguments, // Some of CXL's events have a dozen required members.
)]
mod generated;
mod hand;
pub mod schema;
mod wire;

pub use availability::Availability;
pub use generated::*;
pub use hand::{DeviceAdd, RingbufReadBytes};
pub use wire::Base64;

pub mod events {
    //! The events.

    pub use crate::generated::events::*;
}

pub mod qga {
    //! The commands and types of the guest agent.

    pub use crate::generated::qga::*;
}

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

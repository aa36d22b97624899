//! A scripted QMP server for tests, which records the commands that it receives.
//!
//! Use it to test programs that drive QEMU, its storage daemon or a guest agent, written with any
//! QMP library in any language. The mock is a real server on a unix socket. Its greeting,
//! capabilities, framing, ids and error texts are those of QEMU; the test sets the replies to
//! commands.
//!
//! ```
//! use qmp_mock::{ErrorClass, Mock};
//! use serde_json::json;
//!
//! # fn main() -> Result<(), qmp_blocking::Error> {
//! let mock = Mock::monitor();
//! mock.on("query-status").answer(json!({"status": "paused", "running": false}));
//! mock.on("device_del")
//!     .with(json!({"id": "net0"}))
//!     .return_error(ErrorClass::DeviceNotFound, "Device 'net0' not found");
//!
//! let qemu = qmp_blocking::connect(mock.address())?;
//! qemu.execute("query-status").run()?;
//! let error = qemu.execute("device_del").arguments(&json!({"id": "net0"})).run().unwrap_err();
//! assert_eq!(error.class(), Some(ErrorClass::DeviceNotFound));
//! mock.verify();
//! # Ok(())
//! # }
//! ```
//!
//! - [`Mock::on`] sets what happens when a command arrives: a reply, an error, events before or
//!   after it, a delay, receiving a descriptor, or a truncated reply followed by a close. A rule
//!   can differ from one time to the next.
//! - [`Mock::event`], [`Mock::bytes`] and [`Mock::hang_up`] take effect immediately.
//! - [`Mock::next_client`] misbehaves towards the next client from the first byte on.
//! - [`Recorder`] records sessions with a real server, and [`Mock::replay`] replays them.
//! - [`Mock::received`] returns the received commands, and [`Mock::verify`] checks that every
//!   expected command arrived and no other.
//!
//! The mock runs on threads of its own and needs no runtime, so asynchronous tests can use it
//! unchanged. It works on unix systems only.

#![cfg(unix)]

mod act;
mod builder;
mod connection;
mod failure;
mod gate;
mod mock;
mod next_client;
mod received;
mod reception;
mod recording;
mod rules;
mod serving;
mod shared;
mod unmet;

pub use builder::Builder;
pub use failure::Failure;
pub use gate::Gate;
pub use mock::Mock;
pub use next_client::NextClient;
pub use received::ReceivedCommand;
pub use recording::{Recorder, Recording, RecordingError};
pub use rules::On;
pub use unmet::Unmet;

pub use qmp_proto::{Address, DecodeError, ErrorClass, RawJson, Version};
pub use qmp_sockets::{IntoAddress, SocketError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

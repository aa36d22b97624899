//! A QMP server for tests: it says what the test tells it to, and remembers what it was told.
//!
//! For programs that drive QEMU, its storage daemon or a guest agent, written with any QMP library
//! in any language: the mock is a real server on a unix socket. Greeting, capabilities, framing, ids
//! and error texts are those of QEMU; what the commands answer is up to the test.
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
//!     .fail(ErrorClass::DeviceNotFound, "Device 'net0' not found");
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
//! - [`Mock::on`] tells what a command comes to: an answer, an error, events around it, a delay, a
//!   descriptor taken, half an answer and a hang-up; another time, another turn.
//! - [`Mock::event`], [`Mock::bytes`] and [`Mock::hang_up`] happen when the test says so.
//! - [`Mock::next_client`] is unkind to a client from its first byte.
//! - [`Recorder`] writes down sessions with a real server, and [`Mock::replay`] replays them.
//! - [`Mock::received`] lists the commands, and [`Mock::verify`] says what is missing.
//!
//! There is no runtime in it: threads of its own serve it, so asynchronous tests use it as it is.
//! For unix systems.

#![cfg(unix)]

mod act;
mod builder;
mod connection;
mod failure;
mod gate;
mod mock;
mod next_client;
mod received;
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

pub use qmp_proto::{Address, DecodeError, ErrorClass, Json, Version};
pub use qmp_sockets::{IntoAddress, SocketError};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

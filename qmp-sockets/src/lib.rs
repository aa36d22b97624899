//! The operating system's side of QMP, without a runtime.
//!
//! [`qmp_proto`] does no I/O. This crate connects its addresses to sockets for blocking and
//! asynchronous programs alike:
//!
//! - [`connect()`] turns an [`Address`](qmp_proto::Address) into a connected [`Socket`] before a
//!   [`Deadline`], also over paths longer than a socket address. [`Listener`] is the other
//!   direction: QEMU connects to this process.
//! - [`PendingConnect`] does the same without blocking.
//! - [`Attempts`] retries a server that is still starting.
//! - [`Launch`] starts a QEMU whose monitor is connected from the first moment.
//! - [`ConnectError`] names the address, the cause and what to try; [`describe_silence`] finds out
//!   why a connected server does not answer.
//! - [`send_with_descriptor`] sends a file descriptor along with a command,
//!   [`receive_with_descriptor`] receives one, and [`Arrivals`] matches it to its command.
//! - [`nonce()`] makes the unpredictable number in a connection's first id.
//!
//! The adapters re-export what a program needs.
//!
//! Linux has all of it; macOS and the BSDs have unix sockets, TCP, inherited descriptors and
//! programs to be launched; Windows has TCP.

#[cfg(target_os = "linux")]
mod abstract_name;
mod advice;
#[cfg(unix)]
mod arrivals;
mod attempts;
mod connect;
mod connect_error;
mod deadline;
#[cfg(unix)]
mod descriptor;
#[cfg(all(test, unix))]
mod hostile_text;
mod into_address;
#[cfg(unix)]
mod launch;
mod listen;
#[cfg(unix)]
mod long_path;
mod nonce;
mod peer;
#[cfg(unix)]
mod raw;
mod socket;
mod socket_error;
#[cfg(unix)]
mod socket_file;

pub use advice::advise_on_handshake;
#[cfg(unix)]
pub use arrivals::Arrivals;
pub use attempts::{Attempts, EndedEarly, RetryError};
pub use connect::{PendingConnect, connect};
pub use connect_error::ConnectError;
pub use deadline::Deadline;
#[cfg(unix)]
pub use descriptor::{duplicate_inherited, receive_with_descriptor, send_with_descriptor};
pub use into_address::IntoAddress;
#[cfg(unix)]
pub use launch::{Died, Launch, LaunchError, Launched, Process};
pub use listen::Listener;
#[cfg(unix)]
pub use long_path::{LONGEST_PATH, ShortPath, unix_address};
pub use nonce::nonce;
pub use peer::{SILENT, describe_silence, describe_stop};
pub use socket::Socket;
pub use socket_error::SocketError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

//! Sockets for QMP, without a runtime.
//!
//! [`qmp_proto`] does no I/O. This crate connects its addresses to sockets, for blocking and
//! asynchronous programs:
//!
//! - [`connect()`] connects a [`Socket`] to an [`Address`](qmp_proto::Address) before a
//!   [`Deadline`], also to paths that are too long for a socket address. [`Listener`] accepts
//!   connections from QEMU.
//! - [`PendingConnect`] connects without blocking.
//! - [`ConnectRetry`] retries until a server that is starting accepts a connection.
//! - [`Launch`] starts QEMU with a connection to its monitor.
//! - [`ConnectError`] contains the address, the reason and advice. [`describe_silence`] returns why
//!   a connected server does not answer.
//! - [`send_with_descriptor`] sends a file descriptor with a command, [`receive_with_descriptor`]
//!   receives one, and [`ReceivedFds`] assigns it to its command.
//! - [`nonce()`] returns the unpredictable number in a connection's first id.
//!
//! The adapters re-export what a program needs.
//!
//! All of this is available on Linux. macOS and the BSDs support unix sockets, TCP, inherited file
//! descriptors and launching; Windows supports TCP.

#[cfg(target_os = "linux")]
mod abstract_name;
mod advice;
#[cfg(target_os = "linux")]
mod bound;
mod connect;
mod connect_error;
mod connect_retry;
mod deadline;
#[cfg(unix)]
mod descriptor;
mod first_bytes;
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
mod readiness;
#[cfg(unix)]
mod received_fds;
#[cfg(target_os = "linux")]
mod sock_diag;
mod socket;
mod socket_error;
#[cfg(unix)]
mod socket_file;

pub use advice::advise_on_handshake;
pub use connect::{PendingConnect, connect};
pub use connect_error::ConnectError;
pub use connect_retry::{ConnectRetry, EndedEarly, RetryError};
pub use deadline::Deadline;
#[cfg(unix)]
pub use descriptor::{
    duplicate_inherited, receive_with_descriptor, send_with_descriptor,
    try_receive_with_descriptor, try_send_with_descriptor,
};
pub use first_bytes::advise_on_bytes;
pub use into_address::IntoAddress;
#[cfg(unix)]
pub use launch::{Launch, LaunchError, Launched, Process, ProcessExited};
pub use listen::{Listener, PendingBind};
#[cfg(unix)]
pub use long_path::{LONGEST_PATH, ShortPath, unix_address};
pub use nonce::nonce;
pub use peer::{Occupant, Occupants, SILENT, describe_silence, describe_stop};
pub use readiness::Interest;
#[cfg(unix)]
pub use received_fds::ReceivedFds;
pub use socket::Socket;
pub use socket_error::SocketError;

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

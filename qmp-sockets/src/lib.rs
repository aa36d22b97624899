//! What every QMP client and server needs of the operating system, once, and without a runtime.
//!
//! The protocol itself is in [`qmp_proto`], which does no I/O. Between it and a runtime's streams
//! lie the same few questions for blocking and for asynchronous programs alike, and this crate
//! answers them:
//!
//! - From an [`Address`](qmp_proto::Address) to a connected [`Socket`]: [`connect()`], within a
//!   [`Deadline`], also over paths longer than a socket address has room for. The other way round,
//!   QEMU connects to us: [`Listener`].
//! - A server that is still starting is tried again: [`Attempts`].
//! - A QEMU that is not there yet is started, with its monitor connected from the start: [`Launch`].
//! - When that fails, a [`ConnectError`] says to which address, why, and what to try; and when a
//!   connected server stays silent, [`describe_silence`] finds out the cause.
//! - A file descriptor is sent along with a command: [`send_with_descriptor`]. A server receives it
//!   with [`receive_with_descriptor`], and finds out whose it is: [`Arrivals`].
//! - Events wait for a slow reader in bounded memory, and losses are counted: [`EventQueue`].
//! - A connection's first id is unlike any other's: [`nonce()`].
//! - Arguments are put together ([`ArgumentsBuilder`]), replies become values ([`Response`]), and
//!   what goes wrong is an [`Error`], the same for all adapters.
//!
//! The adapters re-export this crate whole; there is no need to depend on it as well.
//!
//! Linux has all of it; macOS and the BSDs have unix sockets, TCP, inherited descriptors and
//! programs to be launched; Windows has TCP.

#[cfg(target_os = "linux")]
mod abstract_name;
mod advice;
mod arguments;
#[cfg(unix)]
mod arrivals;
mod attempts;
mod cause;
mod connect;
mod connect_error;
mod deadline;
#[cfg(unix)]
mod descriptor;
mod error;
mod hangup;
#[cfg(test)]
mod hostile_text;
mod into_address;
#[cfg(unix)]
mod launch;
mod listen;
#[cfg(unix)]
mod long_path;
mod nonce;
mod peer;
mod queue;
#[cfg(unix)]
mod raw;
mod response;
mod socket;
#[cfg(unix)]
mod socket_file;

pub use advice::advise_on_handshake;
pub use arguments::ArgumentsBuilder;
#[cfg(unix)]
pub use arrivals::Arrivals;
pub use attempts::Attempts;
pub use cause::{Cause, Disconnect};
pub use connect::connect;
#[cfg(unix)]
pub use connect::connect_at_once;
pub use connect_error::ConnectError;
pub use deadline::Deadline;
#[cfg(unix)]
pub use descriptor::{duplicate_inherited, receive_with_descriptor, send_with_descriptor};
pub use error::{Error, Outcome};
pub use hangup::Hangup;
pub use into_address::IntoAddress;
#[cfg(unix)]
pub use launch::{Launch, Launched, Process};
pub use listen::Listener;
#[cfg(unix)]
pub use long_path::{LONGEST_PATH, ShortPath, unix_address};
pub use nonce::nonce;
pub use peer::{describe_silence, describe_stop};
pub use qmp_proto::{Direction, messages, redact};
pub use queue::{EventQueue, Queued};
pub use response::{Response, Typed, Untyped};
pub use socket::Socket;

//! The engine under `qmp-tokio`, `qmp-smol` and `qmp-blocking`, without a runtime of its own.
//!
//! Programs use an adapter, which re-exports all of this. An adapter implements [`Transport`] for
//! its runtime's streams and [`Runtime`] for itself; everything else is here, once: [`Client`] and
//! the commands of many tasks in flight together, cancellation, deadlines, events, and how a
//! connection begins and ends.
//!
//! [`Builder::open_over`] takes any [`Transport`], and returns a [`Client`] and a [`Driver`], a future
//! that any executor can poll. A [`Caller`] is a thread that polls it while it waits; it needs no
//! executor.
//!
//! # Cancelling
//!
//! Every future may be dropped at any time. A command whose turn has not come is never sent; one that
//! was sent is not taken back, and its answer is discarded. Bytes are written from buffers that belong
//! to the connection, so a message is never written in part.

#![forbid(unsafe_code)]

mod batch;
mod builder;
mod caller;
mod client;
mod connection;
mod driver;
mod error;
mod events;
mod runtime;
pub mod server;
mod starting;
mod sync;
mod trace;
mod transport;
mod waking;
mod writing;

pub use builder::Builder;
pub use caller::{Caller, PendingReply, Spawned, Stopped};
pub use client::{
    AbortHandle, Client, Deferred, Execute, Operation, Raw, Reply, Response, State, Timeout, Typed,
    Untyped,
};
pub use driver::Driver;
pub use error::{Cause, Disconnect, Error, Outcome};
pub use events::{
    Event, EventItem, EventWait, MemberValue, PersistentItem, PersistentSubscription, Subscription,
    SubscriptionBuilder,
};
pub use runtime::Runtime;
pub use transport::{Borrowed, Descriptor, Transport};

pub use qmp_proto::{
    self, Address, AddressError, Command, DecodeError, Direction, ErrorClass, Escaped,
    EscapedBytes, Json, Options, OwnedEvent, OwnedFailure, OwnedGreeting, OwnedReply, Timestamp,
    TypedEvent, Version,
};
pub use qmp_sockets::{self, ConnectError, EndedEarly, IntoAddress, Socket, SocketError};
#[cfg(unix)]
pub use qmp_sockets::{Died, Launch, LaunchError, Process};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

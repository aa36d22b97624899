//! The engine of `qmp-tokio`, `qmp-smol` and `qmp-blocking`, independent of any runtime.
//!
//! Programs use an adapter, which re-exports this crate. An adapter implements [`Transport`] for
//! the streams of its runtime and [`Runtime`] for the runtime itself. Everything else is in this
//! crate: [`Client`], concurrent commands, cancellation, deadlines, events, and the start and end
//! of connections.
//!
//! [`Builder::build_over`] takes any [`Transport`] and returns a [`Client`] and a [`Driver`], a
//! future that any executor can poll. A [`Caller`] is a thread that polls the driver while it
//! waits, without an executor.
//!
//! # Cancellation
//!
//! Every future may be dropped at any time. A command whose turn has not come is never sent. A
//! command that was sent is not taken back, and its reply is discarded. Bytes are written from
//! buffers that belong to the connection, so a message is never written in part.

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
    AbortHandle, Client, Deferred, Execute, Operation, Raw, Reply, ResponseKind, State, Timeout,
    Typed, Untyped,
};
pub use driver::Driver;
pub use error::{CloseReason, Error, ErrorKind, Outcome};
pub use events::{
    Decoded, Event, EventItem, EventWait, MemberValue, PersistentItem, PersistentSubscription,
    Subscription, SubscriptionBuilder, TypedItem, TypedPersistentItem, TypedPersistentSubscription,
    TypedSubscription,
};
pub use runtime::Runtime;
pub use transport::{BorrowedDescriptor, Descriptor, Transport};

pub use qmp_proto::{
    self, Address, AddressError, ArgumentError, Command, DecodeError, Direction, Empty, ErrorClass,
    Escaped, EscapedBytes, EventData, EventSet, Expected, Options, OwnedEvent, OwnedFailure,
    OwnedGreeting, OwnedReply, RawJson, Timestamp, TypedEvent, Version, event_set,
};
pub use qmp_sockets::{self, ConnectError, EndedEarly, IntoAddress, Socket, SocketError};
#[cfg(unix)]
pub use qmp_sockets::{Deadline, Launch, LaunchError, Process, ProcessExited};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

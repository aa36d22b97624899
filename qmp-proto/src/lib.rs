//! QMP, QEMU's machine protocol, as a pure state machine.
//!
//! Bytes go in, what they mean comes out, commands are appended to a buffer; the reading and the
//! writing are the caller's. No I/O, no clock, no randomness, no runtime, no `std`, no `unsafe`:
//! the same machine serves a thread, an event loop, an async runtime and bare metal.
//!
//! Most programs want an adapter around it instead, which does the reading and writing too.
//!
//! # The loop
//!
//! [`Client`] is the machine. [`Client::handle_input`] takes a slice and says how much of it is
//! done with and what it meant; what it hands out borrows that slice and nothing else, so commands
//! can be sent while it is held. Where there is an allocator, [`Session`] adds the two buffers: its
//! documentation holds the complete loop, runnable.
//!
//! ```
//! use qmp_proto::{Client, FixedOutput, Options, Received, Request};
//!
//! let mut memory = [0; 256];
//! let mut out = FixedOutput::new(&mut memory);
//! let mut client: Client<(), 4> = Client::monitor(Options::monitor());
//!
//! let greeting = br#"{"QMP": {"version": {}, "capabilities": ["oob"]}}"#;
//! let step = client.handle_input(greeting)?;
//! assert!(matches!(step.received, Some(Received::Greeting(_))));
//! client.negotiate(&mut out, 7, &[])?; // 7 stands for a random number
//! out.sent(out.bytes().len()); // to the socket
//!
//! let answer = br#"{"return": {}, "id": 4503599627370503}"#;
//! assert!(matches!(client.handle_input(answer)?.received, Some(Received::Ready)));
//! client.execute(&mut out, Request::new("stop"), ()).map_err(|refused| refused.reason)?;
//! assert_eq!(out.bytes(), br#"{"execute":"stop","id":0}"#);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The other side
//!
//! `server::Server`, with the feature `alloc`, is the server's half, of the same shape: for virtual
//! machine monitors that speak QMP, mock servers and proxies.
//!
//! # Three kinds of error
//!
//! - [`SendError`]: what you asked for cannot be sent now, or at all. Nothing was sent, and what you
//!   passed in comes back.
//! - [`Failure`]: the server's error answer, a [`CommandReply`] like success.
//! - [`ProtocolError`]: the connection cannot go on.
//!
//! A reply or event that came but cannot be read is none of these: reading it fails with a
//! [`BodyError`] or a `DecodeError`, and the command that it answers was sent and answered.
//!
//! And three outcomes of a command: not sent; answered; and sent but not answered, *outcome
//! unknown*, when the connection ends or a deadline of the caller's passes.
//!
//! # Features
//!
//! - none: the client, over memory of the caller's, without an allocator. No call can panic: the
//!   project links it for microcontrollers without anything to panic with.
//! - `alloc`: buffers that grow, [`Session`], messages that own their bytes, [`Address`], secrets
//!   masked for logs ([`redact()`]), the server.
//! - `serde` (default): decode replies into any type, send anything that serializes.
//! - `std`: nothing but speed. The crate itself never uses the standard library.

#![no_std]
#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]

#[cfg(any(feature = "alloc", test))]
extern crate alloc;
#[cfg(test)]
extern crate std;

#[cfg(feature = "alloc")]
mod address;
#[cfg(feature = "alloc")]
mod buffer;
mod client;
mod escaped;
mod json;
mod message;
mod output;
#[cfg(feature = "alloc")]
mod redact;
mod request;
#[cfg(feature = "alloc")]
pub mod server;
#[cfg(feature = "alloc")]
mod session;
#[cfg(feature = "serde")]
mod typed;
mod wire;

#[cfg(feature = "alloc")]
pub use address::{Address, AddressError};
#[cfg(feature = "alloc")]
pub use buffer::InputBuffer;
pub use client::{
    Client, CommandReply, NoReplyReason, OUT_OF_BAND, Options, Phase, ProtocolError, Received,
    Step, Unanswered,
};
pub use escaped::{Escaped, EscapedBytes};
pub use json::{JsonError, JsonErrorKind, JsonStr};
pub use message::{
    BodyError, Capabilities, ErrorClass, Event, Failure, Greeting, RawJson, Reply, Timestamp,
    Version,
};
#[cfg(feature = "alloc")]
pub use message::{OwnedEvent, OwnedFailure, OwnedGreeting, OwnedRawJson, OwnedReply, ReplyPlace};
pub use output::{BufferFull, FixedOutput, NoDescriptor, OutputBuffer};
#[cfg(feature = "alloc")]
pub use output::{Output, OutputChunk};
#[cfg(feature = "alloc")]
pub use redact::{Direction, Redactor, Secrets, messages, redact};
#[cfg(feature = "alloc")]
pub use request::OwnedArguments;
#[cfg(feature = "serde")]
pub use request::Serialized;
pub use request::{
    Arguments, NoArguments, RawMessage, Request, RequestId, SendError, SendErrorKind,
    WriteArguments,
};
#[cfg(feature = "alloc")]
pub use session::{Sender, Session};
#[cfg(feature = "serde")]
pub use typed::{
    ArgumentError, Command, DECODE_DEPTH, DecodeError, Empty, EventData, EventSet, Expected,
    TypedEvent,
};
pub use wire::{Malformed, MalformedReason};

#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;

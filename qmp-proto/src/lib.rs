//! QMP, QEMU's machine protocol, as a state machine without I/O.
//!
//! The caller reads and writes. It passes received bytes to the state machine, which returns
//! messages and appends commands to a buffer. There is no I/O, no clock, no randomness, no runtime,
//! no `std` and no `unsafe`, so the crate works in a thread, an event loop, an async runtime and on
//! bare metal.
//!
//! Most programs use an adapter instead, which also reads and writes.
//!
//! # The loop
//!
//! [`Client`] is the state machine. [`Client::handle_input`] takes a slice, and returns the number
//! of bytes used and what was received. Received messages borrow only from that slice, so commands
//! can be sent while they are in use. With an allocator, [`Session`] adds the two buffers; its
//! documentation contains the complete loop.
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
//! out.advance(out.bytes().len()); // to the socket
//!
//! let answer = br#"{"return": {}, "id": 4503599627370503}"#;
//! assert!(matches!(client.handle_input(answer)?.received, Some(Received::Ready)));
//! client.execute(&mut out, Request::new("stop"), ()).map_err(|refused| refused.reason)?;
//! assert_eq!(out.bytes(), br#"{"execute":"stop","id":0}"#);
//! # Ok::<(), Box<dyn core::error::Error>>(())
//! ```
//!
//! # The server
//!
//! `server::Server`, with the feature `alloc`, is the server half with the same interface, for
//! virtual machine monitors that implement QMP, mock servers and proxies.
//!
//! # Three kinds of error
//!
//! - [`SendError`]: the request cannot be sent now, or at all. Nothing was sent, and the error
//!   contains the arguments of the call.
//! - [`Failure`]: an error reply of the server, which is a [`CommandReply`] like a success reply.
//! - [`ProtocolError`]: the connection has ended.
//!
//! A reply or event that was received but is not valid causes a [`BodyError`] or a `DecodeError`
//! when it is read. Its command was sent and answered.
//!
//! A command has one of three outcomes: not sent; answered; or *unknown*, if it was sent and the
//! connection ends or the caller's deadline passes before the reply.
//!
//! # Features
//!
//! - none: the client, in the caller's memory, without an allocator. No call can panic: the project
//!   links it for microcontrollers without a panic handler.
//! - `alloc`: growing buffers, [`Session`], owned messages, [`Address`], masking secrets in logs
//!   ([`redact()`]), and the server.
//! - `serde` (default): decode replies into any type, send any serializable value.
//! - `std`: faster searches. The crate itself never uses the standard library.

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
pub use request::{Arguments, RawMessage, Request, RequestId, SendError, SendErrorKind};
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

//! JSON as QEMU reads it: from a stream of bytes to one request at a time.
//!
//! It is not quite the JSON of the standard: strings may stand in apostrophes, a zero in two bytes
//! is taken, and a zero with an exponent, noncharacters and members that are there twice are not.
//! Nothing here recurses.

mod flaw;
mod grammar;
mod modified_utf8;
mod number;
mod pass_over;
mod reader;
mod request;
mod resume;
mod rewrite;
mod string;

pub(super) use flaw::{Flaw, Limit};
use modified_utf8::Lossy;
pub(super) use reader::{Found, Read, Reader};
pub(super) use request::{Request, parse};

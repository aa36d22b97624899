//! Reading requests from a stream of bytes, in QEMU's variant of JSON.
//!
//! The variant accepts strings in apostrophes and a zero character in two bytes. It refuses a zero
//! with an exponent, noncharacters and duplicate members. Nothing here recurses.

mod grammar;
mod modified_utf8;
mod number;
mod parse_error;
mod pass_over;
mod reader;
mod request;
mod resume;
mod string;

use modified_utf8::Lossy;
pub(super) use parse_error::{Limit, ParseError};
pub(super) use reader::{Found, Read, Reader};
pub(super) use request::{Request, parse};

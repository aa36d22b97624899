//! The part of JSON that the protocol needs: walking over text without building values.
//!
//! Nothing here recurses or allocates while input is decoded, so a peer cannot overflow the stack
//! or grow memory by depth or length. serde_json decodes into Rust types.

mod block;
mod error;
mod json_str;
mod names;
mod nesting;
mod object;
mod rules;
mod skip;
mod string;
mod walk;

pub use error::{JsonError, JsonErrorKind};
pub use json_str::JsonStr;

pub(crate) use block::{BLOCK, Block, is_opening};
#[cfg_attr(not(feature = "alloc"), allow(unused_imports))]
pub(crate) use names::Names;
pub(crate) use nesting::{MAX_DEPTH, Nesting};
pub(crate) use object::{Member, Members};
use rules::Rules;
pub(crate) use rules::{Lenient, Strict};
pub(crate) use skip::skip_value;
#[cfg(feature = "alloc")]
pub(crate) use string::{Unescaped, is_noncharacter, walk_escape};
pub(crate) use string::{plain_ascii_prefix, plain_prefix};
#[cfg(feature = "alloc")]
pub(crate) use walk::depth_of;
pub(crate) use walk::{is_blank, skip_blanks, trim_blanks_end, trim_blanks_start, walk_value};
#[cfg(feature = "serde")]
pub(crate) use walk::{walk_colon, walk_string};

//! Where outgoing bytes go.

mod fixed;
#[cfg(feature = "alloc")]
mod growing;
mod sink;

pub use fixed::FixedOutput;
#[cfg(feature = "alloc")]
pub use growing::{Outgoing, Output};
pub use sink::{Full, NoDescriptor, Sink};

pub(crate) use sink::whole;

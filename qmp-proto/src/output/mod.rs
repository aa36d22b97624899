//! Output buffers.

mod buffer;
mod fixed;
#[cfg(feature = "alloc")]
mod growing;

pub use buffer::{BufferFull, NoDescriptor, OutputBuffer};
pub use fixed::FixedOutput;
#[cfg(feature = "alloc")]
pub use growing::{Output, OutputChunk};

pub(crate) use buffer::whole;

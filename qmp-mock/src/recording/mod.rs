//! Sessions with real servers: recorded, read and replayed.

mod error;
mod file;
mod line;
mod recorder;
mod replay;
mod session;
mod timeline;

pub use error::RecordingError;
pub use file::Recording;
pub use recorder::Recorder;
pub(crate) use replay::Replay;

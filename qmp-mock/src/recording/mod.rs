//! Sessions with real servers, recorded and replayed.

mod replay;
pub(crate) use replay::Replay;

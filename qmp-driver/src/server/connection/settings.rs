//! The settings of a connection to a client.

use std::time::Duration;

use qmp_proto::server::Options;

/// The settings of the protocol for one client.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) agent: bool,
    pub(crate) options: Option<Options>,
    pub(crate) greeting: Option<Box<str>>,
    pub(crate) unsent_limit: usize,
    /// How long a server waits for a client; `None` for ever.
    pub(crate) accept_timeout: Option<Duration>,
    pub(crate) close_timeout: Duration,
    pub(crate) garbage_ends: bool,
}

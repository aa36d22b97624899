//! The settings that a connection keeps from its builder.

use std::sync::Arc;
use std::time::Duration;

use qmp_proto::Options;
use qmp_sockets::nonce;

use crate::Transport;
use crate::connection::lifecycle::Handshake;
use crate::connection::machine::Machine;

/// The settings of a connection.
#[derive(Clone, Debug)]
pub(crate) struct Settings {
    pub(crate) agent: bool,
    pub(crate) enable: &'static [&'static str],
    pub(crate) handshake_timeout: Duration,
    pub(crate) timeout: Option<Duration>,
    pub(crate) tolerant: bool,
    pub(crate) options: Option<Options>,
}

impl Settings {
    pub(crate) fn machine(&self, transport: Arc<dyn Transport>, negotiated: bool) -> Machine {
        let options = self.options.clone();
        let client = if self.agent {
            qmp_proto::Client::agent(options.unwrap_or(Options::agent()))
        } else if negotiated {
            qmp_proto::Client::negotiated(options.unwrap_or_default(), nonce())
        } else {
            qmp_proto::Client::monitor(options.unwrap_or_default())
        };
        let handshake = (self.agent || !negotiated)
            .then(|| Handshake::begin(transport.now(), self.handshake_timeout, self.agent, true));
        Machine::new(client, transport, handshake)
    }
}

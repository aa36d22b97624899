//! Servers in the phases of a connection.

use qmp_proto::server::{Options, Server};

use super::side::{Host, Side};

/// A low limit for messages.
const LONGEST: usize = 300;

const AGENT: u8 = 0x01;
const NEGOTIATED: u8 = 0x02;
const OUT_OF_BAND: u8 = 0x04;
const PRETTY: u8 = 0x08;
const LOW_LIMITS: u8 = 0x10;
const MANY_IN_FLIGHT: u8 = 0x20;

#[derive(Clone, Copy, Debug)]
pub(super) struct Role(u8);

impl Role {
    pub(super) const fn new(choice: u8) -> Self {
        Self(choice)
    }

    /// Returns the bytes of the roles for which such a stream is interesting.
    pub(super) fn all(agent: bool, negotiated: Option<bool>) -> [u8; 3] {
        let role = match (agent, negotiated) {
            (true, _) => AGENT,
            (false, None) => 0,
            (false, Some(false)) => NEGOTIATED,
            (false, Some(true)) => NEGOTIATED | OUT_OF_BAND,
        };
        let most = role | if agent { MANY_IN_FLIGHT } else { NEGOTIATED | OUT_OF_BAND };
        [role, most, role | PRETTY | LOW_LIMITS]
    }

    const fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    pub(super) const fn is_pretty(self) -> bool {
        self.has(PRETTY)
    }

    /// Creates a server in this role.
    pub(super) fn put<S: Side>(self, side: impl Fn(Server, usize) -> S) -> S {
        let agent = self.has(AGENT);
        let mut options = if agent { Options::agent() } else { Options::monitor() };
        options = options.pretty(self.is_pretty());
        let mut limit = 65 * 1024 * 1024;
        if self.has(LOW_LIMITS) {
            limit = LONGEST;
            options = options.longest_message(limit).deepest_message(12);
        }
        if self.has(MANY_IN_FLIGHT) {
            options = options.in_band_limit(5).out_of_band_limit(3);
        }
        if agent {
            return side(Server::agent(options), limit);
        }
        let mut side = side(Server::monitor(options), limit);
        let negotiation: &[u8] = match (self.has(NEGOTIATED), self.has(OUT_OF_BAND)) {
            (false, _) => b"",
            (_, false) => b"{'execute':'qmp_capabilities'}",
            _ => b"{'execute':'qmp_capabilities','arguments':{'enable':['oob']}}",
        };
        side.feed(negotiation, &mut Host::new(0), &mut |_| {});
        side.out();
        side
    }
}

//! The state that all connections of a client share.

use crate::connection::wire::Wire;
use crate::events::bus::Bus;

/// The state that all connections of a client share.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) bus: Bus,
    pub(crate) wire: Wire,
}

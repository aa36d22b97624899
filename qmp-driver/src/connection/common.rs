//! What all connections of a client share.

use crate::connection::wire::Wire;
use crate::events::bus::Bus;

/// What all connections of a client have in common.
#[derive(Debug)]
pub(crate) struct Common {
    pub(crate) bus: Bus,
    pub(crate) wire: Wire,
}

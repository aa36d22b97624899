//! How the next client is received.

use std::fmt;
use std::sync::Arc;

use crate::reception::{HangUp, Reception};
use crate::shared::Shared;

/// Sets how the next client is received. Created by
/// [`Mock::next_client`](crate::Mock::next_client). Each further call applies to the client after
/// that.
///
/// The setting takes effect at the end of the statement, when this value is dropped.
///
/// ```
/// use qmp_mock::Mock;
///
/// let mock = Mock::monitor();
/// mock.next_client().hang_up_after_greeting();
/// // The client after that one gets leftover bytes before its greeting.
/// mock.next_client().bytes_first(*b"\x00garbage\n");
/// ```
pub struct NextClient {
    shared: Arc<Shared>,
    reception: Reception,
}

impl NextClient {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), reception: Reception::default() }
    }

    /// Sends these bytes before the greeting, such as garbage, an event, or a reply to another
    /// client.
    pub fn bytes_first(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.reception.bytes_first = bytes.into();
        self
    }

    /// Accepts the connection and never sends anything, as a stopped process does.
    pub fn silent(mut self) -> Self {
        self.reception.silent = true;
        self
    }

    /// Closes the connection after this many bytes are sent to the client in total; 0 closes it at
    /// once.
    pub fn hang_up_at(mut self, byte: u64) -> Self {
        self.reception.hang_up = Some(HangUp::At(byte));
        self
    }

    /// Closes the connection after the greeting.
    pub fn hang_up_after_greeting(mut self) -> Self {
        self.reception.hang_up = Some(HangUp::AfterGreeting);
        self
    }
}

impl Drop for NextClient {
    fn drop(&mut self) {
        let reception = std::mem::take(&mut self.reception);
        self.shared.lock().receptions.push_back(reception);
    }
}

impl fmt::Debug for NextClient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("NextClient").field(&self.reception).finish()
    }
}

//! How the next client is received.

use std::fmt;
use std::sync::Arc;

use crate::shared::Shared;

/// How the next client is received, if not in the usual way: [`Mock::next_client`](crate::Mock::next_client)
/// makes one. Made again, it is about the client after that.
///
/// It holds from the end of the statement, when this is dropped.
///
/// ```
/// use qmp_mock::Mock;
///
/// let mock = Mock::monitor();
/// mock.next_client().hang_up_after_greeting();
/// // The client after that one gets a greeting behind what a dead server left.
/// mock.next_client().bytes_first(*b"\x00garbage\n");
/// ```
pub struct NextClient {
    shared: Arc<Shared>,
    reception: Reception,
}

#[derive(Clone, Debug, Default)]
pub(crate) struct Reception {
    pub(crate) bytes_first: Vec<u8>,
    pub(crate) silent: bool,
    pub(crate) hang_up: Option<HangUp>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum HangUp {
    /// Behind so many bytes.
    At(u64),
    AfterGreeting,
}

impl NextClient {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        Self { shared: Arc::clone(shared), reception: Reception::default() }
    }

    /// Sends these bytes before the greeting: garbage, an event, what was meant for another client.
    pub fn bytes_first(mut self, bytes: impl Into<Vec<u8>>) -> Self {
        self.reception.bytes_first = bytes.into();
        self
    }

    /// Accepts the connection and never says anything, as a process does that is stopped.
    pub fn silent(mut self) -> Self {
        self.reception.silent = true;
        self
    }

    /// Hangs up behind so many bytes of all that is sent to this client; with 0, at once.
    pub fn hang_up_at(mut self, byte: u64) -> Self {
        self.reception.hang_up = Some(HangUp::At(byte));
        self
    }

    /// Hangs up behind the greeting.
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

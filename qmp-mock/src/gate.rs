//! Answers that are held back.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::shared::{Injected, Shared};

/// What commands wait for until the test says so: [`Mock::gate`](crate::Mock::gate) makes one, and
/// [`On::hold`](crate::On::hold) waits for it.
///
/// What the test said before it opened the gate, an event say, is sent before what the gate held,
/// and what it says later, after that.
#[derive(Clone)]
pub struct Gate {
    number: usize,
    shared: Weak<Shared>,
}

impl Gate {
    pub(crate) fn new(shared: &Arc<Shared>) -> Self {
        let mut state = shared.lock();
        let number = state.gates;
        state.gates += 1;
        Self { number, shared: Arc::downgrade(shared) }
    }

    /// Lets go what waits, and whatever comes to the gate from now on.
    pub fn open(&self) {
        if let Some(shared) = self.shared.upgrade() {
            let mut state = shared.lock();
            state.open_gates.insert(self.number);
            // In line with all else, so that it keeps its place among events.
            state.inject(&Injected::Open(self.number));
        }
    }

    /// Holds again what comes to the gate from now on.
    pub fn close(&self) {
        if let Some(shared) = self.shared.upgrade() {
            let mut state = shared.lock();
            state.open_gates.remove(&self.number);
            state.inject(&Injected::Close(self.number));
        }
    }

    pub(crate) const fn number(&self) -> usize {
        self.number
    }
}

impl fmt::Debug for Gate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Gate").field(&self.number).finish()
    }
}

//! Gates, which hold replies back.

use std::fmt;
use std::sync::{Arc, Weak};

use crate::shared::{Injected, Shared};

/// Holds commands back until the test opens it. Created by [`Mock::gate`](crate::Mock::gate) and
/// used with [`On::hold`](crate::On::hold).
///
/// Order is kept: what the test sent before it opened the gate, such as an event, is sent before
/// the commands that the gate held, and what it sends later is sent after them.
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

    /// Opens the gate: releases the commands that it holds and those that reach it later.
    pub fn open(&self) {
        if let Some(shared) = self.shared.upgrade() {
            let mut state = shared.lock();
            state.open_gates.insert(self.number);
            // Queued with the rest, so that its order among events is kept.
            state.inject(&Injected::Open(self.number));
        }
    }

    /// Closes the gate: commands that reach it from now on are held again.
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

//! Waiting for readers of events who are nearly too slow.

use std::task::Context;
use std::time::Duration;

use super::Driver;

/// How long readers of events who are at work are waited for, before the oldest events go. Waiting
/// begins again when they have taken some.
const PATIENCE: Duration = Duration::from_millis(10);
impl Driver {
    /// Whether readers of events who keep up are given a moment, so that they lose none. Answers are
    /// not held up for that: while one is awaited, the driver reads on.
    pub(super) fn waits_for_readers(&mut self, cx: &Context<'_>) -> bool {
        if !self.crowded || self.transport.readers_share_the_thread() {
            return false;
        }
        let bus = &self.connection.common.bus;
        let crowded = bus.poll_room(cx.waker()).is_pending();
        let mut machine = self.connection.lock();
        let now = machine.now();
        let awaited = machine.client.in_flight() > 0 || machine.lifecycle.closing.is_some();
        let until = *machine.patience.get_or_insert(now + PATIENCE);
        let waits = crowded && !awaited && now < until;
        if !waits {
            machine.patience = None;
        }
        drop(machine);
        if crowded && now >= until {
            bus.stop_waiting();
        }
        self.crowded = crowded && now < until;
        self.clock.is_wanted |= waits;
        waits
    }
}

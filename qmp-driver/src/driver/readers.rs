//! Backpressure for subscribers whose queues are nearly full.

use std::task::Context;
use std::time::Duration;

use super::Driver;
use super::progress::Subscribers;

/// How long the driver waits for a subscriber before the oldest events are dropped. The time starts again
/// whenever the subscriber takes events.
const PATIENCE: Duration = Duration::from_millis(10);

impl Driver {
    /// Returns whether the driver pauses so that a subscriber that keeps reading loses no events. Replies are
    /// not delayed: while a command is unanswered, the driver continues to read.
    pub(super) fn waits_for_readers(&mut self, cx: &Context<'_>) -> bool {
        if self.subscribers == Subscribers::KeepUp || self.transport.readers_share_the_thread() {
            return false;
        }
        let bus = &self.connection.common.bus;
        let crowded = bus.poll_room(cx.waker()).is_pending();
        let mut machine = self.connection.lock();
        let now = machine.now();
        let awaited = machine.client.in_flight() > 0 || machine.lifecycle.closing.is_some();
        let until = *machine.paused_until.get_or_insert(now + PATIENCE);
        let waits = crowded && !awaited && now < until;
        if !waits {
            machine.paused_until = None;
        }
        drop(machine);
        if crowded && now >= until {
            bus.stop_waiting();
        }
        self.subscribers = match crowded && now < until {
            true => Subscribers::FallBehind,
            false => Subscribers::KeepUp,
        };
        self.progress.uses_timer |= waits;
        waits
    }
}

//! Spans and events for `tracing`, with the feature of that name.

#[cfg(feature = "tracing")]
pub(crate) use on::{CommandSpan, connected, ended, shows_wire, waker_panicked, wire};

#[cfg(not(feature = "tracing"))]
pub(crate) use off::{CommandSpan, connected, ended, shows_wire, waker_panicked, wire};

#[cfg(feature = "tracing")]
mod on {
    use std::fmt::Display;

    use crate::Error;
    use qmp_proto::{Direction, Escaped, EscapedBytes};
    use tracing::span::{Entered, Span};
    use tracing::{Level, debug, debug_span, enabled, info, trace, warn};

    /// The span of a command, which starts when the command is first polled.
    pub(crate) struct CommandSpan(Span);

    impl CommandSpan {
        pub(crate) fn new(command: &str, peer: &str) -> Self {
            Self(debug_span!(target: "qmp::command", "command", command, peer))
        }

        pub(crate) fn enter(&self) -> Entered<'_> {
            self.0.enter()
        }

        pub(crate) fn done(&self, error: Option<&Error>) {
            let _entered = self.enter();
            match error {
                None => debug!(target: "qmp::command", "answered"),
                Some(error) => debug!(target: "qmp::command", %error, "failed"),
            }
        }
    }

    pub(crate) fn connected(peer: &str) {
        info!(target: "qmp::connection", peer, "ready");
    }

    pub(crate) fn ended(peer: &str, reason: &impl Display) {
        info!(target: "qmp::connection", peer, reason = %Escaped(reason), "ended");
    }

    pub(crate) fn waker_panicked() {
        warn!(target: "qmp::connection", "the waker of a task panicked");
    }

    pub(crate) fn shows_wire() -> bool {
        enabled!(target: "qmp::wire", Level::TRACE)
    }

    pub(crate) fn wire(peer: &str, direction: Direction, message: &[u8]) {
        let message = EscapedBytes(message);
        trace!(target: "qmp::wire", peer, ?direction, %message);
    }
}

#[cfg(not(feature = "tracing"))]
mod off {
    use std::fmt::Display;

    use crate::Error;
    use qmp_proto::Direction;

    pub(crate) struct CommandSpan;

    pub(crate) struct Entered;

    impl CommandSpan {
        pub(crate) fn new(_command: &str, _peer: &str) -> Self {
            Self
        }

        pub(crate) fn enter(&self) -> Entered {
            Entered
        }

        pub(crate) fn done(&self, _error: Option<&Error>) {}
    }

    pub(crate) fn connected(_peer: &str) {}

    pub(crate) fn ended(_peer: &str, _reason: &impl Display) {}

    pub(crate) fn waker_panicked() {}

    pub(crate) fn shows_wire() -> bool {
        false
    }

    pub(crate) fn wire(_peer: &str, _direction: Direction, _message: &[u8]) {}
}

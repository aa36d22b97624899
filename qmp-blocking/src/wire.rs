//! The hook that looks at the wire.

use std::fmt;

use qmp_sockets::{Direction, messages, redact};

/// Shows messages to a hook of the caller's, passwords masked.
#[derive(Default)]
pub(crate) struct Wire(Option<Hook>);

pub(crate) type Hook = Box<dyn FnMut(Direction, &[u8]) + Send>;

impl Wire {
    pub(crate) fn new(hook: Hook) -> Self {
        Self(Some(hook))
    }

    /// Shows what is one message, or several one after another.
    pub(crate) fn show(&mut self, direction: Direction, bytes: &[u8]) {
        let Some(hook) = &mut self.0 else {
            return;
        };
        for message in messages(bytes) {
            hook(direction, &redact(message));
        }
    }
}

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.0.is_some() { "Wire(watched)" } else { "Wire" })
    }
}

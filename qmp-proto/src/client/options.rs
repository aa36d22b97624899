//! What differs between servers, and limits.

/// Limits, and habits of servers other than QEMU.
///
/// ```
/// use qmp_proto::Options;
///
/// let options = Options::monitor().longest_message(16 * 1024 * 1024).string_ids(true);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(crate) longest_message: usize,
    pub(crate) deepest_message: usize,
    pub(crate) string_ids: bool,
    pub(crate) line_end: bool,
    pub(crate) echoes_ids: bool,
}

impl Options {
    /// What fits QEMU and the storage daemon.
    pub const fn monitor() -> Self {
        Self {
            // A 48 MiB file read through an agent is one legal message of 67,108,925 bytes.
            longest_message: 65 * 1024 * 1024,
            deepest_message: 1024,
            string_ids: false,
            line_end: false,
            echoes_ids: true,
        }
    }

    /// What fits the guest agent: as a monitor, and commands end with a line feed.
    pub const fn agent() -> Self {
        Self { line_end: true, ..Self::monitor() }
    }

    /// The longest message to accept, in bytes: 65 MiB unless set, and 4 GiB at most. A longer one
    /// ends the connection to a monitor, and an agent has to be synced again.
    ///
    /// Over a buffer of fixed size, set it below that size: then a message that does not fit is an
    /// error. Otherwise the buffer is full one day, and a read into no room looks like the end.
    pub const fn longest_message(mut self, bytes: usize) -> Self {
        // On targets of 64 bits; on others nothing is longer.
        const MOST: usize = u32::MAX as usize;
        self.longest_message = if bytes < MOST { bytes } else { MOST };
        self
    }

    /// The most levels of arrays and objects in a message: 1024 unless set, and never more.
    ///
    /// Replies and events in QEMU's own shape are not looked into, so in those it is 1024, and is
    /// noticed when their value is read.
    pub const fn deepest_message(mut self, levels: usize) -> Self {
        self.deepest_message = levels;
        self
    }

    /// Sends ids as strings, for servers that want them so (StratoVirt).
    pub const fn string_ids(mut self, yes: bool) -> Self {
        self.string_ids = yes;
        self
    }

    /// Ends every command with a line feed, for servers that read lines. Raw messages and
    /// [`Arguments`](crate::Arguments) must have none inside then, as JSON may between its tokens.
    ///
    /// QEMU needs none, and pays one system call for each byte it reads.
    pub const fn line_end(mut self, yes: bool) -> Self {
        self.line_end = yes;
        self
    }

    /// `false` for servers that answer without the id (default: `true`). Then one request is in flight at
    /// a time, and an answer without an id is the answer to it. An answer with an id is matched by the
    /// id, as always.
    ///
    /// Seldom needed: an agent that answers a sync without its id is taken for one.
    pub const fn echoes_ids(mut self, yes: bool) -> Self {
        self.echoes_ids = yes;
        self
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::monitor()
    }
}

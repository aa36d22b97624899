//! Options of a client.

/// Limits of a client, and settings for servers other than QEMU.
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
    /// Returns the options for QEMU and the storage daemon.
    pub const fn monitor() -> Self {
        Self {
            // Reading a file of 48 MiB through an agent returns a valid message of 67,108,925
            // bytes.
            longest_message: 65 * 1024 * 1024,
            deepest_message: 1024,
            string_ids: false,
            line_end: false,
            echoes_ids: true,
        }
    }

    /// Returns the options for the guest agent: those of a monitor, with a line feed after each
    /// command.
    pub const fn agent() -> Self {
        Self { line_end: true, ..Self::monitor() }
    }

    /// Sets the length of the longest message to accept, in bytes (default: 65 MiB, maximum: 4
    /// GiB). A longer message ends the connection to a monitor, and an agent has to be synced
    /// again.
    ///
    /// If the input buffer has a fixed size, set a limit below that size. Then a message that does
    /// not fit is an error. Otherwise the buffer fills up, and a read of zero bytes is mistaken for
    /// the end of the stream.
    pub const fn longest_message(mut self, bytes: usize) -> Self {
        // Limits targets of 64 bits. On others no length is greater.
        const MOST: usize = u32::MAX as usize;
        self.longest_message = if bytes < MOST { bytes } else { MOST };
        self
    }

    /// Sets the maximum nesting depth of a message (default and maximum: 1024).
    ///
    /// Values of replies and events in QEMU's own format are checked only when they are read, and
    /// always against 1024.
    pub const fn deepest_message(mut self, levels: usize) -> Self {
        self.deepest_message = levels;
        self
    }

    /// Sends ids as strings, which StratoVirt requires.
    pub const fn string_ids(mut self, yes: bool) -> Self {
        self.string_ids = yes;
        self
    }

    /// Ends every command with a line feed, for servers that read lines. Raw messages and
    /// [`Arguments`](crate::Arguments) must not contain line feeds between their tokens then.
    ///
    /// QEMU does not need line feeds, and reads each byte with one system call.
    pub const fn line_end(mut self, yes: bool) -> Self {
        self.line_end = yes;
        self
    }

    /// Sets whether the server returns ids (default: `true`). If not, one request is in flight at a
    /// time, and a reply without an id belongs to it. A reply with an id is matched by the id in
    /// any case.
    ///
    /// Rarely needed: an agent whose sync reply lacks the id is recognised as such a server.
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

//! Options of a server.

use alloc::borrow::Cow;

use crate::message::Version;

/// The in-flight limit of in-band commands in QEMU while `oob` is enabled: one that runs, and eight
/// that wait.
const IN_BAND_BESIDE_OUT_OF_BAND: usize = 9;

/// The greeting, output format and limits of a server.
///
/// ```
/// use qmp_proto::Version;
/// use qmp_proto::server::Options;
///
/// let options = Options::monitor().version(Version::new(1, 2, 3)).package("my-vmm").out_of_band(false);
/// ```
#[derive(Clone, Debug)]
pub struct Options {
    pub(super) version: Version,
    pub(super) package: Cow<'static, str>,
    pub(super) out_of_band: bool,
    pub(super) pretty: bool,
    pub(super) line_end: &'static str,
    pub(super) longest_message: usize,
    pub(super) deepest_message: usize,
    pub(super) in_band_limit: Option<usize>,
    pub(super) out_of_band_limit: usize,
}

impl Options {
    /// Returns the options of QEMU, with the version 10.0.0.
    pub const fn monitor() -> Self {
        Self {
            version: Version::new(10, 0, 0),
            package: Cow::Borrowed(""),
            out_of_band: true,
            pretty: false,
            line_end: "\r\n",
            // QEMU's limit is 64 MiB of tokens, without the blanks between them.
            longest_message: 65 * 1024 * 1024,
            deepest_message: 1024,
            in_band_limit: None,
            out_of_band_limit: 1,
        }
    }

    /// Returns the options of the guest agent, with a line feed as the line end.
    pub const fn agent() -> Self {
        let mut options = Self::monitor();
        options.line_end = "\n";
        options.out_of_band = false;
        options
    }

    /// Sets the version in the greeting, on which clients may base what they send.
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// Sets the name of the build in the greeting (default: empty).
    pub fn package(mut self, package: impl Into<Cow<'static, str>>) -> Self {
        self.package = package.into();
        self
    }

    /// Sets whether the greeting offers the capability `oob` (default: `true`, as in QEMU).
    pub const fn out_of_band(mut self, offered: bool) -> Self {
        self.out_of_band = offered;
        self
    }

    /// Writes messages on several lines, as QEMU does with `pretty=on`. Clients that read lines
    /// cannot parse this.
    pub const fn pretty(mut self, yes: bool) -> Self {
        self.pretty = yes;
        self
    }

    /// Sets the length of the longest message to accept, in bytes, including blanks (default: 65
    /// MiB). QEMU's limit of 64 MiB of tokens applies in any case.
    ///
    /// An incomplete message stays in the caller's buffer, so this limits the buffer, too.
    pub const fn longest_message(mut self, bytes: usize) -> Self {
        self.longest_message = if bytes > 0 { bytes } else { 1 };
        self
    }

    /// Sets the maximum nesting depth of a message (default and maximum: 1024).
    pub const fn deepest_message(mut self, levels: usize) -> Self {
        self.deepest_message = if levels < 1024 { levels } else { 1024 };
        self
    }

    /// Sets the in-flight limit of in-band commands (default: 1, and 9 after a client has enabled
    /// `oob`, as in QEMU; minimum: 1).
    ///
    /// Clients without `oob` may rely on replies in the order of their commands. The limit 1
    /// ensures this; with a higher limit the caller has to ensure it.
    pub const fn in_band_limit(mut self, commands: usize) -> Self {
        self.in_band_limit = Some(if commands > 0 { commands } else { 1 });
        self
    }

    /// Sets the in-flight limit of out-of-band commands (default: 1, as in QEMU, which executes
    /// them immediately; minimum: 1).
    pub const fn out_of_band_limit(mut self, commands: usize) -> Self {
        self.out_of_band_limit = if commands > 0 { commands } else { 1 };
        self
    }

    /// Returns the in-flight limit of in-band commands.
    pub(super) fn in_band(&self, out_of_band: bool) -> usize {
        self.in_band_limit.unwrap_or(if out_of_band { IN_BAND_BESIDE_OUT_OF_BAND } else { 1 })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::monitor()
    }
}

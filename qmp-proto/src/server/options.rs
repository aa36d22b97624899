//! What a server calls itself, and limits.

use alloc::borrow::Cow;

use crate::message::Version;

/// How many in-band commands QEMU takes in beside `oob`: one that runs, and eight that wait.
const IN_BAND_BESIDE_OUT_OF_BAND: usize = 9;

/// What a server calls itself and offers, how it writes, and its limits.
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
    /// What QEMU does, which it says to be version 10.0.0.
    pub const fn monitor() -> Self {
        Self {
            version: Version::new(10, 0, 0),
            package: Cow::Borrowed(""),
            out_of_band: true,
            pretty: false,
            line_end: "\r\n",
            // QEMU's limit is 64 MiB of tokens, and some blanks may stand between them.
            longest_message: 65 * 1024 * 1024,
            deepest_message: 1024,
            in_band_limit: None,
            out_of_band_limit: 1,
        }
    }

    /// What the guest agent does: lines end with a line feed alone.
    pub const fn agent() -> Self {
        let mut options = Self::monitor();
        options.line_end = "\n";
        options.out_of_band = false;
        options
    }

    /// The version in the greeting. Clients decide by it what they may ask for.
    pub const fn version(mut self, version: Version) -> Self {
        self.version = version;
        self
    }

    /// What the greeting calls the build: free text, empty unless set.
    pub fn package(mut self, package: impl Into<Cow<'static, str>>) -> Self {
        self.package = package.into();
        self
    }

    /// Whether the greeting offers the capability `oob`: yes unless set, as every QEMU does.
    pub const fn out_of_band(mut self, offered: bool) -> Self {
        self.out_of_band = offered;
        self
    }

    /// Spreads messages over many lines, as QEMU does with `pretty=on`. Clients that read lines do
    /// not understand it.
    pub const fn pretty(mut self, yes: bool) -> Self {
        self.pretty = yes;
        self
    }

    /// The longest message to accept, in bytes, blanks between its tokens included: 65 MiB unless
    /// set. Never more than the 64 MiB of tokens that QEMU accepts.
    ///
    /// A message stays in the caller's buffer until it is whole, so this bounds that too.
    pub const fn longest_message(mut self, bytes: usize) -> Self {
        self.longest_message = if bytes > 0 { bytes } else { 1 };
        self
    }

    /// The most levels of arrays and objects in a message: 1024 unless set, and never more.
    pub const fn deepest_message(mut self, levels: usize) -> Self {
        self.deepest_message = if levels < 1024 { levels } else { 1024 };
        self
    }

    /// How many in-band commands may be unanswered before no more input is taken: unless set, 1,
    /// and 9 once a client has enabled `oob`, as in QEMU. At least 1.
    ///
    /// With 1, commands are answered in the order in which they came, which clients without `oob`
    /// may rely on. With more, it is the caller who has to see to that.
    pub const fn in_band_limit(mut self, commands: usize) -> Self {
        self.in_band_limit = Some(if commands > 0 { commands } else { 1 });
        self
    }

    /// How many out-of-band commands may be unanswered before no more input is taken: 1 unless
    /// set, as in QEMU, which runs them at once. At least 1.
    pub const fn out_of_band_limit(mut self, commands: usize) -> Self {
        self.out_of_band_limit = if commands > 0 { commands } else { 1 };
        self
    }

    /// How many in-band commands may be unanswered.
    pub(super) fn in_band(&self, out_of_band: bool) -> usize {
        self.in_band_limit.unwrap_or(if out_of_band { IN_BAND_BESIDE_OUT_OF_BAND } else { 1 })
    }
}

impl Default for Options {
    fn default() -> Self {
        Self::monitor()
    }
}

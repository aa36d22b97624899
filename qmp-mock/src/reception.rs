//! What a newly connected client receives first.

#[derive(Clone, Debug, Default)]
pub(crate) struct Reception {
    pub(crate) bytes_first: Vec<u8>,
    pub(crate) silent: bool,
    pub(crate) hang_up: Option<HangUp>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) enum HangUp {
    /// After this many bytes.
    At(u64),
    AfterGreeting,
}

//! Messages that a client sends in a replay.

use qmp_proto::{Client, RawMessage};

/// The in-flight limit, as many commands as one recording pipelines.
pub(crate) const MOST: usize = 128;

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum What {
    Negotiate { out_of_band: bool },
    Sync,
    Raw { text: String, token: u32 },
}

impl What {
    /// Returns whether it can be sent now.
    pub(crate) fn send<S: qmp_proto::OutputBuffer>(
        &self,
        client: &mut Client<u32, MOST>,
        out: &mut S,
    ) -> bool {
        match self {
            Self::Negotiate { out_of_band } => {
                let enable: &[&str] = if *out_of_band { &["oob"] } else { &[] };
                client.negotiate(out, 7, enable).is_ok()
            }
            Self::Sync => client.sync(out, 7).is_ok(),
            Self::Raw { text, token } => {
                let message = RawMessage::parse(text).unwrap();
                client.execute_raw(out, &message, *token).is_ok()
            }
        }
    }
}

#[cfg(feature = "alloc")]
impl What {
    /// As [`send`](Self::send).
    pub(crate) fn send_through<F>(&self, sender: &mut qmp_proto::Sender<'_, u32, F, MOST>) -> bool {
        match self {
            Self::Negotiate { out_of_band } => {
                let enable: &[&str] = if *out_of_band { &["oob"] } else { &[] };
                sender.negotiate(7, enable).is_ok()
            }
            Self::Sync => sender.sync(7).is_ok(),
            Self::Raw { text, token } => {
                let message = RawMessage::parse(text).unwrap();
                sender.execute_raw(&message, *token).is_ok()
            }
        }
    }
}

//! Replaying a script to a client, in any pieces.

use qmp_proto::{Client, Received};
use std::collections::VecDeque;

use super::script::Sending;
use super::what::MOST;
use crate::peer::{Observed, Wire};

/// A client, with or without buffers.
pub(crate) enum Listener {
    Bare {
        client: Client<u32, MOST>,
        input: Vec<u8>,
    },
    #[cfg(feature = "alloc")]
    Session(qmp_proto::Session<u32, u32, MOST>),
}

impl Listener {
    pub(crate) fn bare(client: Client<u32, MOST>) -> Self {
        let input = Vec::new();
        Self::Bare { client, input }
    }

    #[cfg(feature = "alloc")]
    pub(crate) fn session(client: Client<u32, MOST>) -> Self {
        Self::Session(qmp_proto::Session::new(client))
    }

    fn feed(&mut self, bytes: &[u8]) {
        match self {
            Self::Bare { input, .. } => input.extend_from_slice(bytes),
            #[cfg(feature = "alloc")]
            Self::Session(session) => {
                for piece in bytes.chunks(qmp_proto::InputBuffer::LEAST_ROOM) {
                    session.spare_mut()[..piece.len()].copy_from_slice(piece);
                    session.advance(piece.len());
                }
            }
        }
    }

    fn receive(&mut self) -> Option<Observed> {
        match self {
            Self::Bare { client, input } => {
                let step = client.handle_input(input).unwrap();
                let (used, observed) = (step.used, step.received.map(observe));
                input.drain(..used);
                observed
            }
            #[cfg(feature = "alloc")]
            Self::Session(session) => Some(observe(session.receive().unwrap()?.0)),
        }
    }

    fn send(&mut self, sending: &Sending) {
        let sent = match self {
            Self::Bare { client, .. } => sending.what.send(client, &mut Wire::default()),
            #[cfg(feature = "alloc")]
            Self::Session(session) => sending.what.send_through(&mut session.sender()),
        };
        assert!(sent, "{sending:?}");
    }

    pub(crate) fn ends(&mut self) -> Result<(), qmp_proto::ProtocolError> {
        match self {
            Self::Bare { client, .. } => client.handle_end(),
            #[cfg(feature = "alloc")]
            Self::Session(session) => session.handle_end(),
        }
    }

    /// Replays the stream in pieces with these ends, and returns what the listener received.
    pub(crate) fn play(
        &mut self,
        stream: &[u8],
        ends: impl IntoIterator<Item = usize>,
        sends: &[Sending],
    ) -> Vec<Observed> {
        let mut sends: VecDeque<_> = sends.iter().collect();
        let mut observed = Vec::new();
        let mut start = 0;
        for end in ends.into_iter().chain([stream.len()]) {
            self.feed(&stream[start..end]);
            start = end;
            loop {
                while sends.front().is_some_and(|it| it.after <= observed.len()) {
                    self.send(sends.pop_front().unwrap());
                }
                match self.receive() {
                    Some(it) => observed.push(it),
                    None => break,
                }
            }
        }
        assert!(sends.is_empty(), "not sent: {sends:?}");
        observed
    }
}

/// Omits the text of malformed bytes, which is compared elsewhere.
fn observe(received: Received<'_, u32>) -> Observed {
    match received {
        Received::Malformed(_) => Observed::Malformed(String::new()),
        other => Observed::new(other),
    }
}

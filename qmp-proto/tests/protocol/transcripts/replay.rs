//! Playing a script to a client, in any pieces.

use qmp_proto::{Client, Received};
use std::collections::VecDeque;

use super::script::Sending;
use super::what::MOST;
use crate::peer::{Said, Wire};

/// A client, with buffers or without.
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

    fn hear(&mut self, bytes: &[u8]) {
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

    fn receive(&mut self) -> Option<Said> {
        match self {
            Self::Bare { client, input } => {
                let step = client.handle_input(input).unwrap();
                let (used, said) = (step.used, step.received.map(said));
                input.drain(..used);
                said
            }
            #[cfg(feature = "alloc")]
            Self::Session(session) => Some(said(session.receive().unwrap()?.0)),
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

    /// Plays the stream in pieces that end at these places; what the listener said.
    pub(crate) fn play(
        &mut self,
        stream: &[u8],
        ends: impl IntoIterator<Item = usize>,
        sends: &[Sending],
    ) -> Vec<Said> {
        let mut sends: VecDeque<_> = sends.iter().collect();
        let mut said = Vec::new();
        let mut start = 0;
        for end in ends.into_iter().chain([stream.len()]) {
            self.hear(&stream[start..end]);
            start = end;
            loop {
                while sends.front().is_some_and(|it| it.after <= said.len()) {
                    self.send(sends.pop_front().unwrap());
                }
                match self.receive() {
                    Some(it) => said.push(it),
                    None => break,
                }
            }
        }
        assert!(sends.is_empty(), "not sent: {sends:?}");
        said
    }
}

/// The text of what is malformed is cut, and compared elsewhere.
fn said(received: Received<'_, u32>) -> Said {
    match received {
        Received::Malformed(_) => Said::Malformed(String::new()),
        other => Said::new(other),
    }
}

//! Commands on their way out.

use crate::client::pending::Traits;
use crate::client::{AGENT_WINDOW, Client, Dialect, IN_BAND_BESIDE_OUT_OF_BAND, Options, Phase};
use crate::output::{NoDescriptor, OutputBuffer};
use crate::request::{
    Identity, RawMessage, Request, RequestId, SendError, SendErrorKind, WriteArguments, write_raw,
    write_request,
};

impl<T, const N: usize> Client<T, N> {
    /// Appends a command to `out`. Its answer will bring `token` back.
    ///
    /// # Errors
    ///
    /// If it cannot be sent now, or at all: see [`SendErrorKind`]. Then nothing was
    /// appended, and the token and the descriptor come back.
    // The error holds what was passed in.
    #[allow(clippy::result_large_err)]
    pub fn execute<A: WriteArguments, S: OutputBuffer>(
        &mut self,
        out: &mut S,
        mut request: Request<'_, A, S::Descriptor>,
        token: T,
    ) -> Result<RequestId, SendError<T, S::Descriptor>> {
        let traits = Traits {
            out_of_band: request.out_of_band,
            descriptor: request.descriptor.is_some(),
            unanswered: request.unanswered,
            ends_connection: request.name == "quit",
        };
        let at = out.length();
        let sent = self.write(out, traits, |out, identity| write_request(out, &request, identity));
        match sent {
            Ok(slot) => {
                let length = out.length() - at;
                if let Some(descriptor) = request.descriptor.take() {
                    out.attach(at, descriptor);
                }
                Ok(self.pending.fill(slot, token, traits, length))
            }
            Err(reason) => Err(SendError { reason, token, descriptor: request.descriptor }),
        }
    }

    /// Appends a whole message of the caller's to `out`, with our id in the place of its own.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    #[allow(clippy::result_large_err)]
    pub fn execute_raw<S: OutputBuffer>(
        &mut self,
        out: &mut S,
        message: &RawMessage<'_>,
        token: T,
    ) -> Result<RequestId, SendError<T, S::Descriptor>> {
        self.execute_raw_with_descriptor(out, message, None, token)
    }

    /// As [`execute_raw`](Self::execute_raw), with a descriptor that is sent along.
    ///
    /// # Errors
    ///
    /// As [`execute`](Self::execute).
    #[allow(clippy::result_large_err)]
    pub fn execute_raw_with_descriptor<S: OutputBuffer>(
        &mut self,
        out: &mut S,
        message: &RawMessage<'_>,
        descriptor: Option<S::Descriptor>,
        token: T,
    ) -> Result<RequestId, SendError<T, S::Descriptor>> {
        let command = Request::<'_, _, NoDescriptor>::new(message.name());
        let traits = Traits {
            out_of_band: message.is_out_of_band(),
            descriptor: descriptor.is_some(),
            unanswered: command.unanswered,
            ends_connection: command.name == "quit",
        };
        let at = out.length();
        match self.write(out, traits, |out, identity| write_raw(out, message, identity)) {
            Ok(slot) => {
                let length = out.length() - at;
                if let Some(descriptor) = descriptor {
                    out.attach(at, descriptor);
                }
                Ok(self.pending.fill(slot, token, traits, length))
            }
            Err(reason) => Err(SendError { reason, token, descriptor }),
        }
    }

    /// Says that nobody waits for the answer any more; gives the token back.
    ///
    /// The command is not taken back: it was sent, and its outcome is unknown. Its slot stays
    /// taken until the server answers it.
    ///
    /// Call it on a command that is answered only when it fails, once it would have failed: an agent
    /// that goes without an answer to it is sent other commands then, whatever their length.
    pub fn abandon(&mut self, request: RequestId) -> Option<T> {
        self.pending.abandon(request)
    }

    /// Applies the rules for what may be in flight, then writes; gives the slot to fill.
    fn write<S: OutputBuffer>(
        &mut self,
        out: &mut S,
        traits: Traits,
        write: impl FnOnce(&mut S, Identity) -> Result<(), SendErrorKind>,
    ) -> Result<usize, SendErrorKind> {
        let slot = self.admit(traits)?;
        let at = out.length();
        let Options { string_ids: string, line_end, .. } = self.options;
        write(out, Identity { id: self.pending.next_id(), string, line_end })?;
        let admitted = self.admit_length(out.length() - at);
        if admitted.is_err() {
            out.truncate(at);
        }
        admitted.map(|()| slot)
    }

    /// What a guest agent has not answered has to stay under what it reads at once, or be one command.
    ///
    /// A sync is sent in any case: once it is answered nothing is unanswered, and no command is sent
    /// before.
    fn admit_length(&self, length: usize) -> Result<(), SendErrorKind> {
        if !matches!(self.dialect, Dialect::Agent(_)) {
            return Ok(());
        }
        let unanswered = self.pending.unanswered_length();
        if unanswered == 0 || unanswered.saturating_add(length) < AGENT_WINDOW {
            return Ok(());
        }
        Err(self.pending.length_refusal(AGENT_WINDOW))
    }

    /// Applies the rules that do not depend on the message's length; gives a free slot.
    fn admit(&mut self, traits: Traits) -> Result<usize, SendErrorKind> {
        if self.phase != Phase::Ready {
            return Err(SendErrorKind::Phase(self.phase));
        }
        let out_of_band = self.is_out_of_band();
        if traits.out_of_band && !out_of_band {
            return Err(SendErrorKind::NoOutOfBand);
        }
        let limit = if !self.options.echoes_ids {
            1
        } else if out_of_band && !traits.out_of_band {
            IN_BAND_BESIDE_OUT_OF_BAND.min(N)
        } else {
            N
        };
        let taken = if traits.out_of_band || !self.options.echoes_ids {
            self.pending.count()
        } else {
            self.pending.in_band()
        };
        if taken >= limit {
            return Err(self.pending.refusal(limit, traits.out_of_band));
        }
        if traits.descriptor && self.pending.has_descriptor() {
            return Err(SendErrorKind::DescriptorInFlight);
        }
        self.pending.vacancy().ok_or_else(|| self.pending.refusal(N, traits.out_of_band))
    }

    /// Whether in-band answers come in the order of their commands, and nothing overtakes them.
    pub(crate) fn answers_in_order(&self) -> bool {
        match &self.dialect {
            Dialect::Monitor(monitor) => !monitor.out_of_band(),
            Dialect::Agent(_) => true,
        }
    }
}

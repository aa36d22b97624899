//! Sending commands.

use crate::client::pending::Attributes;
use crate::client::{AGENT_WINDOW, Client, Dialect, IN_BAND_BESIDE_OUT_OF_BAND, Options, Phase};
use crate::output::{NoDescriptor, OutputBuffer};
use crate::request::{
    Identity, RawMessage, Request, RequestId, SendError, SendErrorKind, write_raw, write_request,
};

impl<T, const N: usize> Client<T, N> {
    /// Appends a command to `out`. Its reply is received with `token`.
    ///
    /// # Errors
    ///
    /// If the command cannot be sent now, or at all: see [`SendErrorKind`]. Then nothing is
    /// appended, and the error contains the token and the descriptor.
    // The error contains the arguments of the call.
    #[allow(clippy::result_large_err)]
    pub fn execute<S: OutputBuffer>(
        &mut self,
        out: &mut S,
        mut request: Request<'_, S::Descriptor>,
        token: T,
    ) -> Result<RequestId, SendError<T, S::Descriptor>> {
        let attributes = Attributes {
            out_of_band: request.out_of_band,
            descriptor: request.descriptor.is_some(),
            no_success_response: request.no_success_response,
            ends_connection: request.name == "quit",
        };
        let at = out.length();
        let sent =
            self.write(out, attributes, |out, identity| write_request(out, &request, identity));
        match sent {
            Ok(slot) => {
                let length = out.length() - at;
                if let Some(descriptor) = request.descriptor.take() {
                    out.attach(at, descriptor);
                }
                Ok(self.pending.fill(slot, token, attributes, length))
            }
            Err(reason) => Err(SendError { reason, token, descriptor: request.descriptor }),
        }
    }

    /// Appends a complete message to `out`, with its id replaced by an id of this client.
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

    /// As [`execute_raw`](Self::execute_raw), with a file descriptor.
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
        let command = Request::<'_, NoDescriptor>::new(message.name());
        let attributes = Attributes {
            out_of_band: message.is_out_of_band(),
            descriptor: descriptor.is_some(),
            no_success_response: command.no_success_response,
            ends_connection: command.name == "quit",
        };
        let at = out.length();
        match self.write(out, attributes, |out, identity| write_raw(out, message, identity)) {
            Ok(slot) => {
                let length = out.length() - at;
                if let Some(descriptor) = descriptor {
                    out.attach(at, descriptor);
                }
                Ok(self.pending.fill(slot, token, attributes, length))
            }
            Err(reason) => Err(SendError { reason, token, descriptor }),
        }
    }

    /// Marks a request as abandoned, and returns its token.
    ///
    /// The command was sent, and its outcome is unknown. Its slot stays in use until the server
    /// replies.
    ///
    /// Call it also for a command without a success response, after the time in which it would have
    /// failed. From then on its length does not count towards an agent's limit.
    pub fn abandon(&mut self, request: RequestId) -> Option<T> {
        self.pending.abandon(request)
    }

    /// Checks the in-flight limits, writes the message, and returns the slot to fill.
    fn write<S: OutputBuffer>(
        &mut self,
        out: &mut S,
        attributes: Attributes,
        write: impl FnOnce(&mut S, Identity) -> Result<(), SendErrorKind>,
    ) -> Result<usize, SendErrorKind> {
        let slot = self.admit(attributes)?;
        let at = out.length();
        let Options { string_ids: string, line_end, .. } = self.options;
        write(out, Identity { id: self.pending.next_id(), string, line_end })?;
        let admitted = self.admit_length(out.length() - at);
        if admitted.is_err() {
            out.truncate(at);
        }
        admitted.map(|()| slot)
    }

    /// Checks that the unanswered commands of a guest agent stay below the number of bytes that it
    /// reads at once, or are only one command.
    ///
    /// A sync is always sent: after its reply nothing is unanswered, and no command is sent before
    /// it.
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

    /// Checks the rules that do not depend on the length of the message, and returns a free slot.
    fn admit(&mut self, attributes: Attributes) -> Result<usize, SendErrorKind> {
        if self.phase != Phase::Ready {
            return Err(SendErrorKind::Phase(self.phase));
        }
        let out_of_band = self.is_out_of_band();
        if attributes.out_of_band && !out_of_band {
            return Err(SendErrorKind::NoOutOfBand);
        }
        let limit = if !self.options.echoes_ids {
            1
        } else if out_of_band && !attributes.out_of_band {
            IN_BAND_BESIDE_OUT_OF_BAND.min(N)
        } else {
            N
        };
        let taken = if attributes.out_of_band || !self.options.echoes_ids {
            self.pending.count()
        } else {
            self.pending.in_band()
        };
        if taken >= limit {
            return Err(self.pending.refusal(limit, attributes.out_of_band));
        }
        if attributes.descriptor && self.pending.has_descriptor() {
            return Err(SendErrorKind::DescriptorInFlight);
        }
        self.pending.vacancy().ok_or_else(|| self.pending.refusal(N, attributes.out_of_band))
    }

    /// Returns whether all replies arrive in the order of their commands.
    pub(crate) fn answers_in_order(&self) -> bool {
        match &self.dialect {
            Dialect::Monitor(monitor) => !monitor.out_of_band(),
            Dialect::Agent(_) => true,
        }
    }
}

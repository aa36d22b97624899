//! A client without buffers, and one with buffers.

use qmp_proto::{
    Client, InputBuffer, NoReplyReason, OUT_OF_BAND, Output, ProtocolError, Received, Request,
    RequestId, Sender, Session,
};

/// A callback for everything that is received.
type Then<'t> = &'t mut dyn FnMut(&Received<'_, u32>, &mut dyn Sends);

pub(super) trait Side {
    /// Feeds the next bytes of the stream.
    fn feed(&mut self, bytes: &[u8], then: Then<'_>) -> Result<(), ProtocolError>;
    fn sends(&mut self, then: &mut dyn FnMut(&mut dyn Sends));
    /// Ends the stream, and returns the result and the unanswered requests.
    fn ends(&mut self) -> (Result<(), ProtocolError>, Vec<(u32, NoReplyReason)>);
    /// Returns all bytes that were sent.
    fn sent(&mut self) -> Vec<u8>;
}

/// Sends the possible messages.
pub(super) trait Sends {
    fn negotiates(&mut self, out_of_band: bool);
    fn syncs(&mut self);
    fn executes(&mut self, mark: u32);
}

/// Returns a request with varying attributes.
fn request(mark: u32) -> Request<'static, u32> {
    let name = ["stop", "guest-shutdown", "quit", "query-status"][mark as usize % 4];
    let request = Request::new(name);
    let request = if mark % 5 == 0 { request.out_of_band() } else { request };
    if mark % 7 == 0 { request.descriptor(mark) } else { request }
}

const fn is_abandoned(mark: u32) -> bool {
    mark % 6 == 1
}

const fn capabilities(out_of_band: bool) -> &'static [&'static str] {
    if out_of_band { &[OUT_OF_BAND] } else { &[] }
}

/// A client, and the bytes that it has not used yet.
pub(super) struct Bare {
    client: Client<u32>,
    output: Output<u32>,
    input: Vec<u8>,
    limit: usize,
}

impl Bare {
    pub(super) const fn new(client: Client<u32>, limit: usize) -> Self {
        Self { client, output: Output::new(), input: Vec::new(), limit }
    }
}

impl Side for Bare {
    fn feed(&mut self, bytes: &[u8], then: Then<'_>) -> Result<(), ProtocolError> {
        self.input.extend_from_slice(bytes);
        loop {
            let in_flight = self.client.in_flight();
            let step = self.client.handle_input(&self.input);
            let step = match step {
                Ok(step) => step,
                Err(error) => {
                    let again = self.client.handle_input(&self.input).err();
                    assert_eq!(again, Some(error), "an error that comes once");
                    return Err(error);
                }
            };
            assert!(step.used <= self.input.len());
            let Some(received) = step.received else {
                self.input.drain(..step.used);
                break;
            };
            let lost = matches!(received, Received::Unanswered(_));
            assert!(step.used > 0 || lost, "{received:?} comes of nothing");
            assert!(self.client.in_flight() <= in_flight);
            then(&received, &mut (&mut self.client, &mut self.output));
            let used = step.used;
            self.input.drain(..used);
        }
        assert!(self.input.len() <= self.limit, "{} bytes are held", self.input.len());
        Ok(())
    }

    fn sends(&mut self, then: &mut dyn FnMut(&mut dyn Sends)) {
        then(&mut (&mut self.client, &mut self.output));
    }

    fn ends(&mut self) -> (Result<(), ProtocolError>, Vec<(u32, NoReplyReason)>) {
        let end = self.client.handle_end();
        let lost = self.client.drain().map(|it| (it.token, it.reason)).collect();
        assert_eq!(self.client.in_flight(), 0);
        (end, lost)
    }

    fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(outgoing) = self.output.chunk() {
            sent.extend_from_slice(outgoing.bytes);
            let count = outgoing.bytes.len();
            self.output.advance(count);
        }
        sent
    }
}

impl Sends for (&mut Client<u32>, &mut Output<u32>) {
    fn negotiates(&mut self, out_of_band: bool) {
        let _ = self.0.negotiate(self.1, 7, capabilities(out_of_band));
    }

    fn syncs(&mut self) {
        let _ = self.0.sync(self.1, 7);
    }

    fn executes(&mut self, mark: u32) {
        if let Ok(request) = self.0.execute(self.1, request(mark), mark) {
            forget(is_abandoned(mark), request, |request| self.0.abandon(request));
        }
    }
}

/// A session, which has its own buffers.
pub(super) struct Buffered {
    session: Session<u32, u32>,
    limit: usize,
    unread: usize,
}

impl Buffered {
    pub(super) const fn new(client: Client<u32>, limit: usize) -> Self {
        Self { session: Session::new(client), limit, unread: 0 }
    }

    fn receives(&mut self, then: Then<'_>) -> Result<(), ProtocolError> {
        loop {
            let more = match self.session.receive()? {
                Some((received, mut sender)) => {
                    then(&received, &mut sender);
                    true
                }
                None => false,
            };
            self.unread -= self.session.consumed().len();
            if !more {
                break;
            }
        }
        assert!(self.unread <= self.limit, "{} bytes are held", self.unread);
        Ok(())
    }
}

impl Side for Buffered {
    fn feed(&mut self, bytes: &[u8], then: Then<'_>) -> Result<(), ProtocolError> {
        let mut rest = bytes;
        loop {
            let room = self.session.spare_mut();
            assert!(room.len() >= InputBuffer::LEAST_ROOM, "little room");
            assert!(
                room.len() <= 2 * (self.limit + InputBuffer::LEAST_ROOM),
                "{} bytes of room",
                room.len()
            );
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            self.session.advance(count);
            self.unread += count;
            rest = &rest[count..];
            self.receives(then)?;
            if rest.is_empty() {
                return Ok(());
            }
        }
    }

    fn sends(&mut self, then: &mut dyn FnMut(&mut dyn Sends)) {
        then(&mut self.session.sender());
    }

    fn ends(&mut self) -> (Result<(), ProtocolError>, Vec<(u32, NoReplyReason)>) {
        let end = self.session.handle_end();
        (end, self.session.drain().map(|it| (it.token, it.reason)).collect())
    }

    fn sent(&mut self) -> Vec<u8> {
        let mut sent = Vec::new();
        while let Some(outgoing) = self.session.output_chunk() {
            sent.extend_from_slice(outgoing.bytes);
            let count = outgoing.bytes.len();
            self.session.advance_output(count);
        }
        sent
    }
}

impl Sends for Sender<'_, u32, u32> {
    fn negotiates(&mut self, out_of_band: bool) {
        let _ = self.negotiate(7, capabilities(out_of_band));
    }

    fn syncs(&mut self) {
        let _ = self.sync(7);
    }

    fn executes(&mut self, mark: u32) {
        if let Ok(request) = self.execute(request(mark), mark) {
            forget(is_abandoned(mark), request, |request| self.abandon(request));
        }
    }
}

fn forget(is_abandoned: bool, request: RequestId, abandon: impl FnOnce(RequestId) -> Option<u32>) {
    if is_abandoned {
        assert!(abandon(request).is_some());
    }
}

//! Events.

use std::time::{SystemTime, UNIX_EPOCH};

use qmp_proto::server::Sender;
use qmp_proto::{Json, OwnedJson, Refusal, Sink, Timestamp};
use qmp_sockets::{Error, Hangup};
use serde::Serialize;

use crate::server::Connection;
use crate::stream::Stream;

impl<S: Stream> Connection<S> {
    /// Emits an event that has happened now. What it carries is something that serializes into an
    /// object, or `&()` for nothing. What cannot be written at once is written by the next call.
    ///
    /// A client that has not negotiated yet gets none, and one that has left neither: that is no
    /// error, they are just not sent.
    ///
    /// # Errors
    ///
    /// If `data` is something else, or the client talks to a guest agent, which sends no events.
    pub fn emit<T: Serialize + ?Sized>(&mut self, name: &str, data: &T) -> Result<(), Error> {
        self.emit_at(name, now(), data)
    }

    /// As [`emit`](Self::emit), of an event that happened at another time.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_at<T: Serialize + ?Sized>(
        &mut self,
        name: &str,
        timestamp: Timestamp,
        data: &T,
    ) -> Result<(), Error> {
        let data = OwnedJson::serialize(data).map_err(|refusal| self.refused(name, refusal))?;
        let data = Some(data.as_json()).filter(|data| data.as_str() != "null");
        let emitted = self.send_event(|sender| sender.emit(name, timestamp, data));
        emitted.map_err(|refusal| self.refused(name, refusal))
    }

    /// Emits a whole event that is JSON already, to pass on one of another server. It is sent as it
    /// is but for line ends, and characters beyond ASCII, which are escaped.
    ///
    /// # Errors
    ///
    /// If it is no object, or the client talks to a guest agent.
    pub fn emit_raw(&mut self, event: &str) -> Result<(), Error> {
        let emitted = match Json::parse(event) {
            Ok(event) => self.send_event(|sender| sender.emit_raw(event)),
            Err(error) => Err(error.into()),
        };
        emitted.map_err(|refusal| self.refused("event", refusal))
    }

    fn send_event(
        &mut self,
        send: impl FnOnce(&mut Sender<'_>) -> Result<(), Refusal>,
    ) -> Result<(), Refusal> {
        self.answer_given_up();
        if self.ended.is_some() || !self.is_ready() {
            return Ok(());
        }
        if self.unsent() == 0 {
            self.event_bytes = 0;
        }
        let before = self.session.output().length();
        let sent = send(&mut self.session.sender());
        self.event_bytes += self.session.output().length() - before;
        self.write_now();
        // Long answers that wait are no fault of the client's, and it has not asked for events.
        let unsent = self.unsent();
        if unsent.min(self.event_bytes) > self.manners.most_unsent {
            self.end(Hangup::NotReading { unsent });
        }
        sent
    }
}

fn now() -> Timestamp {
    // What QEMU says when the clock fails.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(Timestamp::new(-1, -1), |time| {
        Timestamp::new(time.as_secs() as i64, time.subsec_micros().into())
    })
}

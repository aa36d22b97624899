//! Events to a client.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::server::Hangup;
use qmp_proto::{Json, OwnedJson, Refusal, Timestamp};
use serde::Serialize;

use crate::server::connection::Connection;

/// Sends events to a client, from any task; cheap to clone.
///
/// A client that has not negotiated yet gets none, and one that has left neither: that is no error,
/// they are just not sent. An event comes before every answer that is given after it was emitted.
///
/// It does not keep the connection alive.
#[derive(Clone)]
pub struct Emitter(Arc<Connection>);

impl Emitter {
    pub(super) const fn new(connection: Arc<Connection>) -> Self {
        Self(connection)
    }

    /// Emits an event that has happened now. What it carries is something that serializes into an
    /// object, or `&()` for nothing.
    ///
    /// ```no_run
    /// # fn example(emitter: qmp_driver::server::Emitter) -> Result<(), qmp_driver::Error> {
    /// #[derive(serde::Serialize)]
    /// struct Deleted<'a> {
    ///     device: &'a str,
    ///     path: &'a str,
    /// }
    ///
    /// emitter.emit("DEVICE_DELETED", &Deleted { device: "net0", path: "/machine/net0" })?;
    /// emitter.emit("STOP", &())?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    ///
    /// If `data` is something else, or the client talks to a guest agent, which sends no events.
    pub fn emit<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<(), Error> {
        self.emit_at(name, now(), data)
    }

    /// As [`emit`](Self::emit), of an event that happened at another time.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_at<T: Serialize + ?Sized>(
        &self,
        name: &str,
        timestamp: Timestamp,
        data: &T,
    ) -> Result<(), Error> {
        let data = OwnedJson::serialize(data).map_err(|refusal| self.0.refused(name, refusal))?;
        let data = Some(data.as_json()).filter(|data| data.as_str() != "null");
        let emitted = self.0.with(|machine, after| {
            let gets_none = machine.ended.is_some() || !machine.is_ready();
            if gets_none {
                return Ok(());
            }
            machine.emit(after, |server, output| server.emit(output, name, timestamp, data))
        });
        emitted.map_err(|refusal| self.0.refused(name, refusal))
    }

    /// Emits a whole event that is JSON already, to pass on one of another server. It is sent as it
    /// is but for line ends, and characters beyond ASCII, which are escaped.
    ///
    /// # Errors
    ///
    /// If it is no object, or the client talks to a guest agent.
    pub fn emit_raw(&self, event: &str) -> Result<(), Error> {
        let refused = |refusal: Refusal| self.0.refused("event", refusal);
        let event = Json::parse(event).map_err(|error| refused(error.into()))?;
        let emitted = self.0.with(|machine, after| {
            let gets_none = machine.ended.is_some() || !machine.is_ready();
            if gets_none {
                return Ok(());
            }
            machine.emit(after, |server, output| server.emit_raw(output, event))
        });
        emitted.map_err(refused)
    }

    /// Whether the client gets events: it has negotiated, and has not left.
    pub fn is_ready(&self) -> bool {
        let machine = self.0.lock();
        machine.ended.is_none() && machine.is_ready()
    }

    /// How many bytes wait for the client to read. For whoever would rather tell a slow client less
    /// than have it [hung up on](Hangup::NotReading).
    pub fn unsent(&self) -> usize {
        self.0.lock().unsent()
    }

    /// Why the connection is over, if it is.
    pub fn ended(&self) -> Option<Hangup> {
        self.0.lock().ended.clone()
    }
}

fn now() -> Timestamp {
    // What QEMU says when the clock fails.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(Timestamp::new(-1, -1), |time| {
        Timestamp::new(time.as_secs() as i64, time.subsec_micros().into())
    })
}

impl fmt::Debug for Emitter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Emitter").field("peer", &self.0.peer).finish_non_exhaustive()
    }
}

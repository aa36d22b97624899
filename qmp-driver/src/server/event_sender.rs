//! Sending events to a client.

use std::fmt;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use crate::Error;
use crate::server::CloseReason;
use qmp_proto::{OwnedRawJson, RawJson, SendErrorKind, Timestamp, TypedEvent};
use serde::Serialize;

use crate::server::connection::Connection;

/// Sends events to a client, from any task. Cheap to clone.
///
/// Events are discarded, without an error, if the client has not negotiated yet or if the
/// connection has ended. An event is written before all replies that are sent after it was emitted.
///
/// An emitter does not keep the connection open.
#[derive(Clone)]
pub struct EventSender(Arc<Connection>);

impl EventSender {
    pub(super) const fn new(connection: Arc<Connection>) -> Self {
        Self(connection)
    }

    /// Emits an event that happens now. `data` is a value that serializes to an object, or `&()`
    /// for no data.
    ///
    /// ```no_run
    /// # fn example(emitter: qmp_driver::server::EventSender) -> Result<(), qmp_driver::Error> {
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
    /// Returns an error if `data` is something else, or if this server is a guest agent, which
    /// sends no events.
    pub fn emit<T: Serialize + ?Sized>(&self, name: &str, data: &T) -> Result<(), Error> {
        self.emit_at(name, now(), data)
    }

    /// Emits a typed event that has happened now; one without members has no data on the wire.
    ///
    /// # Errors
    ///
    /// As [`emit`](Self::emit).
    pub fn emit_typed<E: TypedEvent + Serialize>(&self, event: &E) -> Result<(), Error> {
        let data =
            OwnedRawJson::serialize(event).map_err(|error| self.0.refused(E::NAME, error))?;
        let data = Some(data.as_json()).filter(|data| !["{}", "null"].contains(&data.as_str()));
        self.emit_json(E::NAME, now(), data)
    }

    /// Emits an event that happened at another time.
    ///
    /// # Errors
    ///
    /// Returns the errors of [`emit`](Self::emit).
    pub fn emit_at<T: Serialize + ?Sized>(
        &self,
        name: &str,
        timestamp: Timestamp,
        data: &T,
    ) -> Result<(), Error> {
        let data =
            OwnedRawJson::serialize(data).map_err(|refusal| self.0.refused(name, refusal))?;
        let data = Some(data.as_json()).filter(|data| data.as_str() != "null");
        self.emit_json(name, timestamp, data)
    }

    fn emit_json(
        &self,
        name: &str,
        timestamp: Timestamp,
        data: Option<RawJson<'_>>,
    ) -> Result<(), Error> {
        let emitted = self.0.with(|machine, after| {
            let gets_none = machine.ended.is_some() || !machine.is_ready();
            if gets_none {
                return Ok(());
            }
            machine.emit(after, |server, output| server.emit(output, name, timestamp, data))
        });
        emitted.map_err(|refusal| self.0.refused(name, refusal))
    }

    /// Emits a whole event that is already JSON, for example to forward the event of another
    /// server. Line ends and characters outside ASCII are escaped, and nothing else is changed.
    ///
    /// # Errors
    ///
    /// Returns an error if it is not an object, or if this server is a guest agent.
    pub fn emit_raw(&self, event: &str) -> Result<(), Error> {
        let refused = |refusal: SendErrorKind| self.0.refused("event", refusal);
        let event = RawJson::parse(event).map_err(|error| refused(error.into()))?;
        let emitted = self.0.with(|machine, after| {
            let gets_none = machine.ended.is_some() || !machine.is_ready();
            if gets_none {
                return Ok(());
            }
            machine.emit(after, |server, output| server.emit_raw(output, event))
        });
        emitted.map_err(refused)
    }

    /// Returns whether the client receives events: it has negotiated, and the connection has not
    /// ended.
    pub fn is_ready(&self) -> bool {
        let machine = self.0.lock();
        machine.ended.is_none() && machine.is_ready()
    }

    /// Returns how many buffered bytes the client has not read. Use this to throttle events to a
    /// slow client before its connection is [closed](CloseReason::NotReading).
    pub fn unsent(&self) -> usize {
        self.0.lock().unsent()
    }

    /// Returns why the connection has ended, if it has.
    pub fn close_reason(&self) -> Option<CloseReason> {
        self.0.lock().ended.clone()
    }
}

fn now() -> Timestamp {
    // The value that QEMU sends if its clock fails.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(Timestamp::new(-1, -1), |time| {
        Timestamp::new(time.as_secs() as i64, time.subsec_micros().into())
    })
}

impl fmt::Debug for EventSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("EventSender").field("peer", &self.0.peer).finish_non_exhaustive()
    }
}

//! The state that the driver, the commands, the requests and the emitters of one client share.

pub(crate) mod machine;
pub(crate) mod settings;
pub(crate) mod watch;

use std::sync::{Arc, PoisonError};

use crate::server::CloseReason;
use crate::{Error, ErrorKind};
use qmp_proto::SendErrorKind;
use qmp_proto::server::{Response, Ticket};

use self::machine::{AfterUnlock, Machine};
use crate::sync::{Mutex, MutexGuard};
use crate::trace;

#[derive(Debug)]
pub(crate) struct Connection {
    machine: Mutex<Machine>,
    pub(crate) peer: Arc<str>,
}

impl Connection {
    pub(crate) fn new(machine: Machine, peer: &str) -> Self {
        Self { machine: Mutex::new(machine), peer: Arc::from(peer) }
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, Machine> {
        self.machine.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Changes the state under the lock, and then does the deferred work.
    pub(crate) fn with<R>(&self, change: impl FnOnce(&mut Machine, &mut AfterUnlock) -> R) -> R {
        let mut after = AfterUnlock::default();
        let mut machine = self.lock();
        let had_ended = machine.ended.is_some();
        let result = change(&mut machine, &mut after);
        let ended = if had_ended { None } else { machine.ended.clone() };
        drop(machine);
        if let Some(reason) = ended {
            trace::ended(&self.peer, &reason);
        }
        after.run();
        result
    }

    pub(crate) fn end(&self, reason: CloseReason) {
        self.with(|machine, after| machine.end(reason, after));
    }

    /// Answers a command. If that fails, the client gets an error reply instead. After the
    /// connection has ended, the reply is discarded.
    pub(crate) fn answer(
        &self,
        ticket: Ticket,
        command: &str,
        response: &Response<'_>,
    ) -> Result<(), Error> {
        let refusal = self.with(|machine, after| {
            machine.settle(after, |server, output| {
                let unsent = server.answer(output, ticket, response).err()?;
                let apology = Response::error(
                    qmp_proto::ErrorClass::GenericError,
                    format!("The answer to {command} cannot be sent: {}", unsent.reason),
                );
                // This reply has no levels, and an output without a limit is never full.
                let _ = server.answer(output, unsent.ticket, &apology);
                Some(unsent.reason)
            })
        });
        refusal.map_or(Ok(()), |refusal| Err(self.refused(command, refusal)))
    }

    /// Creates the error for something that could not be sent, with the name of the command or
    /// event.
    pub(crate) fn refused(&self, name: &str, refusal: SendErrorKind) -> Error {
        Error::new(ErrorKind::NotSent(refusal)).in_command(name).with_peer(&self.peer)
    }
}

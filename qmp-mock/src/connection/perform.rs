//! Performs steps one after another.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::PoisonError;
use std::time::{Instant, SystemTime, UNIX_EPOCH};

use qmp_proto::server::Response;
use qmp_proto::{OwnedRawJson, Timestamp};

use crate::act::{Act, Answer, To};
use crate::connection::Connection;
use crate::connection::running::Wait;
use crate::{Failure, ReceivedCommand};

impl Connection<'_> {
    /// Performs all steps that need not wait.
    pub(super) fn go_on(&mut self) {
        let mut running = std::mem::take(&mut self.running);
        running.retain_mut(|running| {
            while !running.is_waiting(&self.open_gates) {
                running.waits = None;
                let Some(act) = running.acts.pop_front() else {
                    return false;
                };
                match act {
                    Act::Wait(time) => running.waits = Some(Wait::Until(Instant::now() + time)),
                    Act::Hold(gate) => running.waits = Some(Wait::Gate(gate)),
                    act => self.perform(act, running.command.as_ref()),
                }
            }
            true
        });
        self.running = running;
    }

    fn perform(&mut self, act: Act, command: Option<&(usize, ReceivedCommand)>) {
        match act {
            Act::Event { name, data } => self.emit(&name, data.as_ref()),
            Act::RawEvent(event) => {
                // A client that has not negotiated gets no events.
                let _ = self.session.sender().emit_raw(event.as_json());
            }
            Act::Bytes(bytes) => self.append(&bytes),
            Act::Answer { to, answer, cut } => {
                if let Some(cut) = cut {
                    self.hang_up_after(cut as u64);
                }
                self.answer(to, &answer, command);
            }
            Act::LeaveUnanswered(to) => {
                if let Some(ticket) = self.ticket(to, command) {
                    self.session.sender().leave_unanswered(ticket);
                }
            }
            Act::HangUp => self.hang_up_after(0),
            Act::Wait(_) | Act::Hold(_) => {}
        }
    }

    pub(super) fn emit(&mut self, name: &str, data: Option<&OwnedRawJson>) {
        let data = data.map(OwnedRawJson::as_json);
        let emitted = self.session.sender().emit(name, now(), data);
        match emitted {
            // Expected: a client that has not negotiated gets no events.
            Ok(()) | Err(qmp_proto::SendErrorKind::NoEvents) => {}
            Err(refusal) => {
                self.shared.fault(format!("the event {name} cannot be sent: {refusal}"))
            }
        }
    }

    fn answer(&mut self, to: To, answer: &Answer, command: Option<&(usize, ReceivedCommand)>) {
        let Some(ticket) = self.ticket(to, command) else {
            return;
        };
        let response = match (answer, command) {
            (Answer::Ready(response), _) => response.clone(),
            (Answer::Computed(compute), Some((_, command))) => {
                let mut compute = compute.lock().unwrap_or_else(PoisonError::into_inner);
                // The closure belongs to the test, so its panic is reported to the test.
                catch_unwind(AssertUnwindSafe(|| compute(command)))
                    .unwrap_or_else(|_| self.panicked(command))
            }
            (Answer::Computed(_), None) => return,
        };
        if let Err(unsent) = self.session.sender().answer(ticket, &response) {
            let text = format!("the answer cannot be sent: {unsent}");
            self.shared.fault(text.clone());
            let failure = Failure::generic(text).response();
            let _ = self.session.sender().answer(unsent.ticket, &failure);
        }
    }

    fn panicked(&self, command: &ReceivedCommand) -> Response<'static> {
        let text = format!("the closure that answers {command} panicked");
        self.shared.fault(text.clone());
        Failure::generic(text).response()
    }

    fn ticket(
        &mut self,
        to: To,
        command: Option<&(usize, ReceivedCommand)>,
    ) -> Option<qmp_proto::server::Ticket> {
        let number = match to {
            To::This => command?.0,
            To::Recorded(recorded) => *self.recorded.get(&recorded)?,
        };
        self.tickets.remove(&number)
    }
}

fn now() -> Timestamp {
    // What QEMU sends if its clock fails.
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(Timestamp::new(-1, -1), |time| {
        Timestamp::new(time.as_secs() as i64, time.subsec_micros().into())
    })
}

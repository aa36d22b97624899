//! Parsing the client's input.

use crate::server::CloseReason;
use qmp_proto::server::{Command, Received, Rejection, Ticket};

use crate::server::connection::Connection;
use crate::server::connection::machine::{Machine, Queued};

/// How many messages are parsed at a time, so that the lock is held only briefly.
const BATCH: usize = 64;

/// The result of parsing.
#[derive(Debug)]
pub(super) struct Taken {
    pub(super) used: usize,
    /// More bytes are needed.
    pub(super) starved: bool,
    /// The reason to end the connection, if any.
    pub(super) end: Option<CloseReason>,
}

/// Parses commands from the input and queues them. `place` is the position of the input in the
/// stream.
///
/// The commands are copied without holding a lock.
pub(super) fn take(connection: &Connection, input: &[u8], place: u64, garbage_ends: bool) -> Taken {
    let (taken, found) = take_batch(&mut connection.lock(), input, garbage_ends);
    if found.is_empty() {
        return taken;
    }
    let queued: Vec<_> = found
        .into_iter()
        .map(|(command, ticket, used)| Queued {
            command: command.into_owned(),
            ticket,
            end: place + used as u64,
        })
        .collect();
    connection.with(|machine, after| {
        machine.queue.extend(queued);
        machine.wake_receiver(after);
    });
    taken
}

fn take_batch<'b>(
    machine: &mut Machine,
    input: &'b [u8],
    garbage_ends: bool,
) -> (Taken, Vec<(Command<'b>, Ticket, usize)>) {
    let mut taken = Taken { used: 0, starved: false, end: None };
    let mut found = Vec::new();
    for _ in 0..BATCH {
        if !machine.wants_input() {
            break;
        }
        // An output without a limit is never full.
        let Ok(step) =
            machine.server.handle_input(&mut machine.writing.output, &input[taken.used..])
        else {
            break;
        };
        taken.used += step.used;
        match step.received {
            Some(Received::Command(command, ticket)) => found.push((command, ticket, taken.used)),
            Some(Received::Rejected(rejected))
                if garbage_ends && rejected.reason == Rejection::NotJson =>
            {
                taken.end = Some(CloseReason::NotJson(rejected.to_string().into()));
                break;
            }
            Some(_) => {}
            None => {
                taken.starved = true;
                break;
            }
        }
    }
    (taken, found)
}

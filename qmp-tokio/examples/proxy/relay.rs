//! One client's commands, and the replies and events for it.

use std::collections::VecDeque;
use std::future::Future;

use futures_util::FutureExt;
use futures_util::stream::{FuturesUnordered, StreamExt};
use qmp_tokio::server::{ClientConnection, EventSender, Request, Response};
use qmp_tokio::{Error, ErrorClass, EventItem, Outcome, Reply};

use crate::pass_on::{Answer, NO_DESCRIPTOR, Qemu};

/// Why a client is disconnected.
type Why = String;

/// Relays until the client has left and everything is answered, or QEMU has closed the connection.
///
/// QEMU runs in-band commands one after the other, so only one of each client is under way; those out
/// of band overtake it.
///
/// It aborts the connection before it returns an error, and thus before it drops requests, which would answer
/// them.
pub(crate) async fn relay(qemu: &Qemu, commands: &mut ClientConnection) -> Result<(), Why> {
    let emitter = commands.event_sender();
    let mut events = qemu.events();
    let mut waiting = VecDeque::new();
    let mut in_band = false;
    let mut open = true;
    let mut answers = FuturesUnordered::new();
    while open || !answers.is_empty() {
        tokio::select! {
            // An event that came after a reply must not overtake it.
            biased;
            Some(first) = answers.next() => {
                for (request, answer) in in_order(first, &mut answers) {
                    if !request.is_out_of_band() {
                        let next = waiting.pop_front();
                        in_band = next.is_some();
                        answers.extend(next.map(|next| qemu.pass_on(next)));
                    }
                    let position = position(&answer);
                    for item in position.map(|at| events.drain_before(at)).unwrap_or_default() {
                        emit(&emitter, &item).inspect_err(|_| commands.abort())?;
                    }
                    if reply(request, answer) == Replied::No {
                        open = false;
                        waiting.drain(..).for_each(Request::leave_unanswered);
                    }
                }
            }
            item = events.recv() => match item {
                Some(item) => emit(&emitter, &item).inspect_err(|_| commands.abort())?,
                None => break,
            },
            request = commands.recv(), if open => match request {
                Some(request) if request.is_out_of_band() => answers.push(qemu.pass_on(request)),
                Some(request) if in_band => waiting.push_back(request),
                Some(request) => {
                    in_band = true;
                    answers.push(qemu.pass_on(request));
                }
                // What it has sent is still executed and answered.
                None => open = false,
            },
        }
    }
    while let Some((request, answer)) = answers.next().await {
        reply(request, answer);
    }
    waiting.drain(..).for_each(Request::leave_unanswered);
    Ok(())
}

/// All answers that have come, in the order in which QEMU sent them.
fn in_order<F: Future<Output = (Request, Answer)>>(
    first: (Request, Answer),
    answers: &mut FuturesUnordered<F>,
) -> Vec<(Request, Answer)> {
    let more = std::iter::from_fn(|| answers.next().now_or_never().flatten());
    let mut all: Vec<_> = std::iter::once(first).chain(more).collect();
    all.sort_by_key(|(_, answer)| position(answer));
    all
}

/// Where in QEMU's stream an answer ended.
fn position(answer: &Answer) -> Option<u64> {
    match answer {
        Answer::Qemu(Ok(reply)) => Some(reply.stream_position()),
        Answer::Qemu(Err(error)) => error.stream_position(),
        Answer::NoDescriptor => None,
    }
}

fn emit(emitter: &EventSender, item: &EventItem) -> Result<(), Why> {
    let event = match item {
        EventItem::Event(event) => event,
        lost => return Err(format!("it would miss events: {lost:?}")),
    };
    let text = std::str::from_utf8(event.message()).map_err(|error| error.to_string())?;
    emitter.emit_raw(text).map_err(|error| error.to_string())
}

/// Whether a client was answered.
#[derive(PartialEq)]
enum Replied {
    Yes,
    /// It must not be told anything, and is to be disconnected.
    No,
}

fn reply(request: Request, answer: Answer) -> Replied {
    let answer = match answer {
        Answer::Qemu(answer) => answer,
        Answer::NoDescriptor => {
            request.return_error(ErrorClass::GenericError, NO_DESCRIPTOR);
            return Replied::Yes;
        }
    };
    let not_sent = |error: &Error| error.outcome() == Outcome::NotSent && !error.is_disconnected();
    match (response(&answer), answer.as_ref().err()) {
        (Some(response), _) => {
            // To one of QEMU's own replies nothing can be wrong.
            let _ = request.respond(&response);
        }
        (None, Some(error)) if not_sent(error) => {
            request.return_error(ErrorClass::GenericError, &error.to_string());
        }
        (None, _) => {
            request.leave_unanswered();
            return Replied::No;
        }
    }
    Replied::Yes
}

/// QEMU's own reply, if it sent one that can be read.
fn response(answer: &Result<Reply, Error>) -> Option<Response<'_>> {
    match answer {
        // After `quit` QEMU may close instead of replying.
        Ok(reply) if reply.stream_position() == 0 => None,
        Ok(reply) => reply.json().ok().map(Response::json),
        Err(error) => error.failure()?.json().ok().map(Response::raw_error),
    }
}

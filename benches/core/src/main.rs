//! Measures the time of one path through the core, or of its baseline, without a socket.

use std::hint::black_box;

use bench_core::baseline::{envelope, envelopes, members, newline};
use bench_core::{EVENTS, Messages, PATHS, Paths};
use bench_measure::{Clock, Failure, Task};

fn main() -> Result<(), Failure> {
    let task = Task::from_arguments()?;
    let messages = Messages::new();
    let mut memory = Vec::new();
    let mut paths = Paths::new(&messages, &mut memory);
    let (event, reply) = (messages.event.as_bytes(), messages.reply.as_bytes());
    let (other_event, other_reply) =
        (messages.other_event.as_bytes(), messages.other_reply.as_bytes());
    let events = messages.events.as_bytes();
    let number = task.number("path")?;
    let mut at_once = 1;
    let mut once: Box<dyn FnMut()> = match PATHS.get(number) {
        Some(&(_, path)) => {
            at_once = path.messages();
            Box::new(move || paths.once(path))
        }
        None => match number - PATHS.len() {
            0 => Box::new(|| _ = black_box(newline(black_box(reply)))),
            1 => Box::new(|| _ = black_box(envelope(black_box(event)))),
            2 => Box::new(|| _ = black_box(envelope(black_box(reply)))),
            3 => Box::new(|| _ = black_box(members(black_box(other_event)))),
            4 => Box::new(|| _ = black_box(members(black_box(other_reply)))),
            5 => {
                at_once = EVENTS;
                Box::new(|| _ = black_box(envelopes(black_box(events))))
            }
            _ => return Err("no path has this number".into()),
        },
    };
    let times = task.count()?.div_ceil(at_once);
    (0..times.div_ceil(10)).for_each(|_| once());
    let clock = Clock::start();
    (0..times).for_each(|_| once());
    clock.stop(times * at_once).print();
    Ok(())
}

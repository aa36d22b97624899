//! Watches any number of QEMUs on one thread, waiting for all of them at once with poll(2).
//!
//! ```text
//! cargo run -p qmp-blocking --example many -- /run/one.qmp /run/two.qmp /run/three.qmp
//! ```

use std::process::ExitCode;

use qmp_blocking::{Client, EventItem, Subscription};
use rustix::event::{PollFd, PollFlags, poll};

fn main() -> ExitCode {
    match watch(std::env::args().skip(1)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("many: {error}");
            ExitCode::FAILURE
        }
    }
}

fn watch(addresses: impl Iterator<Item = String>) -> Result<(), Box<dyn std::error::Error>> {
    let machines: Vec<Client> = addresses.map(qmp_blocking::connect).collect::<Result<_, _>>()?;
    let mut watched: Vec<(&Client, Subscription<'_>)> =
        machines.iter().map(|machine| (machine, machine.events().subscribe())).collect();
    loop {
        // Events that were already read do not make the descriptor readable: print them before
        // waiting.
        watched.retain_mut(|(machine, events)| print_events(machine, events));
        if watched.is_empty() {
            return Ok(());
        }
        let streams: Vec<_> = watched.iter().filter_map(|(machine, _)| machine.stream()).collect();
        let mut descriptors: Vec<_> =
            streams.iter().map(|stream| PollFd::new(stream, PollFlags::IN)).collect();
        poll(&mut descriptors, None)?;
    }
}

/// Prints the events that have arrived. Returns false when the connection has ended.
fn print_events(machine: &Client, events: &mut Subscription<'_>) -> bool {
    while let Some(item) = events.try_recv() {
        if let EventItem::Event(event) = item {
            println!("{}: {}", machine.peer(), event.name());
        }
    }
    let ended = events.close_reason();
    if let Some(reason) = &ended {
        println!("{}: {reason}", machine.peer());
    }
    ended.is_none()
}

//! Prints the events of QEMU until it exits, and the reason of its shutdown.
//!
//! ```text
//! cargo run -p qmp-blocking --example events -- unix:/run/vm.qmp
//! cargo run -p qmp-blocking --example events -- unix:/run/vm.qmp STOP RESUME
//! ```

use std::process::ExitCode;

use qmp_blocking::types::events::Shutdown;
use qmp_blocking::{Error, Event, EventItem};

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let Some(address) = arguments.next() else {
        eprintln!("usage: events ADDRESS [NAME...]");
        return ExitCode::from(2);
    };
    match watch(&address, &arguments.collect::<Vec<_>>()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("events: {error}");
            ExitCode::FAILURE
        }
    }
}

fn watch(address: &str, names: &[String]) -> Result<(), Error> {
    let qemu = qmp_blocking::connect(address)?;
    let wanted = names.iter().fold(qemu.events(), |events, name| events.named(name));
    // The iterator ends when QEMU exits.
    for item in wanted.subscribe() {
        match item {
            EventItem::Event(event) => print(&event)?,
            EventItem::Lagged(count) => eprintln!("events: {count} were not read in time"),
            _ => {}
        }
    }
    Ok(())
}

fn print(event: &Event) -> Result<(), Error> {
    let time = event.timestamp().map(|time| time.to_string()).unwrap_or_default();
    match event.typed::<Shutdown>() {
        Some(shutdown) => {
            let Shutdown { guest, reason, .. } = shutdown?;
            let who = if guest { "the guest" } else { "the host" };

            println!("{time} SHUTDOWN by {who}: {reason}");
        }
        None => match event.data()? {
            Some(data) => println!("{time} {} {data}", event.name()),
            None => println!("{time} {}", event.name()),
        },
    }
    Ok(())
}

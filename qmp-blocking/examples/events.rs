//! Prints the events of a QEMU until it ends; on the way it says what a shutdown was for.
//!
//! ```text
//! cargo run -p qmp-blocking --example events -- unix:/run/vm.qmp
//! cargo run -p qmp-blocking --example events -- unix:/run/vm.qmp STOP RESUME
//! ```

use std::process::ExitCode;

use qmp_blocking::{Cause, Client, Error, TypedEvent};

#[derive(serde::Deserialize)]
struct Shutdown {
    guest: bool,
    reason: String,
}

impl TypedEvent for Shutdown {
    const NAME: &'static str = "SHUTDOWN";
}

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
    loop {
        let wanted = names.iter().fold(qemu.event(), |wait, name| wait.named(name));
        let event = match wanted.wait() {
            Ok(event) => event,
            // QEMU has ended: nothing more will come.
            Err(error) if error.is_disconnected() => return Ok(()),
            Err(error) if matches!(error.cause(), Cause::EventsLost { .. }) => {
                eprintln!("events: {error}");
                continue;
            }
            Err(error) => return Err(error),
        };
        let time = event.timestamp().map(|time| time.to_string()).unwrap_or_default();
        match event.typed::<Shutdown>() {
            Some(shutdown) => {
                let Shutdown { guest, reason } = shutdown?;
                let who = if guest { "the guest" } else { "the host" };
                println!("{time} SHUTDOWN by {who}: {reason}");
            }
            None => match event.data()? {
                Some(data) => println!("{time} {} {data}", event.name()),
                None => println!("{time} {}", event.name()),
            },
        }
    }
}

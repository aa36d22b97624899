//! Watches any number of QEMUs in one thread: poll(2) waits for all of them at once.
//!
//! ```text
//! cargo run -p qmp-blocking --example many -- /run/one.qmp /run/two.qmp /run/three.qmp
//! ```

use std::os::fd::AsFd;
use std::process::ExitCode;

use qmp_blocking::{Client, Error};
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
    let mut machines: Vec<Client> = addresses.map(Connection::connect).collect::<Result<_, _>>()?;
    while !machines.is_empty() {
        // What has been read already makes no descriptor readable: look first, then wait.
        machines.retain_mut(|machine| match print_events(machine) {
            Ok(()) => true,
            Err(error) => {
                println!("{error}");
                false
            }
        });
        let mut descriptors: Vec<_> = machines
            .iter()
            .map(|machine| PollFd::from_borrowed_fd(machine.as_fd(), PollFlags::IN))
            .collect();
        if !descriptors.is_empty() {
            poll(&mut descriptors, None)?;
        }
    }
    Ok(())
}

fn print_events(machine: &Client) -> Result<(), Error> {
    while let Some(event) = machine.event().look()? {
        println!("{}: {}", machine.peer(), event.name());
    }
    Ok(())
}

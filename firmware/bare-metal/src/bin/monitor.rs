//! Controls a QEMU through the monitor at the other end of the serial line.

#![no_std]
#![no_main]

use bare_metal::{Line, Trouble, Uart, host, start};
use qmp_proto::{ErrorClass, Received, Reply};

start!(run);

/// Identifies the commands, to assign replies to them.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Mark {
    Version,
    Unknown,
    Cont,
    Stop,
    Status,
}

/// The events received so far.
#[derive(Clone, Copy, Default)]
struct Seen {
    resume: bool,
    stop: bool,
}

fn run() -> Result<(), Trouble> {
    host::say(format_args!("the client has {} bytes", Line::<Mark>::CLIENT_SIZE));
    let mut qemu = Line::to_monitor(Uart::enable());
    greet(&mut qemu)?;
    ask(&mut qemu)?;
    cont_and_stop(&mut qemu)?;
    // Does not wait for the reply: the line holds one byte at a time, and the rest of the reply is
    // lost when QEMU closes.
    qemu.execute("quit", Mark::Status)
}

/// Receives the greeting and negotiates.
fn greet(qemu: &mut Line<Mark>) -> Result<(), Trouble> {
    qemu.hear(|received| {
        let Received::Greeting(greeting) = received else { return None };
        let version = greeting.version().unwrap_or_default();
        let (major, minor, micro) = (version.major, version.minor, version.micro);
        host::say(format_args!("greeting: QEMU {major}.{minor}.{micro} ({})", greeting.package()));
        Some(())
    })?;
    qemu.negotiate()?;
    qemu.hear(|received| match received {
        Received::Ready => Some(Ok(())),
        Received::HandshakeFailed(_) => Some(Err(Trouble::Unexpected("accept the negotiation"))),
        _ => None,
    })?
}

/// Two commands at once, one of which QEMU does not know.
fn ask(qemu: &mut Line<Mark>) -> Result<(), Trouble> {
    qemu.execute("query-version", Mark::Version)?;
    qemu.execute("no-such-command", Mark::Unknown)?;
    let (mut version, mut refused) = (false, false);
    qemu.hear(|received| {
        if let Received::Reply(answer) = received {
            match (answer.token, answer.outcome) {
                (Mark::Version, Ok(reply)) => version = said("query-version", reply),
                (Mark::Unknown, Err(failure)) => {
                    refused = failure.class() == ErrorClass::CommandNotFound;
                    host::say(format_args!("no-such-command: {failure}"));
                }
                _ => return Some(Err(Trouble::Unexpected("answer as it should have"))),
            }
        }
        (version && refused).then_some(Ok(()))
    })?
}

/// The event of each command arrives before or after its reply.
fn cont_and_stop(qemu: &mut Line<Mark>) -> Result<(), Trouble> {
    let mut seen = Seen::default();
    qemu.execute("cont", Mark::Cont)?;
    done(qemu, &mut seen, |seen| seen.resume)?;
    qemu.execute("stop", Mark::Stop)?;
    done(qemu, &mut seen, |seen| seen.stop)?;
    qemu.execute("query-status", Mark::Status)?;
    done(qemu, &mut seen, |_| true)
}

/// Receives until the command is answered and the events have arrived.
fn done(
    qemu: &mut Line<Mark>,
    seen: &mut Seen,
    enough: impl Fn(Seen) -> bool,
) -> Result<(), Trouble> {
    let mut answered = false;
    qemu.hear(|received| {
        match received {
            Received::Event(event) => {
                host::say(format_args!("event: {}", event.name()));
                seen.resume |= event.name() == "RESUME";
                seen.stop |= event.name() == "STOP";
            }
            Received::Reply(answer) => match (answer.token, answer.outcome) {
                (Mark::Status, Ok(reply)) => answered = said("query-status", reply),
                (_, Ok(_)) => answered = true,
                (_, Err(failure)) => {
                    host::say(format_args!("{:?}: {failure}", answer.token));
                    return Some(Err(Trouble::Unexpected("do as it was told")));
                }
            },
            Received::Unanswered(_) => return Some(Err(Trouble::Unexpected("answer a command"))),
            _ => {}
        }
        (answered && enough(*seen)).then_some(Ok(()))
    })?
}

/// Prints a reply if it is JSON.
fn said(command: &str, reply: Reply<'_>) -> bool {
    let json = reply.json();
    if let Ok(json) = json {
        host::say(format_args!("{command}: {json}"));
    }
    json.is_ok()
}

//! Queries a guest agent at the other end of the serial line.

#![no_std]
#![no_main]

use bare_metal::{Line, Trouble, Uart, host, start};
use qmp_proto::{Arguments, ErrorClass, Received, Request};

start!(run);

fn run() -> Result<(), Trouble> {
    let mut agent = Line::to_agent(Uart::enable());
    sync(&mut agent)?;
    for command in ["guest-ping", "guest-get-time", "guest-get-timezone"] {
        ask(&mut agent, command)?;
    }
    refused(&mut agent)
}

/// Discards what other clients left in the stream.
fn sync(agent: &mut Line<()>) -> Result<(), Trouble> {
    agent.sync()?;
    agent.hear(|received| match received {
        Received::Ready => Some(Ok(())),
        Received::HandshakeFailed(_) => Some(Err(Trouble::Unexpected("answer the sync"))),
        _ => None,
    })?
}

fn ask(agent: &mut Line<()>, command: &str) -> Result<(), Trouble> {
    agent.execute(command, ())?;
    agent.hear(|received| {
        let Received::Reply(answer) = received else { return None };
        Some(match answer.outcome.map(|reply| reply.json()) {
            Ok(Ok(json)) => {
                host::say(format_args!("{command}: {json}"));
                Ok(())
            }
            Ok(Err(_)) => Err(Trouble::Unexpected("send JSON")),
            Err(failure) => {
                host::say(format_args!("{command}: {failure}"));
                Err(Trouble::Unexpected("do as it was told"))
            }
        })
    })?
}

/// Opening a missing file fails, with an error from the agent.
fn refused(agent: &mut Line<()>) -> Result<(), Trouble> {
    let arguments = Arguments::parse(r#"{"path": "/no/such/file"}"#)
        .map_err(|error| Trouble::Refused(error.into()))?;
    agent.request(Request::new("guest-file-open").arguments(arguments), ())?;
    agent.hear(|received| {
        let Received::Reply(answer) = received else { return None };
        let Err(failure) = answer.outcome else {
            return Some(Err(Trouble::Unexpected("refuse")));
        };
        host::say(format_args!("guest-file-open: {failure}"));
        let class = failure.class() == ErrorClass::GenericError;
        Some(if class { Ok(()) } else { Err(Trouble::Unexpected("say GenericError")) })
    })?
}

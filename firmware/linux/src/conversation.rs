//! The commands sent to QEMU.

use alloc::string::String;
use alloc::vec::Vec;
use core::ffi::CStr;

use qmp_proto::{Client, CommandReply, Options, Received, Request, Sender, Session};
use rustix::fd::OwnedFd;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketType, connect, socket};
use rustix::rand::{GetRandomFlags, getrandom};
use serde::Deserialize;

use crate::print::print;
use crate::trouble::Trouble;

/// Identifies the commands.
#[derive(Clone, Copy, Debug)]
enum Asked {
    Status,
    Commands,
    Cont,
    Quit,
}

/// The relevant part of the reply to `query-status`.
#[derive(Deserialize)]
struct Status {
    status: String,
    running: bool,
}

/// An element of the reply to `query-commands`.
#[derive(Deserialize)]
struct Name<'a> {
    name: &'a str,
}

/// Connects and sends commands until QEMU closes the connection after `quit`.
pub(crate) fn hold(path: &CStr) -> Result<(), Trouble> {
    let stream = socket(AddressFamily::UNIX, SocketType::STREAM, None)?;
    connect(&stream, &SocketAddrUnix::new(path)?)?;
    let mut session = Session::new(Client::monitor(Options::monitor()));
    loop {
        write_all(&stream, &mut session)?;
        match rustix::io::read(&stream, session.spare_mut())? {
            0 => return Ok(session.handle_end()?),
            count => session.advance(count),
        }
        while let Some((received, mut sender)) = session.receive()? {
            take(received, &mut sender)?;
        }
    }
}

fn write_all(stream: &OwnedFd, session: &mut Session<Asked>) -> Result<(), Trouble> {
    while let Some(chunk) = session.output_chunk() {
        let written = rustix::io::write(stream, chunk.bytes)?;
        session.advance_output(written);
    }
    Ok(())
}

fn take(received: Received<'_, Asked>, qemu: &mut Sender<'_, Asked>) -> Result<(), Trouble> {
    match received {
        Received::Greeting(greeting) => {
            print(format_args!("QEMU {}", greeting.version().unwrap_or_default()));
            let mut nonce = [0; 8];
            getrandom(&mut nonce, GetRandomFlags::empty())?;
            qemu.negotiate(u64::from_ne_bytes(nonce), &[])?;
        }
        Received::Ready => {
            ask(qemu, "query-commands", Asked::Commands)?;
            ask(qemu, "cont", Asked::Cont)?;
        }
        Received::Reply(answer) => answered(answer, qemu)?,
        Received::Event(event) => print(format_args!("event {}", event.name())),
        other => print(format_args!("{other:?}")),
    }
    Ok(())
}

fn answered(answer: CommandReply<'_, Asked>, qemu: &mut Sender<'_, Asked>) -> Result<(), Trouble> {
    let reply = match answer.outcome {
        Ok(reply) => reply,
        Err(failure) => {
            print(format_args!("{:?}: {failure}", answer.token));
            return ask(qemu, "quit", Asked::Quit);
        }
    };
    match answer.token {
        Asked::Commands => {
            let names: Vec<Name<'_>> = reply.decode()?;
            let queries = names.iter().filter(|command| command.name.starts_with("query-")).count();
            print(format_args!("{} commands, {queries} of them queries", names.len()));
        }
        Asked::Cont => ask(qemu, "query-status", Asked::Status)?,
        Asked::Status => {
            let Status { status, running } = reply.decode()?;
            print(format_args!("status {status}, running {running}"));
            ask(qemu, "quit", Asked::Quit)?;
        }
        Asked::Quit => print(format_args!("quit")),
    }
    Ok(())
}

fn ask(qemu: &mut Sender<'_, Asked>, command: &str, asked: Asked) -> Result<(), Trouble> {
    qemu.execute(Request::new(command), asked).map(drop).map_err(|refused| refused.reason.into())
}

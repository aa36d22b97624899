//! A client at the end of a serial line, with all the memory it ever uses.

use core::fmt;

use qmp_proto::{Client, FixedOutput, Options, ProtocolError, Received, Request, SendErrorKind};

use crate::{Uart, host};

/// The maximum length of a message. QEMU's greeting has some 150 bytes, an event rarely more than
/// 300; the caller must know which replies are small.
const LONGEST: usize = 768;

/// One byte more, so that a message that is too long is detected.
const ROOM: usize = LONGEST + 1;

/// The maximum length of a command.
const LONGEST_COMMAND: usize = 128;

/// The timeout for input while waiting, in seconds.
const PATIENCE: usize = 10;

/// The in-flight limit.
const IN_FLIGHT: usize = 4;

/// A server at the other end of a serial line. `T` identifies commands.
#[derive(Debug)]
pub struct Line<T> {
    client: Client<T, IN_FLIGHT>,
    uart: Uart,
    input: [u8; ROOM],
    length: usize,
}

impl<T> Line<T> {
    /// The size of the client in bytes, without the buffers.
    pub const CLIENT_SIZE: usize = size_of::<Client<T, IN_FLIGHT>>();

    /// Creates a client of a monitor.
    pub fn to_monitor(uart: Uart) -> Self {
        Self::new(uart, Client::monitor(Options::monitor().longest_message(LONGEST)))
    }

    /// Creates a client of a guest agent.
    pub fn to_agent(uart: Uart) -> Self {
        Self::new(uart, Client::agent(Options::agent().longest_message(LONGEST)))
    }

    fn new(uart: Uart, client: Client<T, IN_FLIGHT>) -> Self {
        Self { client, uart, input: [0; ROOM], length: 0 }
    }

    /// Negotiates without any capability.
    pub fn negotiate(&mut self) -> Result<(), Trouble> {
        let nonce = host::random().ok_or(Trouble::NoRandomNumbers)?;
        self.send(|client, out| client.negotiate(out, nonce, &[]))
    }

    /// Syncs.
    pub fn sync(&mut self) -> Result<(), Trouble> {
        let nonce = host::random().ok_or(Trouble::NoRandomNumbers)?;
        self.send(|client, out| client.sync(out, nonce))
    }

    /// Sends a command. Its reply returns `token`.
    pub fn execute(&mut self, name: &str, token: T) -> Result<(), Trouble> {
        self.request(Request::new(name), token)
    }

    /// Sends a command that may have arguments.
    pub fn request(&mut self, request: Request<'_>, token: T) -> Result<(), Trouble> {
        self.send(|client, out| match client.execute(out, request, token) {
            Ok(_) => Ok(()),
            Err(refused) => Err(refused.reason),
        })
    }

    /// Serializes a request and sends it.
    fn send(
        &mut self,
        write: impl FnOnce(&mut Client<T, IN_FLIGHT>, &mut FixedOutput<'_>) -> Result<(), SendErrorKind>,
    ) -> Result<(), Trouble> {
        let mut memory = [0; LONGEST_COMMAND];
        let mut out = FixedOutput::new(&mut memory);
        write(&mut self.client, &mut out).map_err(Trouble::Refused)?;
        out.bytes().iter().for_each(|&byte| self.uart.send(byte));
        Ok(())
    }

    /// Passes received messages to `take` until it returns a result.
    pub fn hear<R>(
        &mut self,
        mut take: impl FnMut(Received<'_, T>) -> Option<R>,
    ) -> Result<R, Trouble> {
        loop {
            let input = self.input.get(..self.length).unwrap_or_default();
            let step = self.client.handle_input(input).map_err(Trouble::Protocol)?;
            let used = step.used;
            let nothing = step.received.is_none();
            let taken = match step.received {
                // A reply may be lost.
                Some(Received::Malformed(_)) => return Err(Trouble::Garbage),
                Some(received) => take(received),
                None => None,
            };
            self.forget(used);
            if let Some(taken) = taken {
                return Ok(taken);
            }
            if nothing {
                self.read()?;
            }
        }
    }

    /// Removes the first bytes of the input.
    fn forget(&mut self, count: usize) {
        if let Some(input) = self.input.get_mut(..self.length) {
            let count = count.min(input.len());
            input.copy_within(count.., 0);
            self.length -= count;
        }
    }

    /// Waits for one more byte.
    fn read(&mut self) -> Result<(), Trouble> {
        let byte = self.wait()?;
        // There is room: a message that is too long was refused before.
        if let Some(free) = self.input.get_mut(self.length) {
            *free = byte;
            self.length += 1;
        }
        Ok(())
    }

    fn wait(&mut self) -> Result<u8, Trouble> {
        let start = host::seconds();
        loop {
            // Reading the time takes much longer than checking the line.
            for _ in 0..10_000 {
                if let Some(byte) = self.uart.receive() {
                    return Ok(byte);
                }
            }
            if host::seconds().wrapping_sub(start) > PATIENCE {
                return Err(Trouble::Silence);
            }
        }
    }
}

/// Why an operation failed.
#[derive(Debug)]
pub enum Trouble {
    /// A request could not be sent.
    Refused(SendErrorKind),
    /// The connection cannot continue.
    Protocol(ProtocolError),
    /// The input is not a message: the line has lost bytes.
    Garbage,
    /// No more input arrives.
    Silence,
    /// There is no source of random numbers.
    NoRandomNumbers,
    /// The server sent something unexpected.
    Unexpected(&'static str),
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused(refusal) => refusal.fmt(f),
            Self::Protocol(error) => error.fmt(f),
            Self::Garbage => f.write_str("what came over the line is no message"),
            Self::Silence => write!(f, "the server has said nothing for {PATIENCE} s"),
            Self::NoRandomNumbers => f.write_str("the host gives no random numbers"),
            Self::Unexpected(what) => write!(f, "the server did not {what}"),
        }
    }
}

impl core::error::Error for Trouble {}

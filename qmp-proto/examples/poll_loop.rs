//! Two monitors, one thread, poll(2), and no adapter. Prints the status of each, then its events:
//! `cargo run -p qmp-proto --example poll_loop -- /run/one.qmp /run/two.qmp`

use std::collections::hash_map::RandomState;
use std::error::Error;
use std::hash::{BuildHasher, Hasher};
use std::io::{ErrorKind, Read, Write};
use std::os::unix::net::UnixStream;

use qmp_proto::{Client, Escaped, Options, Received, Request, Session};
use rustix::event::{PollFd, PollFlags, poll};

struct Monitor {
    path: String,
    socket: UnixStream,
    session: Session<&'static str>,
}

impl Monitor {
    fn connect(path: String) -> Result<Self, Box<dyn Error>> {
        let socket = UnixStream::connect(&path)?;
        socket.set_nonblocking(true)?;
        Ok(Self { path, socket, session: Session::new(Client::monitor(Options::monitor())) })
    }

    /// Does everything that does not block. Returns false when the monitor has ended the
    /// connection.
    fn turn(&mut self) -> Result<bool, Box<dyn Error>> {
        match self.socket.read(self.session.spare_mut()) {
            Ok(0) => return Ok(self.session.handle_end().map(|()| false)?),
            Ok(count) => self.session.advance(count),
            Err(error) if error.kind() == ErrorKind::WouldBlock => {}
            Err(error) => return Err(error.into()),
        }
        while let Some((received, mut sender)) = self.session.receive()? {
            match received {
                Received::Greeting(greeting) => {
                    println!("{}: QEMU {}", self.path, greeting.version().unwrap_or_default());
                    sender.negotiate(RandomState::new().build_hasher().finish(), &[])?;
                }
                Received::Ready => drop(sender.execute(Request::new("query-status"), "status")?),
                Received::Reply(answer) => match answer.outcome {
                    Ok(reply) => println!("{}: {}: {}", self.path, answer.token, reply.json()?),
                    Err(failure) => println!("{}: {}: {failure}", self.path, answer.token),
                },
                Received::Event(event) => {
                    println!("{}: event {}", self.path, Escaped(event.name()))
                }
                other => println!("{}: {other:?}", self.path),
            }
        }
        while let Some(outgoing) = self.session.output_chunk() {
            match self.socket.write(outgoing.bytes) {
                Ok(count) => drop(self.session.advance_output(count)),
                Err(error) if error.kind() == ErrorKind::WouldBlock => break,
                Err(error) => return Err(error.into()),
            }
        }
        Ok(true)
    }
}

fn main() -> Result<(), Box<dyn Error>> {
    let mut monitors =
        std::env::args().skip(1).map(Monitor::connect).collect::<Result<Vec<_>, _>>()?;
    while !monitors.is_empty() {
        let mut descriptors = Vec::new();
        for Monitor { socket, session, .. } in &monitors {
            let writing =
                if session.output().is_empty() { PollFlags::empty() } else { PollFlags::OUT };
            descriptors.push(PollFd::new(socket, PollFlags::IN | writing));
        }
        poll(&mut descriptors, None)?;
        monitors.retain_mut(|monitor| {
            monitor.turn().unwrap_or_else(|error| {
                eprintln!("{}: {error}", monitor.path);
                false
            })
        });
    }
    Ok(())
}

//! A server with minimal cost: `bench-server FOLDER [count]`.
//!
//! It listens on `FOLDER/monitor` and on `FOLDER/agent`, uses one thread per connection, and
//! answers with fixed bytes around the command's id. With `count`, it prints what each connection
//! sent: `received BYTES COMMANDS`.

mod answers;
mod command;
mod connection;

use std::io;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::sync::Arc;
use std::thread;

use answers::{Answers, Dialect};

/// Small enough for 10,000 connections.
const STACK: usize = 64 << 10;

fn main() -> io::Result<()> {
    let mut arguments = std::env::args().skip(1);
    let folder = arguments.next().ok_or_else(|| io::Error::other("which folder?"))?;
    let count = arguments.next().is_some_and(|word| word == "count");
    let folder = Path::new(&folder);
    let monitor = UnixListener::bind(folder.join("monitor"))?;
    let agent = UnixListener::bind(folder.join("agent"))?;
    println!("listening");
    let answers = Arc::new(Answers::new());
    thread::scope(|scope| {
        scope.spawn(|| listen(&monitor, Dialect::Monitor, &answers, count));
        scope.spawn(|| listen(&agent, Dialect::Agent, &answers, count));
    });
    Ok(())
}

fn listen(listener: &UnixListener, dialect: Dialect, answers: &Arc<Answers>, count: bool) {
    loop {
        let accepted = listener.accept().and_then(|(stream, _)| {
            let answers = Arc::clone(answers);
            thread::Builder::new().stack_size(STACK).spawn(move || {
                // A client that disconnects in the middle is ignored.
                let received = connection::serve(stream, dialect, &answers);
                if count {
                    println!("received {} {}", received.bytes, received.commands);
                }
            })
        });
        if let Err(error) = accepted {
            eprintln!("a connection is not served: {error}");
            thread::yield_now();
        }
    }
}

//! Streams that cannot wait with a deadline.

use std::io::{self, Read, Write};
use std::time::Duration;

use qmp_blocking::{Cause, Connection, NoDeadline, Outcome};

use crate::peer::{Peer, pair};

trait Duplex: Read + Write {}

impl<T: Read + Write> Duplex for T {}

fn connect(server: impl FnOnce(Peer) + Send + 'static) -> Connection<NoDeadline<Box<dyn Duplex>>> {
    let stream: Box<dyn Duplex> = Box::new(pair(server).0);
    Connection::builder().over(NoDeadline(stream), "boxed").unwrap()
}

#[test]
fn a_boxed_stream_works() {
    let mut connection = connect(|mut peer| {
        peer.greet();
        for _ in 0..100 {
            let command = peer.receive();
            peer.send("{\"event\": \"TICK\"}\r\n");
            peer.answer(&command, "1");
        }
    });
    let sent: Vec<_> = (0..50).map(|_| connection.execute("query").send().unwrap()).collect();
    for sent in sent.into_iter().rev() {
        sent.wait(&mut connection).unwrap();
    }
    for _ in 0..50 {
        connection.execute("query").run().unwrap();
    }
    for _ in 0..100 {
        assert_eq!(connection.event().look().unwrap().unwrap().name(), "TICK");
    }
    assert!(connection.event().look().unwrap().is_none(), "it does not read");
    assert!(connection.event().wait().unwrap_err().is_disconnected());
}

#[test]
fn deadlines_are_refused() {
    let mut connection = connect(|mut peer| {
        peer.greet();
        let command = peer.receive();
        peer.answer(&command, "1");
    });
    let moment = Duration::from_millis(10);
    let errors = [
        connection.execute("query").deadline(moment).run().unwrap_err(),
        connection.raw("{\"execute\":\"query\"}").deadline(moment).run().unwrap_err(),
        connection.event().deadline(moment).wait().unwrap_err(),
        connection.set_deadline(Some(moment)).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error.cause(), Cause::NoDeadlines), "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(error.to_string().contains("(boxed)"), "{error}");
    }
    connection.set_deadline(None).unwrap();
    connection.execute("query").run().unwrap();
}

#[test]
fn an_agent_works_too() {
    let socket = pair(|mut peer| {
        peer.sync();
        let command = peer.receive();
        peer.answer(&command, "1");
    });
    let stream: Box<dyn Duplex> = Box::new(socket.0);
    let builder = Connection::builder().agent();
    let mut agent = builder.over(NoDeadline(stream), "serial").unwrap();
    agent.execute("guest-ping").run().unwrap();
}

/// A stream that takes no more bytes, and says so in the way of `Write`.
#[derive(Debug)]
struct Full<S>(S);

impl<S: Read> Read for Full<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl<S> Write for Full<S> {
    fn write(&mut self, _: &[u8]) -> io::Result<usize> {
        Ok(0)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_that_takes_nothing_is_no_endless_loop() {
    let socket = pair(|mut peer| peer.send(crate::peer::GREETING));
    let error = Connection::builder().over(NoDeadline(Full(socket.0)), "full").unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

//! Streams that cannot wait with a deadline.

use std::io::{self, Read, Write};
use std::thread::sleep;
use std::time::Duration;

use qmp_blocking::{BlockingStream, Builder, Client, Error, ErrorKind, Outcome};

use crate::peer::{GREETING, Peer, pair};

trait Duplex: Read + Write + Send {}

impl<T: Read + Write + Send> Duplex for T {}

type Boxed = Client<BlockingStream<Box<dyn Duplex>>>;

fn over(builder: Builder, server: impl FnOnce(Peer) + Send + 'static) -> Result<Boxed, Error> {
    let stream: Box<dyn Duplex> = Box::new(pair(server).0);
    builder.connect_over(BlockingStream::new(stream), "boxed")
}

fn connect(server: impl FnOnce(Peer) + Send + 'static) -> Boxed {
    over(qmp_blocking::builder(), server).unwrap()
}

#[test]
fn a_boxed_stream_works() {
    let client = connect(|mut peer| {
        peer.greet();
        for _ in 0..100 {
            let command = peer.receive();
            peer.send("{\"event\": \"TICK\"}\r\n");
            peer.answer(&command, "1");
        }
    });
    let mut events = client.events().named("TICK").subscribe();
    let sent: Vec<_> = (0..50).map(|_| client.execute("query").send().unwrap()).collect();
    for sent in sent.into_iter().rev() {
        sent.recv().unwrap();
    }
    for _ in 0..50 {
        client.execute("query").run().unwrap();
    }
    assert_eq!(events.drain().len(), 100);
    assert!(events.try_recv().is_none(), "it does not read");
    assert!(client.event().run().unwrap_err().is_disconnected());
}

#[test]
fn deadlines_are_refused() {
    let client = connect(|mut peer| {
        peer.greet();
        let command = peer.receive();
        peer.answer(&command, "1");
    });
    let moment = Duration::from_millis(10);
    let errors = [
        client.execute("query").timeout(moment).run().unwrap_err(),
        client.execute("query").timeout(moment).send().unwrap_err(),
        client.raw("{\"execute\":\"query\"}").timeout(moment).run().unwrap_err(),
        client.event().timeout(moment).run().unwrap_err(),
        client.events().subscribe().recv_timeout(moment).unwrap_err(),
        client.events().subscribe_persistent().recv_timeout(moment).unwrap_err(),
        client.set_timeout(Some(moment)).unwrap_err(),
    ];
    for error in errors {
        assert!(matches!(error.kind(), ErrorKind::TimeoutsUnsupported), "{error:?}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(error.to_string().contains("(boxed)"), "{error}");
    }
    client.set_timeout(None).unwrap();
    client.execute("query").run().unwrap();
}

/// The deadline of the handshake does not pass: not in the handshake, nor in anything after it.
#[test]
fn an_answer_may_take_longer_than_the_handshake() {
    let (deadline, longer) = (Duration::from_millis(20), Duration::from_millis(80));
    let builder = qmp_blocking::builder().handshake_timeout(deadline);
    let client = over(builder, move |mut peer| {
        sleep(longer);
        peer.send(GREETING);
        let negotiation = peer.receive();
        sleep(longer);
        peer.answer(&negotiation, "{}");
        for _ in 0..2 {
            let command = peer.receive();
            sleep(longer);
            peer.answer(&command, "1");
        }
    });
    let client = client.unwrap();
    client.execute("query").run().unwrap();
    let last = client.execute("query").send().unwrap();
    client.close().unwrap();
    assert_eq!(last.recv().unwrap().json().unwrap().as_str(), "1");
}

#[test]
fn an_agent_works_too() {
    let agent = over(qmp_blocking::builder().agent(), |mut peer| {
        peer.sync();
        let command = peer.receive();
        peer.answer(&command, "1");
    });
    agent.unwrap().execute("guest-ping").run().unwrap();
}

/// A stream that accepts no bytes, and reports that as `Write` does.
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
fn a_stream_that_accepts_nothing_is_no_endless_loop() {
    let socket = pair(|mut peer| peer.send(GREETING));
    let stream = BlockingStream::new(Full(socket.0));
    let error = qmp_blocking::builder().connect_over(stream, "full").unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

//! How connections end.

use std::io::{Cursor, Read, Write};
use std::net::Shutdown;
use std::time::Duration;

use qmp_blocking::server::{CloseReason, Options};
use qmp_blocking::{BlockingStream, ErrorKind, Outcome, server};

use crate::peer::{PLENTY, serve, serve_raw};

const NEGOTIATE: &[u8] = b"{\"execute\": \"qmp_capabilities\"}";

#[test]
fn closing_flushes_buffered_output() {
    let (mut commands, thread) = serve(&server(), |server| {
        server.execute("long").run().unwrap().decode::<String>().unwrap().len()
    });
    let request = commands.recv_timeout(PLENTY).unwrap().unwrap();
    request.answer(&"x".repeat(3_000_000)).unwrap();
    assert!(commands.unsent() > 2_000_000);
    commands.close().unwrap();
    assert_eq!(thread.join().unwrap(), 3_000_000);
}

#[test]
fn closing_does_not_wait_for_an_answer_that_this_thread_owes() {
    let (mut commands, thread) = serve(&server(), |server| server.execute("a").run().unwrap_err());
    let owed = commands.recv_timeout(PLENTY).unwrap().unwrap();
    let begun = std::time::Instant::now();
    assert!(matches!(commands.close().unwrap(), CloseReason::ByUs));
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    assert_eq!(thread.join().unwrap().outcome(), Outcome::Unknown);
    // Nobody gets it any more.
    owed.return_empty();
}

#[test]
fn what_is_unsent_is_written_while_the_next_command_is_awaited() {
    let (mut commands, thread) = serve(&server(), |server| {
        for _ in 0..3 {
            let long = server.execute("long").run().unwrap();
            assert_eq!(long.decode::<String>().unwrap().len(), 3_000_000);
        }
    });
    while let Some(request) = commands.recv_timeout(PLENTY).unwrap() {
        request.answer(&"x".repeat(3_000_000)).unwrap();
    }
    thread.join().unwrap();
}

#[test]
fn a_half_closed_client_gets_its_answers() {
    let options = Options::monitor().in_band_limit(3);
    let (mut commands, thread) = serve_raw(&server().options(options), |mut socket| {
        socket.write_all(NEGOTIATE).unwrap();
        socket.write_all(b"{\"execute\": \"a\"}{\"execute\": \"b\"}").unwrap();
        socket.shutdown(Shutdown::Write).unwrap();
        let mut all = String::new();
        socket.read_to_string(&mut all).unwrap();
        all
    });
    let a = commands.recv_timeout(PLENTY).unwrap().unwrap();
    let b = commands.recv_timeout(PLENTY).unwrap().unwrap();
    assert!(commands.recv_timeout(PLENTY).unwrap().is_none());
    assert!(commands.close_reason().is_none());
    a.answer("a").unwrap();
    b.answer("b").unwrap();
    commands.close().unwrap();
    let all = thread.join().unwrap();
    assert!(all.ends_with("{\"return\": \"a\"}\r\n{\"return\": \"b\"}\r\n"), "{all}");
}

#[test]
fn commands_of_a_disconnected_client_are_executed() {
    let (mut commands, thread) = serve_raw(&server(), |mut socket| {
        socket.write_all(NEGOTIATE).unwrap();
        socket.write_all(b"{\"execute\": \"stop\"}{\"execute\": \"quit\"}").unwrap();
    });
    thread.join().unwrap();
    let mut names = Vec::new();
    while let Some(request) = commands.recv_timeout(PLENTY).unwrap() {
        names.push(request.name().to_owned());
        request.return_empty();
    }
    assert_eq!(names, ["stop", "quit"]);
    assert!(matches!(commands.close_reason(), Some(CloseReason::ByClient)));
}

#[test]
fn a_client_that_does_not_close_is_abandoned() {
    let patience = Duration::from_millis(200);
    let (ours, theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    (&theirs).write_all(NEGOTIATE).unwrap();
    (&theirs).write_all(b"{\"execute\": \"long\"}").unwrap();
    let server = server().close_timeout(patience);
    let mut commands = server.serve_over(qmp_blocking::Socket::from(ours), "client").unwrap();
    let request = commands.recv_timeout(PLENTY).unwrap().unwrap();
    request.answer(&"x".repeat(3_000_000)).unwrap();
    let begun = std::time::Instant::now();
    let error = commands.close().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotReading { unsent: 1.. }), "{error:?}");
    assert!(begun.elapsed() >= patience);
}

/// A script to read, and what was written.
#[derive(Debug)]
struct Tape(Cursor<Vec<u8>>, std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Read for Tape {
    fn read(&mut self, room: &mut [u8]) -> std::io::Result<usize> {
        self.0.read(room)
    }
}

impl Write for Tape {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.1.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[test]
fn a_stream_without_deadlines_is_served() {
    let script = [NEGOTIATE, b"{\"execute\": \"stop\", \"id\": 1}"].concat();
    let written = std::sync::Arc::default();
    let tape = Tape(Cursor::new(script), std::sync::Arc::clone(&written));
    let mut commands = server().serve_over(BlockingStream::new(tape), "tape").unwrap();
    let error = commands.recv_timeout(PLENTY).unwrap_err();
    assert!(error.to_string().contains("deadline"), "{error}");
    let request = commands.recv().unwrap().unwrap();
    request.return_empty();
    assert!(commands.recv().unwrap().is_none());
    commands.close().unwrap();
    let written = String::from_utf8(written.lock().unwrap().clone()).unwrap();
    assert!(written.ends_with("{\"return\": {}}\r\n{\"return\": {}, \"id\": 1}\r\n"), "{written}");
}

//! Clients that mean harm, or might as well.

use std::io::{Read, Write};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use qmp_blocking::server::{ClientConnection, CloseReason, Options};
use qmp_blocking::{Socket, server};
use serde_json::json;

use crate::peer::{PLENTY, serve_raw};

const NEGOTIATE: &[u8] = b"{\"execute\": \"qmp_capabilities\"}";

fn negotiated(server: &server::Builder) -> (ClientConnection, UnixStream) {
    let (ours, theirs) = UnixStream::pair().unwrap();
    (&theirs).write_all(NEGOTIATE).unwrap();
    let mut commands = server.serve_over(Socket::from(ours), "client").unwrap();
    assert!(commands.recv_timeout(Duration::ZERO).unwrap_err().is_timeout());
    assert!(commands.is_ready());
    (commands, theirs)
}

#[test]
fn a_client_that_never_reads_is_not_read_from() {
    let (mut commands, socket) = negotiated(&server());
    socket.set_nonblocking(true).unwrap();
    let long = "x".repeat(100_000);
    let mut answered = 0;
    loop {
        while (&socket).write(b"{\"execute\": \"give\"}").is_ok_and(|count| count == 19) {}
        match commands.recv_timeout(Duration::from_millis(100)) {
            Ok(request) => request.unwrap().answer(&long).unwrap(),
            Err(error) => {
                assert!(error.is_timeout(), "{error}");
                break;
            }
        }
        answered += 1;
        assert!(answered < 100);
    }
    assert!(commands.unsent() > 900_000 && commands.unsent() < 1_300_000, "{}", commands.unsent());
    assert!(commands.close_reason().is_none());
}

#[test]
fn a_flood_of_events_ends_a_client_that_does_not_read() {
    let (mut commands, _socket) = negotiated(&server().unsent_limit(100_000));
    for _ in 0..100_000 {
        commands
            .event_sender()
            .emit("JOB_STATUS_CHANGE", &json!({"id": "job", "status": "running"}))
            .unwrap();
        if commands.close_reason().is_some() {
            break;
        }
    }
    let Some(CloseReason::NotReading { unsent: 100_000..101_000, .. }) = commands.close_reason()
    else {
        panic!("{:?}", commands.close_reason());
    };
    assert!(commands.recv().unwrap().is_none());
}

#[test]
fn a_message_beyond_the_limits_is_refused() {
    let options = Options::monitor().longest_message(100_000);
    let (mut commands, thread) = serve_raw(&server().options(options), |mut socket| {
        socket.write_all(NEGOTIATE).unwrap();
        socket.write_all(b"{\"execute\": \"").unwrap();
        socket.write_all(&b"a".repeat(1_000_000)).unwrap();
        socket.write_all(b"\"}").unwrap();
        socket.write_all(&b"[".repeat(1_000_000)).unwrap();
        socket.write_all(b"{\"execute\": \"quit\"}\xff{\"execute\": \"stop\"}").unwrap();
        socket.shutdown(std::net::Shutdown::Write).unwrap();
        let mut all = String::new();
        socket.read_to_string(&mut all).unwrap();
        all
    });
    let request = commands.recv_timeout(PLENTY).unwrap().unwrap();
    assert_eq!(request.name(), "stop");
    request.return_empty();
    assert!(commands.recv_timeout(PLENTY).unwrap().is_none());
    drop(commands);
    let all = thread.join().unwrap();
    assert!(all.lines().count() > 3 && all.ends_with("{\"return\": {}}\r\n"), "{all}");
}

#[test]
fn garbage_can_close_the_connection() {
    let (mut commands, thread) = serve_raw(&server().close_on_invalid_input(), |mut socket| {
        socket.write_all(b"POST / HTTP/1.1\r\n\r\n{\"execute\": \"qmp_capabilities\"}").unwrap();
        let mut all = String::new();
        socket.read_to_string(&mut all).unwrap();
        all
    });
    assert!(commands.recv_timeout(PLENTY).unwrap().is_none());
    assert!(matches!(commands.close_reason(), Some(CloseReason::NotJson(_))));
    drop(commands);
    let all = thread.join().unwrap();
    assert_eq!(all.matches("\"error\"").count(), 1, "{all}");
}

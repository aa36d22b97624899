//! What is no message.

use qmp_blocking::{CloseReason, ErrorKind, Options, Outcome};

use crate::peer::{connect, connect_with, handshake, id};

#[test]
fn a_malformed_line_ends_a_monitors_connection() {
    for line in ["warning: something\r\n", "{\"return\": 1, \"id\": }\r\n", "{\"what\": 1}\r\n"] {
        let client = connect(move |mut peer| {
            let command = peer.receive();
            peer.send(line);
            peer.answer(&command, "{}");
        });
        let error = client.execute("query").run().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        let ErrorKind::Disconnected { reason: CloseReason::Malformed(shown), .. } = error.kind()
        else {
            panic!("{line}: {error:?}")
        };
        assert!(!shown.is_empty());
        assert!(error.to_string().contains("sent something that is not a message"), "{error}");
        assert!(!client.is_ready());
        let error = client.execute("query").run().unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
}

#[test]
fn malformed_lines_are_passed_over_where_that_is_wanted() {
    let client = connect_with(qmp_blocking::builder().tolerate_malformed(), |mut peer| {
        let command = peer.receive();
        peer.send("warning: something\r\n\r\n{\"what\": 1}\r\n42\r\n");
        peer.answer(&command, "1");
    });
    let reply = client.execute("query").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "1");
}

#[test]
fn a_message_longer_than_the_limit_ends_the_connection() {
    let options = Options::monitor().longest_message(100_000);
    let client = connect_with(qmp_blocking::builder().options(options), |mut peer| {
        let command = peer.receive();
        peer.answer(&command, &format!("\"{}\"", "x".repeat(99_000)));
        let command = peer.receive();
        peer.answer(&command, &format!("\"{}\"", "x".repeat(100_000)));
    });
    client.execute("query").run().unwrap();
    let error = client.execute("query").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.to_string().contains("longer than the limit of 100000 bytes"), "{error}");
    assert!(client.execute("query").run().unwrap_err().is_disconnected());
}

#[test]
fn an_error_without_an_id_is_the_only_commands() {
    const FAILURE: &str =
        "{\"error\": {\"class\": \"GenericError\", \"desc\": \"JSON parse error\"}}\r\n";
    let client = connect(|mut peer| {
        peer.receive();
        peer.send(FAILURE);
        let (_, _) = (peer.receive(), peer.receive());
        peer.send(FAILURE);
    });
    let error = client.execute("query").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::Answered, "{error}");
    let sent = [(); 2].map(|()| client.execute("query").send().unwrap());
    for sent in sent {
        let error = sent.recv().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "whose it is cannot be told: {error}");
        assert!(error.to_string().contains("does not identify which"), "{error}");
    }
}

#[test]
fn answers_to_nobody_are_passed_over() {
    let client = connect(|mut peer| {
        let id = id(&peer.receive());
        peer.send("{\"return\": 1, \"id\": 12345}\r\n{\"return\": 2}\r\n{\"return\": 3, \"id\": \"0x\"}\r\n");
        peer.send(&format!(
            "{{\"return\": 4, \"id\": {id}}}\r\n{{\"return\": 5, \"id\": {id}}}\r\n"
        ));
        let command = peer.receive();
        peer.send(&format!("{{\"return\": 5, \"id\": {id}}}\r\n"));
        peer.answer(&command, "6");
    });
    for expected in ["4", "6"] {
        let reply = client.execute("query").run().unwrap();
        assert_eq!(reply.json().unwrap().as_str(), expected);
    }
}

#[test]
fn what_greets_otherwise_is_no_monitor() {
    let error = handshake(qmp_blocking::builder(), |mut peer| {
        peer.send("SSH-2.0-OpenSSH_9.2p1\r\n");
        let _ = std::io::Read::read(peer.stream(), &mut [0]);
    });
    let text = error.unwrap_err().to_string();
    assert!(
        text.contains("sent something that is not a message") && text.contains("SSH-2.0"),
        "{text}"
    );
}

#[test]
fn a_server_of_another_protocol_is_named() {
    use std::io::Write;
    use std::os::unix::net::UnixStream;
    use std::time::Duration;

    for (first, name) in [
        (&b"RFB 003.008\n"[..], "VNC"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "websocket"),
        (b"QEMU 11.1.3 monitor - type 'help' for more information\r\n(qemu) ", "human monitor"),
        (b"\xff\xfb\x01\xff\xfb\x03\xff\xfb\x00", "telnet"),
        (b"\xef\xbb\xbf{\"QMP\": ", "byte order mark"),
        (b"\x16\x03\x03\x00\x10", "TLS"),
    ] {
        for is_agent in [false, true] {
            let (ours, mut theirs) = UnixStream::pair().unwrap();
            theirs.write_all(first).unwrap();
            let limit = Duration::from_millis(50);
            let builder = qmp_blocking::builder().handshake_timeout(limit);
            let builder = if is_agent { builder.agent() } else { builder };
            let socket = qmp_blocking::Socket::from(ours);
            let error = builder.connect_over(socket, "peer").unwrap_err().to_string();
            // An agent's line is passed over, because a shell in the guest may have printed it; and 0xff
            // begins its reply to a sync.
            let is_passed_over = is_agent && (first.contains(&b'\n') || first[0] == 0xff);
            assert!(is_passed_over || error.contains(name), "{is_agent}: {error}");
        }
    }
}

#[test]
fn a_server_that_returns_no_id_or_another_is_told_from_a_silent_one() {
    for reply in [
        "{\"return\": {}}\r\n",
        "{\"return\": {}, \"id\": null}\r\n",
        "{\"return\": {}, \"id\": \"other\"}\r\n",
    ] {
        let client = connect(move |mut peer| {
            peer.receive();
            peer.send(reply);
            peer.receive();
        });
        let command = client.execute("query").timeout(std::time::Duration::from_millis(200));
        let error = command.run().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
        assert!(error.to_string().contains("echoes_ids(false)"), "{reply}: {error}");
    }
}

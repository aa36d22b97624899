//! Handshakes that go wrong, and odd ones that do not.

use std::time::Duration;

use qmp_blocking::{ErrorClass, ErrorKind, Outcome, Version};

use crate::peer::{GREETING, connect, handshake, id};

#[test]
fn out_of_band_is_refused_where_it_is_not_offered() {
    let builder = qmp_blocking::builder().out_of_band();
    let error = handshake(builder, |mut peer| {
        peer.send(&GREETING.replace("\"oob\"", ""));
        let _ = std::io::Read::read(peer.stream(), &mut [0]);
    });
    let error = error.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    let text = error.to_string();
    assert!(text.contains("the server does not offer this capability"), "{text}");
}

#[test]
fn a_refused_negotiation_is_told_with_the_servers_words() {
    let error = handshake(qmp_blocking::builder(), |mut peer| {
        peer.send(GREETING);
        let id = id(&peer.receive());
        peer.send(&format!(
            "{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"Not you\"}}, \"id\": {id}}}\r\n"
        ));
    });
    let error = error.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeRefused(_)), "{error:?}");
    assert_eq!(error.class(), Some(ErrorClass::GenericError));
    assert!(error.to_string().contains("refused the handshake: GenericError: Not you"), "{error}");
}

#[test]
fn silence_ends_with_the_deadline_before_and_after_the_greeting() {
    for greeting in ["", GREETING, &GREETING[..20]] {
        let builder = qmp_blocking::builder().handshake_timeout(Duration::from_millis(40));
        let error = handshake(builder, move |mut peer| {
            peer.send(greeting);
            let _ = std::io::Read::read_to_end(peer.stream(), &mut Vec::new());
        });
        let error = error.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error:?}");
        assert!(error.to_string().contains("no answer to the handshake in "), "{error}");
    }
}

#[test]
fn a_greeting_may_be_bare() {
    let client = handshake(qmp_blocking::builder(), |mut peer| {
        peer.send("{\"QMP\":{}}\n");
        let negotiation = peer.receive();
        peer.answer(&negotiation, "{}");
    });
    let client = client.unwrap();
    assert_eq!(client.version(), None);
    assert!(!client.supports("oob") && client.greeting().is_some());
}

/// As when a machine behind a relay is started anew.
#[test]
fn a_second_greeting_is_negotiated_and_leaves_outcomes_unknown() {
    let client = connect(|mut peer| {
        let lost = [peer.receive(), peer.receive()];
        peer.send(&GREETING.replace('9', "8"));
        let negotiation = peer.receive();
        // Too late: these commands have failed.
        peer.answer(&lost[0], "1");
        peer.answer(&negotiation, "{}");
        peer.answer(&lost[1], "1");
        let command = peer.receive();
        peer.answer(&command, "2");
    });
    assert_eq!(client.version(), Some(Version::new(9, 2, 0)));
    let first = client.execute("first").send().unwrap();
    let second = client.execute("second").send().unwrap();
    for sent in [first, second] {
        let error = sent.recv().unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    }
    // It waits until the negotiation is answered.
    let reply = client.execute("third").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "2");
    assert_eq!(client.version(), Some(Version::new(8, 2, 0)));
    assert!(client.is_ready());
}

#[test]
fn a_second_negotiation_that_is_refused_is_told_by_the_next_command() {
    let client = connect(|mut peer| {
        peer.receive();
        peer.send(GREETING);
        let id = id(&peer.receive());
        peer.send(&format!(
            "{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"Not you\"}}, \"id\": {id}}}\r\n"
        ));
        let _ = std::io::Read::read_to_end(peer.stream(), &mut Vec::new());
    });
    client.execute("first").run().unwrap_err();
    let error = client.execute("second").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().contains("the handshake failed: GenericError: Not you"), "{error}");
}

/// As QEMU 5.2 does now and then while it starts: the second negotiation finds it negotiated.
#[test]
fn a_server_that_greets_twice_at_once_is_ready_with_the_first_negotiation() {
    let client = handshake(qmp_blocking::builder().out_of_band(), |mut peer| {
        peer.send(GREETING);
        let first = peer.receive();
        peer.send(GREETING);
        let second = peer.receive();
        peer.answer(&first, "{}");
        let id = id(&second);
        peer.send(&format!(
            "{{\"error\": {{\"class\": \"CommandNotFound\", \"desc\": \"Already\"}}, \"id\": {id}}}\r\n"
        ));
        let command = peer.receive();
        peer.answer(&command, "1");
    });
    let client = client.unwrap();
    assert!(client.is_out_of_band());
    let reply = client.execute("query").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "1");
}

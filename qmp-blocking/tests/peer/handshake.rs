//! Handshakes that go wrong, and odd ones that do not.

use std::time::Duration;

use qmp_blocking::{Cause, Connection, ErrorClass, Outcome, Version};

use crate::peer::{GREETING, connect, handshake, id};

#[test]
fn out_of_band_is_refused_where_it_is_not_offered() {
    let builder = Connection::builder().out_of_band();
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
    let error = handshake(Connection::builder(), |mut peer| {
        peer.send(GREETING);
        let id = id(&peer.receive());
        peer.send(&format!(
            "{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"Not you\"}}, \"id\": {id}}}\r\n"
        ));
    });
    let error = error.unwrap_err();
    assert!(matches!(error.cause(), Cause::HandshakeRefused(_)), "{error:?}");
    assert_eq!(error.class(), Some(ErrorClass::GenericError));
    assert!(error.to_string().contains("refused the handshake: GenericError: Not you"), "{error}");
}

#[test]
fn silence_ends_with_the_deadline_before_and_after_the_greeting() {
    for greeting in ["", GREETING, &GREETING[..20]] {
        let builder = Connection::builder().handshake_deadline(Duration::from_millis(40));
        let error = handshake(builder, move |mut peer| {
            peer.send(greeting);
            let _ = std::io::Read::read_to_end(peer.stream(), &mut Vec::new());
        });
        let error = error.unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert!(matches!(error.cause(), Cause::SilentHandshake { .. }), "{error:?}");
        assert!(error.to_string().contains("no answer to the handshake in "), "{error}");
    }
}

#[test]
fn a_greeting_may_be_bare() {
    let connection = handshake(Connection::builder(), |mut peer| {
        peer.send("{\"QMP\":{}}\n");
        let negotiation = peer.receive();
        peer.answer(&negotiation, "{}");
    });
    let connection = connection.unwrap();
    assert_eq!(connection.version(), None);
    assert!(!connection.supports("oob") && connection.greeting().is_some());
}

/// A machine behind a relay was started anew, say.
#[test]
fn a_second_greeting_is_negotiated_and_leaves_outcomes_unknown() {
    let mut connection = connect(|mut peer| {
        let lost = [peer.receive(), peer.receive()];
        peer.send(&GREETING.replace('9', "8"));
        let negotiation = peer.receive();
        // Too late: these are nobody's by now.
        peer.answer(&lost[0], "1");
        peer.answer(&negotiation, "{}");
        peer.answer(&lost[1], "1");
        let command = peer.receive();
        peer.answer(&command, "2");
    });
    assert_eq!(connection.version(), Some(Version::new(9, 2, 0)));
    let first = connection.execute("first").send().unwrap();
    let second = connection.execute("second").send().unwrap();
    for sent in [first, second] {
        let error = sent.wait(&mut connection).unwrap_err();
        assert_eq!(error.outcome(), Outcome::Unknown, "{error}");
    }
    // It waits until the negotiation is answered.
    let reply = connection.execute("third").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "2");
    assert_eq!(connection.version(), Some(Version::new(8, 2, 0)));
    assert!(connection.is_ready());
}

#[test]
fn a_second_negotiation_that_is_refused_is_told_by_the_next_command() {
    let mut connection = connect(|mut peer| {
        peer.receive();
        peer.send(GREETING);
        let id = id(&peer.receive());
        peer.send(&format!(
            "{{\"error\": {{\"class\": \"GenericError\", \"desc\": \"Not you\"}}, \"id\": {id}}}\r\n"
        ));
        let _ = std::io::Read::read_to_end(peer.stream(), &mut Vec::new());
    });
    connection.execute("first").run().unwrap_err();
    let error = connection.execute("second").run().unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().contains("capabilities are not negotiated"), "{error}");
}

/// As QEMU 5.2 does now and then while it starts: the second negotiation finds it negotiated.
#[test]
fn a_server_that_greets_twice_at_once_is_ready_with_the_first_negotiation() {
    let connection = handshake(Connection::builder().out_of_band(), |mut peer| {
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
    let mut connection = connection.unwrap();
    assert!(connection.is_out_of_band());
    let reply = connection.execute("query").run().unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "1");
}

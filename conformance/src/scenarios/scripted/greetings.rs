//! Messages in place of a greeting.

use std::time::Duration;

use qmp_driver::{ErrorClass, ErrorKind};

use super::serve;
use crate::Adapter;
use crate::subject::{Build, Execute, Subject};

const TOO_MANY: &str =
    "{\"error\": {\"class\": \"GenericError\", \"desc\": \"too many clients\"}}\r\n";

/// The server disconnects after it, or is silent until the handshake deadline.
pub async fn an_error_instead_of_a_greeting_fails_the_connect<A: Adapter>() {
    for hangs_up in [true, false] {
        let (stream, server) = serve(move |script| {
            script.send(TOO_MANY);
            if !hangs_up {
                script.wait_for_end();
            }
        });
        let limit = if hangs_up { Duration::from_secs(30) } else { Duration::from_millis(100) };
        let builder = A::builder().handshake_timeout(limit);
        let error = builder.connect_over(stream, "full").await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::HandshakeRefused(_)), "{error:#?}");
        assert_eq!(error.class(), Some(ErrorClass::GenericError));
        let text = "the server refused the handshake: GenericError: too many clients (full)";
        assert_eq!(error.to_string(), text);
        server.join().unwrap();
    }
}

/// It may have been the reply to the previous client.
pub async fn a_greeting_after_an_error_connects<A: Adapter>() {
    let (stream, server) = serve(|script| {
        script.send(TOO_MANY);
        script.greet();
        script.echo();
    });
    let qemu = A::builder().connect_over(stream, "late").await.unwrap();
    let reply = qemu.execute("x").argument("number", &5).run().await.unwrap();
    assert_eq!(reply.decode::<u32>().unwrap(), 5);
    drop(qemu);
    server.join().unwrap();
}

/// After a greeting, an earlier error is not the reason of the close.
pub async fn an_error_before_a_greeting_does_not_explain_a_later_end<A: Adapter>() {
    let (stream, server) = serve(|script| {
        script.send(TOO_MANY);
        script.send(super::GREETING);
        script.receive();
    });
    let error = A::builder().connect_over(stream, "leaves").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Disconnected { .. }), "{error:#?}");
    assert!(!error.to_string().contains("too many"), "{error}");
    server.join().unwrap();
}

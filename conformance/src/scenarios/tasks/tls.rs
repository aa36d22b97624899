//! Clients over TLS.

use std::pin::pin;
use std::time::Duration;

use qmp_driver::{CloseReason, Outcome};
use rustix::process::Signal;
use serde_json::Value;

use super::{compute, join_all, poll_and_drop};
use crate::server::{Suite, folder};
use crate::subject::names;
use crate::tls::{ALERT, Authority, NotOpen, Relay, Secure, Secured};

/// TLS records do not match messages: they contain parts of one, or several.
pub async fn a_monitor_is_used_over_tls<A: Secure>(suite: &Suite) {
    let mut secured = Secured::start::<A>(suite, false).await;
    let qemu = secured.connect::<A>().await;
    for computed in join_all((0..200).map(|number| compute(&qemu, number))).await {
        computed.unwrap();
    }
    // Many records in one direction, and then in the other.
    let schema: Vec<Value> = qemu.execute("query-qmp-schema").await.unwrap().decode().unwrap();
    assert!(schema.len() > 500, "{}", schema.len());
    let long = "x".repeat(20_000);
    let refused = qemu.execute("device_del").argument("id", &long).await.unwrap_err();
    assert!(refused.class().is_some(), "{refused}");

    let mut events = qemu.events().subscribe();
    qemu.execute("cont").await.unwrap();
    assert_eq!(names(events.drain()), ["RESUME"]);
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    assert!(secured.server.ended().success());
    assert_eq!(names(events.drain()), ["SHUTDOWN"]);
}

/// The peer learns that nothing was cut off, unless the connection is aborted.
pub async fn a_close_sends_close_notify_over_tls<A: Secure>(suite: &Suite) {
    let secured = Secured::start::<A>(suite, false).await;
    for goodbye in [true, false] {
        let relay = Relay::new(secured.address.clone());
        let qemu = secured.open::<A>(&relay.address, &secured.here(), None).await.unwrap();
        compute(&qemu, 7).await.unwrap();
        match goodbye {
            true => qemu.close().await.unwrap(),
            false => qemu.abort(),
        }
        drop(qemu);
        // The driver may share this thread.
        while !relay.is_over() {
            poll_and_drop(std::future::pending::<()>(), 1).await;
        }
        let lengths = relay.records();
        assert_eq!(lengths.last() == Some(&ALERT), goodbye, "{lengths:?}");
    }
    // The next client can connect.
    compute(&secured.connect::<A>().await, 7).await.unwrap();
}

/// In both directions.
pub async fn untrusted_peers_are_refused_over_tls<A: Secure>(suite: &Suite) {
    let secured = Secured::start::<A>(suite, true).await;
    let (address, here) = (&secured.address, secured.here());
    let (ours, theirs) = (folder(), folder());
    secured.authority.write_client(ours.path());
    let other = Authority::new("theirs");
    other.write_own(theirs.path());
    other.write_client(theirs.path());

    let error = secured.open::<A>(address, theirs.path(), Some(ours.path())).await.unwrap_err();
    let NotOpen::Session(error) = error else { panic!("{error:?}") };
    assert!(error.to_string().contains("UnknownIssuer"), "{error}");
    // With TLS 1.3 the client's handshake completes before the server has checked its certificate.
    for own in [None, Some(theirs.path())] {
        let error = secured.open::<A>(address, &here, own).await.unwrap_err();
        let NotOpen::Handshake(error) = error else { panic!("{error:?}") };
        assert!(error.is_disconnected() && !error.is_timeout(), "{error}");
        assert!(error.to_string().ends_with("(localhost over TLS)"), "{error}");
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    let qemu = secured.open::<A>(address, &here, Some(ours.path())).await.unwrap();
    compute(&qemu, 7).await.unwrap();
    qemu.close().await.unwrap();
}

/// It cannot send a close notification.
pub async fn a_server_killed_over_tls_leaves_outcomes_unknown<A: Secure>(suite: &Suite) {
    let secured = Secured::start::<A>(suite, false).await;
    let qemu = secured.connect::<A>().await;
    secured.server.signal(Signal::STOP);
    let late = qemu.execute("stop").timeout(Duration::from_millis(100)).await.unwrap_err();
    assert!(late.is_timeout() && late.outcome() == Outcome::Unknown, "{late}");
    let mut command = pin!(qemu.execute("query-status"));
    assert!(poll_and_drop(command.as_mut(), 0).await.is_none());
    secured.server.signal(Signal::KILL);
    let error = command.await.unwrap_err();
    assert!(error.is_disconnected() && error.outcome() == Outcome::Unknown, "{error}");
    let reason = qemu.closed().await;
    assert!(matches!(reason, CloseReason::Protocol(_)), "{reason:?}");
}

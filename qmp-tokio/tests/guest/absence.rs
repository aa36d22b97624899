//! Agents that are away for a while: restarted, stopped, or in a machine that is.

use std::time::{Duration, Instant};

use qmp_tokio::types::qga::{GuestInfo, GuestPing, GuestSync};
use qmp_tokio::types::{Cont, Stop};
use qmp_tokio::{Client, ErrorKind, Outcome};

use crate::guest::{Guest, connect_agent};
use crate::server::PLENTY;
use crate::state::port_change;

on_every_guest!(
    an_agent_that_was_restarted_is_synced_with_again,
    an_agent_that_is_stopped_answers_late,
    the_agent_of_a_stopped_machine_is_silent,
);

const MOMENT: Duration = Duration::from_millis(250);

async fn assert_usable(agent: &Client) {
    for id in 0..5 {
        let sync = agent.call(&GuestSync::new(id)).timeout(PLENTY);
        assert_eq!(sync.await.unwrap(), id);
    }
    assert_eq!(agent.in_flight(), 0);
}

/// QEMU keeps the connection meanwhile, and says on the monitor what happens to the port.
async fn an_agent_that_was_restarted_is_synced_with_again(guest: Guest) {
    let closed = port_change(&guest.qemu, false).timeout(PLENTY);
    let script = "touch /run/hold; sleep 0.3; kill $(pidof qemu-ga); sleep 3; rm /run/hold";
    guest.begin(script).await;
    closed.await.unwrap();
    let opened = port_change(&guest.qemu, true).timeout(PLENTY);

    let error = guest.agent.call(&GuestPing::new()).timeout(MOMENT).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoReply { .. }), "{error:#?}");
    assert!(error.is_timeout() && !error.is_disconnected());
    assert_eq!(error.outcome(), Outcome::Unknown);
    let text = error.to_string();
    assert!(text.starts_with("guest-ping: no answer in "), "{text}");

    guest.agent.sync().await.unwrap();
    opened.await.unwrap();
    assert_usable(&guest.agent).await;
    assert_eq!(guest.shell("ls /run/hold 2>&1 || true").await.matches("No such file").count(), 1);
}

/// Answers have ids, so nobody has to sync after a deadline.
async fn an_agent_that_is_stopped_answers_late(guest: Guest) {
    let pid = "$(pidof qemu-ga)";
    let script = format!("sleep 0.3; kill -STOP {pid}; sleep 2; kill -CONT {pid}");
    guest.begin(&script).await;
    let started = Instant::now();
    let error = loop {
        assert!(started.elapsed() < PLENTY);
        if let Err(error) = guest.agent.call(&GuestPing::new()).timeout(MOMENT).await {
            break error;
        }
    };
    assert!(matches!(error.kind(), ErrorKind::NoReply { .. }), "{error:#?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert_eq!(guest.agent.in_flight(), 1);
    assert_usable(&guest.agent).await;
}

async fn the_agent_of_a_stopped_machine_is_silent(guest: Guest) {
    guest.qemu.call(&Stop::new()).await.unwrap();
    let error = guest.agent.call(&GuestPing::new()).timeout(MOMENT).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoReply { .. }), "{error:#?}");
    let cont = async {
        tokio::time::sleep(2 * MOMENT).await;
        guest.qemu.call(&Cont::new()).await.unwrap();
    };
    let (synced, ()) = tokio::join!(guest.agent.sync(), cont);
    synced.unwrap();
    assert_usable(&guest.agent).await;

    // What this client leaves unread in the port is nothing to the next.
    guest.qemu.call(&Stop::new()).await.unwrap();
    drop(guest.agent.call(&GuestInfo::new()).timeout(MOMENT).await.unwrap_err());
    guest.agent.abort();
    let builder = qmp_tokio::builder().agent().handshake_timeout(MOMENT);
    let error = builder.connect(guest.server.path("agent")).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error:#?}");
    assert!(error.is_timeout() && error.outcome() == Outcome::NotSent);
    let text = error.to_string();
    assert!(text.contains("is the guest up, and is qemu-ga running in it?"), "{text}");
    guest.qemu.call(&Cont::new()).await.unwrap();
    let agent = connect_agent(&guest.server).await;
    assert_usable(&agent).await;
}

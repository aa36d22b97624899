//! Guests that end, or begin again.

use std::time::{Duration, Instant};

use qmp_tokio::types::events::{Reset, Shutdown};
use qmp_tokio::types::qga::GuestShutdown;
use qmp_tokio::types::{ShutdownCause, SystemPowerdown};
use qmp_tokio::{CloseReason, ErrorKind, Outcome, TypedEvent, TypedItem};

use crate::guest::Guest;
use crate::server::PLENTY;
use crate::state::port_change;

on_every_guest!(
    a_shutdown_is_not_answered_and_ends_everything,
    a_reboot_is_not_answered_and_the_agent_comes_back,
    a_guest_may_ignore_the_power_button,
);

async fn a_shutdown_is_not_answered_and_ends_everything(mut guest: Guest) {
    let mut events = guest.qemu.events().subscribe_to::<Shutdown>();
    let started = Instant::now();
    let shutdown = GuestShutdown::new().mode("powerdown");
    guest.agent.call(&shutdown).timeout(PLENTY).await.unwrap();
    // It was not the deadline that ended it, but QEMU.
    assert!(started.elapsed() < PLENTY);
    assert!(matches!(guest.agent.closed().await, CloseReason::Closed));

    let Some(TypedItem::Event(it)) = events.recv_timeout(PLENTY).await.unwrap() else { panic!() };
    assert_eq!((it.event.guest, it.event.reason), (true, ShutdownCause::GuestShutdown));
    assert!(events.recv().await.is_none());
    assert!(matches!(events.close_reason(), Some(CloseReason::Closed)));
    assert!(matches!(guest.qemu.closed().await, CloseReason::Closed));
    assert!(guest.server.ended().success());
    for client in [&guest.qemu, &guest.agent] {
        let error = client.execute("query-status").await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent);
        let text = error.to_string();
        assert!(text.contains("not sent, the connection is over"), "{text}");
        assert!(text.contains("connect again"), "{text}");
    }
}

async fn a_reboot_is_not_answered_and_the_agent_comes_back(guest: Guest) {
    guest.shell("touch /tmp/before").await;
    let reset = guest.qemu.event().named(Reset::NAME).timeout(PLENTY);
    let closed = port_change(&guest.qemu, false).timeout(PLENTY);
    let opened = port_change(&guest.qemu, true).timeout(PLENTY);
    let reboot = guest.agent.call(&GuestShutdown::new().mode("reboot"));
    let reboot = tokio::spawn(reboot.timeout(2 * PLENTY).into_future());
    let reset: Reset = reset.await.unwrap().decode().unwrap();
    assert!(reset.guest);
    closed.await.unwrap();
    guest.agent.sync().await.unwrap();
    opened.await.unwrap();
    // The sync is a sign that the agent went on.
    reboot.await.unwrap().unwrap();
    assert_eq!(guest.shell("ls /tmp").await, "");
}

async fn a_guest_may_ignore_the_power_button(guest: Guest) {
    let qemu = &guest.qemu;
    let pressed = qemu.event().named("POWERDOWN").timeout(PLENTY);
    let shutdown = qemu.event().named(Shutdown::NAME);
    qemu.call(&SystemPowerdown::new()).await.unwrap();
    pressed.await.unwrap();
    let error = shutdown.timeout(Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoEvent { .. }), "{error:#?}");
    assert!(error.to_string().starts_with("no SHUTDOWN in "), "{error}");
    assert_eq!(guest.shell("echo here").await, "here\n");
}

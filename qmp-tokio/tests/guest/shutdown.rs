//! Guests that end, or begin again.

use std::time::{Duration, Instant};

use qmp_tokio::{CloseReason, ErrorKind, Outcome};
use serde_json::Value;

use crate::guest::Guest;
use crate::server::PLENTY;
use crate::state::port_change;

on_every_guest!(
    a_shutdown_is_not_answered_and_ends_everything,
    a_reboot_is_not_answered_and_the_agent_comes_back,
    a_guest_may_ignore_the_power_button,
);

async fn a_shutdown_is_not_answered_and_ends_everything(mut guest: Guest) {
    let mut events = guest.qemu.events().named("SHUTDOWN").subscribe();
    let started = Instant::now();
    let shutdown = guest.agent.execute("guest-shutdown").argument("mode", "powerdown");
    let reply = shutdown.timeout(PLENTY).await.unwrap();
    assert_eq!(reply.json().unwrap().as_str(), "{}");
    // It was not the deadline that ended it, but QEMU.
    assert!(started.elapsed() < PLENTY);
    assert!(matches!(guest.agent.closed().await, CloseReason::Closed));

    let event = events.event().timeout(PLENTY).await.unwrap();
    let data: Value = event.decode().unwrap();
    assert_eq!((&data["guest"], &data["reason"]), (&true.into(), &"guest-shutdown".into()));
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
    let reset = guest.qemu.event().named("RESET").timeout(PLENTY);
    let closed = port_change(&guest.qemu, false).timeout(PLENTY);
    let opened = port_change(&guest.qemu, true).timeout(PLENTY);
    let reboot = guest.agent.execute("guest-shutdown").argument("mode", "reboot");
    let reboot = tokio::spawn(reboot.timeout(2 * PLENTY));
    let data: Value = reset.await.unwrap().decode().unwrap();
    assert_eq!(data["guest"], true);
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
    let shutdown = qemu.event().named("SHUTDOWN");
    qemu.execute("system_powerdown").await.unwrap();
    pressed.await.unwrap();
    let error = shutdown.timeout(Duration::from_millis(500)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoEvent { .. }), "{error:#?}");
    assert!(error.to_string().starts_with("no SHUTDOWN in "), "{error}");
    assert_eq!(guest.shell("echo here").await, "here\n");
}

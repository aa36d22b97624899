//! Servers that are still starting.

use std::time::{Duration, Instant};

use qmp_driver::{Address, CloseReason, ErrorKind};

use super::assert_usable;
use crate::Adapter;
use crate::server::{LIGHT, PLENTY, Server, Suite, folder, notice};
use crate::subject::{Build, Execute, Subject};

/// The client waits until the server listens, but not after the server has died.
pub async fn connecting_waits_for_a_starting_server_while_it_lives<A: Adapter>(suite: &Suite) {
    let (mut server, qemu) = late::<A>(suite).await;
    assert_usable(&qemu).await;
    qemu.execute("quit").run().await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    assert!(server.ended().success());
    dies::<A>(suite, "-no-such-option").await;
    // The monitor listens, and then creating the machine fails.
    dies::<A>(suite, "-device no-such-device").await;
    never_listens::<A>(suite).await;
}

/// QEMU started by a shell after a command, and the address it will listen on.
fn start(suite: &Suite, before: &str, options: &str) -> (Server, Address) {
    let qemu = suite.path("qemu-system-x86_64");
    let server = suite.start("/bin/sh", folder(), |command| {
        let monitor = "-qmp unix:qmp,server=on,wait=off";
        let script = format!("{before}; exec \"$0\" {LIGHT} {options} {monitor}");
        command.arg("-c").arg(script).arg(qemu);
    });
    let address = server.address();
    (server, address)
}

fn patient<A: Adapter>() -> A::Builder {
    A::builder().connect_timeout(PLENTY).handshake_timeout(PLENTY / 6)
}

/// A server that starts slowly, and a client that has waited for it.
pub(super) async fn late<A: Adapter>(suite: &Suite) -> (Server, <A::Builder as Build>::Client) {
    loop {
        let started = Instant::now();
        let (mut server, address) = start(suite, "sleep 0.3", "");
        match patient::<A>().connect_with_retry(&address, || server.has_ended()).await {
            // Two threads of an old QEMU serve a client that connects while it starts.
            Err(error) if suite.is_old() && error.is_timeout() => {
                notice(&format!("QEMU {}, while it starts: {error}", suite.version()));
            }
            connected => {
                assert!(started.elapsed() >= Duration::from_millis(300));
                return (server, connected.unwrap());
            }
        }
    }
}

async fn dies<A: Adapter>(suite: &Suite, option: &str) {
    let started = Instant::now();
    let (mut server, address) = start(suite, "sleep 0.1", option);
    let connected = patient::<A>().connect_with_retry(&address, || server.has_ended()).await;
    let error = connected.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let ErrorKind::EndedEarly(ended) = error.kind() else { panic!("{error:#?}") };
    assert_eq!(ended.status.code(), Some(1));
    assert!(error.is_disconnected() && error.to_string().contains("exit status 1"), "{error}");
}

async fn never_listens<A: Adapter>(suite: &Suite) {
    let (mut server, address) = start(suite, "sleep 60", "");
    let impatient = A::builder().connect_timeout(Duration::from_millis(200));
    let connected = impatient.connect_with_retry(&address, || server.has_ended()).await;
    let error = connected.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("tried for 2"), "{error}");
}

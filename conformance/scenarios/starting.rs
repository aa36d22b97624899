//! Servers that are still starting.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use qmp_driver::{Builder, Cause, Disconnect, Runtime};

use super::{builder, compute};
use crate::conformance::server::{LIGHT, PLENTY, Server, Suite, folder, notice};

pub(crate) async fn a_starting_server_is_waited_for_as_long_as_it_lives<R: Runtime>(suite: &Suite) {
    takes_its_time::<R>(suite).await;
    dies::<R>(suite, "-no-such-option").await;
    // The monitor listens, and then the machine cannot be made.
    dies::<R>(suite, "-device no-such-device").await;
    never_listens::<R>(suite).await;
}

/// QEMU after a shell has done something, and what it will listen on.
fn start(suite: &Suite, before: &str, options: &str) -> (Server, PathBuf) {
    let folder = folder();
    let socket = folder.path().join("qmp");
    let qemu = suite.path("qemu-system-x86_64");
    let server = suite.start("/bin/sh", folder, |command| {
        let script = format!("{before}; exec \"$@\" {LIGHT} {options}");
        command.args(["-c", &script, "sh"]).arg(qemu).arg("-qmp");
        command.arg(format!("unix:{},server=on,wait=off", socket.display()));
    });
    (server, socket)
}

fn patient<R: Runtime>() -> Builder<R> {
    builder::<R>().connect_deadline(PLENTY).handshake_deadline(PLENTY / 6)
}

async fn takes_its_time<R: Runtime>(suite: &Suite) {
    loop {
        let started = Instant::now();
        let (mut server, socket) = start(suite, "sleep 0.3", "");
        match patient::<R>().connect_when_up(socket, || server.has_ended()).await {
            // Two threads of an old one serve a client that comes while it starts.
            Err(error) if suite.is_old() && error.is_timeout() => {
                notice(&format!("QEMU {}, while it starts: {error}", suite.version()));
            }
            connected => {
                let qemu = connected.unwrap();
                assert!(started.elapsed() >= Duration::from_millis(300));
                compute(&qemu, 7).await.unwrap();
                qemu.abort();
                qemu.reconnect().await.unwrap();
                qemu.execute("quit").await.unwrap();
                assert!(matches!(qemu.closed().await, Disconnect::Closed));
                assert!(server.ended().success());
                return;
            }
        }
    }
}

async fn dies<R: Runtime>(suite: &Suite, option: &str) {
    let started = Instant::now();
    let (mut server, socket) = start(suite, "sleep 0.1", option);
    let error = patient::<R>().connect_when_up(socket, || server.has_ended()).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let Cause::EndedEarly { status, .. } = error.cause() else { panic!("{error:#?}") };
    assert_eq!(status.code(), Some(1));
    assert!(error.is_disconnected() && error.to_string().contains("exit status 1"), "{error}");
}

async fn never_listens<R: Runtime>(suite: &Suite) {
    let (mut server, socket) = start(suite, "sleep 60", "");
    let impatient = builder::<R>().connect_deadline(Duration::from_millis(200));
    let error = impatient.connect_when_up(socket, || server.has_ended()).await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("tried for 2"), "{error}");
}

//! Opening and closing connections.

use std::time::{Duration, Instant};

use qmp_driver::{CloseReason, ErrorKind, Launch, Outcome};
use rustix::process::Signal;

use super::assert_usable;
use crate::server::{LIGHT, PLENTY, Suite, folder};
use crate::subject::{Build, Execute, Subject};
use crate::{Adapter, Target};

const MOMENT: Duration = Duration::from_millis(100);

/// The last messages of the server are still delivered.
pub async fn quit_succeeds_and_the_connection_is_closed<A: Adapter>(target: Target<'_>) {
    for _ in 0..5 {
        let mut server = target.qemu();
        let qemu = server.connect(A::builder).await;
        let mut events = qemu.events(&[]);
        qemu.execute("quit").run().await.unwrap();
        assert!(matches!(qemu.closed().await, CloseReason::Closed));
        server.ended();
        assert_eq!(qemu.names(&mut events), ["SHUTDOWN"]);
        let over = qemu.event(&mut events, PLENTY).await.unwrap_err();
        assert!(over.is_disconnected() && !over.is_timeout(), "{over}");
        let error = qemu.execute("query-status").run().await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    }
}

/// QEMU drops what it has not read yet when a socket is closed; so the client closes only its write half.
pub async fn a_command_that_was_sent_is_executed_though_the_client_is_dropped<A: Adapter>(
    target: Target<'_>,
) {
    for _ in 0..5 {
        let mut server = target.qemu();
        let qemu = server.connect(A::builder).await;
        drop(qemu.execute("quit").send().await.unwrap());
        drop(qemu);
        server.ended();
    }
}

/// A command that was sent may have been executed.
pub async fn a_killed_server_leaves_outcomes_unknown<A: Adapter>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    server.stop();
    let mut sent = Vec::new();
    for _ in 0..5 {
        sent.push(qemu.execute("query-status").send().await.unwrap());
    }
    let late = qemu.execute("stop").timeout(MOMENT).run().await.unwrap_err();
    assert!(late.is_timeout(), "{late}");
    assert_eq!(late.outcome(), Outcome::Unknown);
    server.kill();
    for answer in qemu.answers(sent).await {
        let error = answer.unwrap_err();
        assert!(error.is_disconnected(), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(error.to_string().contains("5 requests unanswered"), "{error}");
    }
    let error = qemu.execute("query-status").run().await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
}

/// A stopped server is distinguished from a busy one, and a stale socket from a live one.
pub async fn errors_distinguish_stopped_and_dead_servers<A: Adapter>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(A::builder).await;
    server.signal(Signal::STOP);
    let late = qemu.execute("stop").timeout(MOMENT).run().await.unwrap_err();
    assert!(late.is_timeout() && late.to_string().contains("stopped"), "{late}");
    server.signal(Signal::KILL);
    assert!(!server.ended().success());
    let gone = A::builder().connect(&server.address()).await.unwrap_err();
    assert!(gone.to_string().contains("left over"), "{gone}");
}

/// A socket serves one client at a time.
pub async fn a_second_client_gets_an_error_with_advice<A: Adapter>(suite: &Suite) {
    let mut server = suite.qemu();
    let first = server.connect(A::builder).await;
    let second = A::builder().handshake_timeout(MOMENT);
    let error = second.connect(&server.address()).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error:?}");
    assert!(error.to_string().contains("another client"), "{error}");
    first.close().await.unwrap();
    assert_usable(&server.connect(A::builder).await).await;
}

/// `-qmp unix:PATH` without `server=on`.
pub async fn qemu_connects_to_us<A: Adapter>(suite: &Suite) {
    let folder = folder();
    let path = folder.file("ours");
    let listener = A::listen(&path);
    let mut server = suite.qemu_in(folder, &["-qmp", "unix:{}/ours"]);
    let qemu = A::builder().connect_timeout(PLENTY).accept(&listener).await.unwrap();
    assert_usable(&qemu).await;
    qemu.execute("quit").run().await.unwrap();
    assert!(server.ended().success());
}

/// A launched program is connected from the start, and its last output is quoted.
pub async fn a_launched_qemu_is_used_and_a_dead_one_quoted<A: Adapter>(suite: &Suite) {
    let launch = || Launch::qemu(suite.path("qemu-system-x86_64")).args(LIGHT.split(' '));
    let builder = || A::builder().handshake_timeout(PLENTY);
    let (qemu, mut process) = builder().launch(launch()).await.unwrap();
    assert_usable(&qemu).await;
    qemu.execute("quit").run().await.unwrap();
    assert!(matches!(qemu.closed().await, CloseReason::Closed));
    assert!(process.wait().unwrap().success());

    let started = Instant::now();
    let error = builder().launch(launch().arg("-no-such-option")).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(matches!(error.kind(), ErrorKind::ProcessExited(_)), "{error:#?}");
    let text = error.to_string();
    assert!(text.starts_with("qemu-system-x86_64 ended with exit status 1: "), "{text}");
    assert!(text.ends_with("-no-such-option: invalid option"), "{text}");

    let (qemu, process) = builder().launch(launch()).await.unwrap();
    drop(process);
    qemu.closed().await;
    let error = builder().launch(Launch::qemu("/no/such/qemu")).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot start qemu: "), "{error}");
}

//! Messages that are not sent, and replies that do not arrive.

use std::future::poll_fn;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};

use qmp_driver::qmp_proto::ProtocolError;
use qmp_driver::{CloseReason, Driver, Error, ErrorKind, Execute, Outcome, Runtime, Socket};
use rustix::io::ioctl_fionread;
use rustix::process::Signal;

use super::{Shared, compute, join_all};
use crate::scenarios::faults::most;
use crate::server::{Suite, wait_until};

/// Dropping a message that is half sent closes its connection.
pub async fn a_message_that_cannot_be_sent_can_be_abandoned<A: Shared>(suite: &Suite) {
    let (mut server, mut other) = (suite.qemu(), suite.qemu());
    let qemu = server.connect(A::builder).await;
    let other = other.connect(A::builder).await;
    server.signal(Signal::STOP);
    let large = qemu.execute("query-name").argument("text", "x".repeat(most(suite)));
    let mut large = pin!(large);
    let pending = |cx: &mut Context<'_>| Poll::Ready(large.as_mut().poll(cx).is_pending());
    assert!(poll_fn(pending).await);
    for computed in join_all((0..100).map(|number| compute(&other, number))).await {
        computed.unwrap();
    }
    assert_eq!(qemu.in_flight(), 1);
    qemu.abort();
    let error = large.await.unwrap_err();
    assert!(matches!(reason(&error), CloseReason::ByUs), "{error:#?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    let text = error.to_string();
    assert!(text.starts_with("query-name: the connection was closed on this side ("), "{text}");
    server.signal(Signal::CONT);
    // The next client is not affected by half a message.
    compute(&server.connect(A::builder).await, 7).await.unwrap();
}

/// All commands that were sent get the close reason.
pub async fn a_server_may_die_while_it_replies<A: Shared>(suite: &Suite) {
    let mut server = suite.qemu();
    server.connect(A::builder).await.close().await.unwrap();
    let ours = UnixStream::connect(server.path("qmp")).unwrap();
    let unread = ours.try_clone().unwrap();
    let transport = A::Runtime::default().transport(Socket::from(ours)).unwrap();
    let (qemu, driver) = A::builder().build_over(transport, "the dying").unwrap();
    let mut driver = Box::pin(driver);
    alternately(&mut driver, qemu.ready()).await.unwrap();
    // A megabyte of text, and other commands after it.
    let dump = qemu.execute("human-monitor-command").argument("command-line", "xp /160000xb 0");
    let behind = (0..3).map(|_| qemu.execute("query-status"));
    let commands = [dump].into_iter().chain(behind);
    let mut commands: Vec<_> = commands.map(Box::pin).collect();
    let sent = |cx: &mut Context<'_>| {
        let pending = |command: &mut Pin<Box<Execute<_>>>| command.as_mut().poll(cx).is_pending();
        Poll::Ready(commands.iter_mut().all(pending))
    };
    assert!(poll_fn(sent).await);
    // Meanwhile the server does not read, and not all of it fits the socket.
    wait_until("the answer begins", || ioctl_fionread(&unread).unwrap() >= 10_000);
    server.signal(Signal::KILL);
    assert!(!server.ended().success());
    for result in alternately(&mut driver, join_all(commands)).await {
        let error = result.unwrap_err();
        let CloseReason::Protocol(end) = reason(&error) else { panic!("{error:#?}") };
        assert_eq!(*end, ProtocolError::EndInsideMessage);
        assert_eq!(error.outcome(), Outcome::Unknown);
        let text = format!(
            "{}: the server closed the connection inside a message (the dying); the command was \
             sent, and its outcome is unknown",
            error.command().unwrap()
        );
        assert_eq!(error.to_string(), text);
    }
    let CloseReason::Protocol(end) = qemu.closed().await else { panic!("{qemu:?}") };
    assert_eq!(end, ProtocolError::EndInsideMessage);
}

/// Polls the driver only while a future is awaited that needs it.
async fn alternately<F: Future>(driver: &mut Pin<Box<Driver>>, future: F) -> F::Output {
    let mut future = pin!(future);
    poll_fn(|cx| {
        let _ = driver.as_mut().poll(cx);
        future.as_mut().poll(cx)
    })
    .await
}

fn reason(error: &Error) -> &CloseReason {
    match error.kind() {
        ErrorKind::Disconnected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

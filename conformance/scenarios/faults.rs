//! Servers that die, stop, or do not read; sockets that go away under a connection.

use std::fs;
use std::future::poll_fn;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::pin::{Pin, pin};
use std::task::{Context, Poll};
use std::thread;
use std::time::{Duration, Instant};

use qmp_driver::qmp_proto::ProtocolError;
use qmp_driver::{
    Cause, Client, Disconnect, Driver, Error, Outcome, Queued, Running, Runtime, Socket,
};
use rustix::io::ioctl_fionread;
use serde_json::{Value, json};

use super::{builder, compute, join_all, names};
use crate::conformance::server::{PLENTY, Server, Suite, folder};

const MOMENT: Duration = Duration::from_millis(150);

/// More than all buffers on the way hold together.
const MUCH: usize = 320 << 10;

/// As much as a message may hold, or less where that takes long.
fn most(suite: &Suite) -> usize {
    if suite.is_newest() { (64 << 20) - 1024 } else { 4 << 20 }
}

/// A deadline has passed because the process at the other end is stopped, and the text says so.
fn assert_stopped(error: &Error, command: &str, server: &Server) {
    assert!(matches!(error.cause(), Cause::Deadline { .. }), "{error:#?}");
    assert!(error.is_timeout() && !error.is_disconnected());
    assert_eq!(error.outcome(), Outcome::Unknown);
    let text = error.to_string();
    assert!(text.starts_with(&format!("{command}: no answer in ")), "{text}");
    let pid = server.pid();
    assert!(text.contains(&format!("pid {pid} (")), "{text}");
    assert!(
        text.contains(&format!("is stopped (SIGSTOP): resume it with kill -CONT {pid}")),
        "{text}"
    );
    assert!(text.contains(&server.path("qmp").display().to_string()), "{text}");
    assert!(text.ends_with("; the command was sent, and its outcome is unknown"), "{text}");
}

fn assert_idle(client: &Client) {
    assert_eq!(client.in_flight(), 0, "{client:?}");
    assert!(format!("{client:?}").contains("waiting: 0"), "{client:?}");
}

pub(crate) async fn a_stopped_server_answers_late_and_to_nobody<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let mut events = qemu.events().subscribe();
    for _ in 0..3 {
        server.signal("-STOP");
        let late = (0..10).map(|_| qemu.execute("query-status").deadline(MOMENT).into_future());
        for error in join_all(late).await {
            assert_stopped(&error.unwrap_err(), "query-status", &server);
        }
        let late = qemu.execute("cont").deadline(MOMENT).await.unwrap_err();
        assert_stopped(&late, "cont", &server);
        assert_eq!(qemu.in_flight(), 11);
        server.signal("-CONT");
        // It was done all the same.
        let resumed = events.event().named("RESUME").deadline(PLENTY);
        resumed.await.unwrap();
        join_all((0..100).map(|number| compute(&qemu, number))).await;
        qemu.execute("stop").await.unwrap();
        assert_idle(&qemu);
    }
}

/// What does not leave costs nobody else anything.
pub(crate) async fn a_stopped_server_is_sent_more_than_it_takes<R: Runtime>(suite: &Suite) {
    let (mut server, mut other) = (suite.qemu(), suite.qemu());
    let qemu = server.connect(builder::<R>).await;
    let other = other.connect(builder::<R>).await;
    server.signal("-STOP");
    let much = "x".repeat(MUCH);
    let large = qemu.execute("query-name").argument("text", &much).deadline(MOMENT);
    assert_stopped(&large.await.unwrap_err(), "query-name", &server);
    let behind = qemu.execute("query-status").deadline(MOMENT).await.unwrap_err();
    assert_stopped(&behind, "query-status", &server);
    server.signal("-CONT");
    compute(&qemu, 7).await.unwrap();
    assert_idle(&qemu);

    server.signal("-STOP");
    let large = qemu.execute("query-name").argument("text", &"x".repeat(most(suite)));
    let mut large = pin!(large.into_future());
    let pending = |cx: &mut Context<'_>| Poll::Ready(large.as_mut().poll(cx).is_pending());
    assert!(poll_fn(pending).await);
    join_all((0..100).map(|number| compute(&other, number))).await;
    assert_eq!(qemu.in_flight(), 1);
    qemu.abort();
    let error = large.await.unwrap_err();
    assert!(matches!(reason(&error), Disconnect::ByUs), "{error:#?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    let text = error.to_string();
    assert!(text.starts_with("query-name: the connection was closed on this side ("), "{text}");
    server.signal("-CONT");
    // Half a message is nothing to the next client.
    compute(&server.connect(builder::<R>).await, 7).await.unwrap();
}

pub(crate) async fn a_stopped_agent_is_sent_more_than_it_takes<R: Runtime>(suite: &Suite) {
    let mut server = suite.agent();
    let agent = server.connect(|| builder::<R>().agent()).await;
    let file = server.path("file");
    let open = agent.execute("guest-file-open").argument("path", &file).argument("mode", "w");
    let handle: u64 = open.await.unwrap().decode().unwrap();
    server.signal("-STOP");
    // In base64, three bytes of zeros are four letters.
    let groups = most(suite) / 4;
    let write = agent.execute("guest-file-write").argument("handle", &handle);
    let write = write.argument("buf-b64", &"AAAA".repeat(groups)).deadline(MOMENT);
    assert_stopped(&write.await.unwrap_err(), "guest-file-write", &server);
    server.signal("-CONT");
    let close = agent.execute("guest-file-close").argument("handle", &handle).deadline(PLENTY);
    close.await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len() as usize, 3 * groups);
    assert_idle(&agent);
}

pub(crate) async fn a_server_may_die_inside_an_answer<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    server.connect(builder::<R>).await.close().await.unwrap();
    let ours = UnixStream::connect(server.path("qmp")).unwrap();
    let unread = ours.try_clone().unwrap();
    let transport = R::transport(Socket::Unix(ours)).unwrap();
    let (qemu, driver) = builder::<R>().open_over(transport, "the dying").unwrap();
    let mut driver = Box::pin(driver);
    alternately(&mut driver, qemu.ready()).await.unwrap();
    // A megabyte of text, and others behind it.
    let dump = qemu.execute("human-monitor-command").argument("command-line", "xp /160000xb 0");
    let behind = (0..3).map(|_| qemu.execute("query-status"));
    let commands = [dump].into_iter().chain(behind).map(|command| command.into_future());
    let mut commands: Vec<_> = commands.map(Box::pin).collect();
    let sent = |cx: &mut Context<'_>| {
        let pending = |command: &mut Pin<Box<Running<_>>>| command.as_mut().poll(cx).is_pending();
        Poll::Ready(commands.iter_mut().all(pending))
    };
    assert!(poll_fn(sent).await);
    // Nobody reads meanwhile, and not all of it fits the socket.
    let started = Instant::now();
    while ioctl_fionread(&unread).unwrap() < 10_000 {
        assert!(started.elapsed() < PLENTY);
        thread::sleep(Duration::from_millis(1));
    }
    server.signal("-KILL");
    assert!(!server.ended().success());
    for result in alternately(&mut driver, join_all(commands)).await {
        let error = result.unwrap_err();
        let Disconnect::Protocol(end) = reason(&error) else { panic!("{error:#?}") };
        assert_eq!(*end, ProtocolError::EndInsideMessage);
        assert_eq!(error.outcome(), Outcome::Unknown);
        let text = format!(
            "{}: the server closed the connection inside a message (the dying); the command was \
             sent, and its outcome is unknown",
            error.command().unwrap()
        );
        assert_eq!(error.to_string(), text);
    }
    let Disconnect::Protocol(end) = qemu.closed().await else { panic!("{qemu:?}") };
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

fn reason(error: &Error) -> &Disconnect {
    match error.cause() {
        Cause::Disconnected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

pub(crate) async fn a_socket_file_concerns_newcomers_only<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let (address, path) = (server.address(), server.path("qmp"));
    fs::remove_file(&path).unwrap();
    join_all((0..10).map(|number| compute(&qemu, number))).await;

    let refused = async || {
        let error = builder::<R>().connect(&address).await.unwrap_err();
        assert!(matches!(error.cause(), Cause::Connect(_)), "{error:#?}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(!error.is_timeout() && !error.is_disconnected());
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
        text
    };
    let text = refused().await;
    let option = format!("is QEMU running with -qmp unix:{},server=on,wait=off?", path.display());
    assert!(text.contains("No such file"), "{text}");
    assert!(text.contains(&option), "{text}");
    fs::write(&path, "").unwrap();
    assert!(refused().await.contains("that is a regular file, not a socket"));
    drop(server);
    assert!(matches!(qemu.closed().await, Disconnect::Closed));

    let gone = folder().path().join("qmp");
    let error = builder::<R>().connect(&gone).await.unwrap_err();
    let directory = format!("the directory {} does not exist", gone.parent().unwrap().display());
    assert!(error.to_string().contains(&directory), "{error}");
}

/// A monitor that is told that no more comes hangs up.
pub(crate) async fn a_connection_that_is_half_closed_ends<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    server.connect(builder::<R>).await.close().await.unwrap();
    for _ in 0..5 {
        let ours = UnixStream::connect(server.path("qmp")).unwrap();
        let half = ours.try_clone().unwrap();
        let transport = R::transport(Socket::Unix(ours)).unwrap();
        let qemu = builder::<R>().over(transport, "half a socket").await.unwrap();
        compute(&qemu, 7).await.unwrap();
        half.shutdown(Shutdown::Write).unwrap();
        assert!(matches!(qemu.closed().await, Disconnect::Closed));
        let error = qemu.execute("query-status").await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "query-status: not sent, the connection is over (the server closed the connection): \
             connect again (half a socket)"
        );
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    compute(&server.connect(builder::<R>).await, 7).await.unwrap();
}

pub(crate) async fn a_burst_of_events_is_whole_and_in_order<R: Runtime>(suite: &Suite) {
    const ROUNDS: usize = 500;
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let mut all = qemu.events().named("STOP").named("RESUME").subscribe();
    let mut slow = qemu.events().named("STOP").limits(16, 1 << 20).subscribe();
    let commands = (0..2 * ROUNDS).map(|at| qemu.execute(["cont", "stop"][at % 2]).into_future());
    assert!(join_all(commands).await.iter().all(Result::is_ok));
    let expected: Vec<_> = (0..2 * ROUNDS).map(|at| ["RESUME", "STOP"][at % 2]).collect();
    assert_eq!(names(&mut all), expected);
    let lost = slow.event().await.unwrap_err();
    assert!(matches!(lost.cause(), Cause::EventsLost { count: 484 }), "{lost:#?}");
    let text = lost.to_string();
    assert!(text.contains("484 events were not read in time and had to be dropped"), "{text}");
    assert!(text.contains("query the state that they would have told of"), "{text}");
    assert!(slow.drain().iter().all(|queued| matches!(queued, Queued::Event(_))));
    let status: Value = qemu.execute("query-status").await.unwrap().decode().unwrap();
    assert_eq!(status["running"], json!(false));
}

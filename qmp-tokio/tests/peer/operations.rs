//! What operations of several commands stand on: timeouts, deferred futures, abort handles.

use std::future::{Future, pending, poll_fn};
use std::pin::{Pin, pin};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::sync::{Arc, Weak};
use std::task::Poll;
use std::time::{Duration, Instant};

use qmp_tokio::{Builder, Client, CloseReason, Error, ErrorKind, Operation, Outcome, Tokio};
use tokio::time::sleep;

use crate::peer::{PLENTY, Peer, connect, connect_with, event, pair};

const MOMENT: Duration = Duration::from_millis(50);

/// Answers everything with 42, after it has reported the command's name.
fn reporting(mut peer: Peer, report: &Sender<String>) {
    while let Some(message) = peer.receive() {
        let command: serde_json::Value = serde_json::from_str(&message).unwrap();
        let number = &command["arguments"]["number"];
        let _ = report.send(format!("{} {number}", command["execute"].as_str().unwrap()));
        peer.answer(&message, "42");
    }
}

async fn reported(builder: Builder<Tokio>) -> (Client, Receiver<String>) {
    let (report, reports) = channel();
    (connect_with(builder, move |peer| reporting(peer, &report)).await, reports)
}

/// What was reported until the server ended.
async fn all<T: Send + 'static>(reports: Receiver<T>) -> Vec<T> {
    // On another thread, since the driver may be on this one.
    tokio::task::spawn_blocking(move || reports.iter().collect()).await.unwrap()
}

/// Freezes, works and thaws; cancelled, it thaws all the same.
struct Work;

impl Operation for Work {
    type Output = u32;

    async fn run(self, client: &Client) -> Result<u32, Error> {
        let thaw = client.defer(client.execute("thaw"));
        client.execute("freeze").await?;
        let result = client.execute("work").await?.decode()?;
        thaw.await?;
        Ok(result)
    }
}

#[tokio::test]
async fn an_operation_that_completes_runs_its_deferred_future_once() {
    let (client, reports) = reported(qmp_tokio::builder()).await;
    assert_eq!(client.run(Work).await.unwrap(), 42);
    client.close().await.unwrap();
    assert_eq!(all(reports).await, ["freeze null", "work null", "thaw null"]);
}

#[tokio::test]
async fn an_operation_that_is_dropped_at_any_await_runs_its_deferred_future_once() {
    let mut polls = 1;
    loop {
        let (client, reports) = reported(qmp_tokio::builder()).await;
        let completed = {
            let mut operation = pin!(client.run(Work));
            let mut completed = false;
            for _ in 0..polls {
                // Each poll finds the answer to what the one before has sent.
                while client.in_flight() > 0 {
                    tokio::task::yield_now().await;
                }
                let polled = poll_fn(|cx| Poll::Ready(operation.as_mut().poll(cx))).await;
                completed = polled.is_ready();
            }
            completed
        };
        client.close().await.unwrap();
        let reports = all(reports).await;
        let thaws = reports.iter().filter(|it| *it == "thaw null").count();
        assert_eq!(thaws, 1, "after {polls} polls: {reports:?}");
        assert_eq!(reports.last().unwrap(), "thaw null");
        if completed {
            break;
        }
        polls += 1;
    }
    assert_eq!(polls, 4, "one for each command, and the last");
}

/// The answer which names what is to be closed comes after the future was dropped.
#[tokio::test]
async fn a_deferred_future_may_await_the_answer_that_names_what_it_undoes() {
    let (client, reports) = reported(qmp_tokio::builder()).await;
    let user = client.clone();
    let mut open = client.defer(async move {
        let handle: u32 = user.execute("open").await?.decode()?;
        user.execute("close").argument("number", handle).await
    });
    assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut open).poll(cx).is_pending())).await);
    drop(open);
    drop(client);
    assert_eq!(all(reports).await, ["open null", "close 42"]);
}

/// A future that tells when it has completed, and what is left of it.
fn witness(client: &Client, name: &str) -> (impl Future<Output = ()> + Send + use<>, Weak<()>) {
    let held = Arc::new(());
    let left = Arc::downgrade(&held);
    let command = client.execute(name);
    let future = async move {
        let _held = held;
        let _ = command.await;
    };
    (future, left)
}

async fn dropped(left: &Weak<()>) {
    let started = Instant::now();
    while left.upgrade().is_some() {
        assert!(started.elapsed() < PLENTY, "it is still there");
        sleep(Duration::from_millis(1)).await;
    }
}

#[tokio::test]
async fn close_and_the_last_client_wait_for_deferred_futures() {
    for close in [true, false] {
        let (report, reports) = channel();
        let client = connect(move |mut peer| {
            while let Some(message) = peer.receive() {
                std::thread::sleep(MOMENT);
                peer.answer(&message, "{}");
                report.send(message).unwrap();
            }
        })
        .await;
        let user = client.clone();
        let (future, left) = witness(&client, "slow");
        drop(client.defer(async move {
            future.await;
            let _ = user.execute("then").await;
        }));
        if close {
            client.close().await.unwrap();
            assert!(left.upgrade().is_none(), "it has completed");
        }
        drop(client);
        let reports = all(reports).await;
        assert!(reports.len() == 2 && reports[1].contains("\"then\""), "{reports:?}");
        dropped(&left).await;
    }
}

#[tokio::test]
async fn a_deferred_future_finds_that_its_commands_fail_when_the_connection_is_lost() {
    let (report, reports) = channel();
    let client = connect(|mut peer| {
        peer.receive().unwrap();
    })
    .await;
    let (one, other) = (client.execute("one"), client.execute("other"));
    drop(client.defer(async move {
        let outcomes = [one.await.unwrap_err().outcome(), other.await.unwrap_err().outcome()];
        report.send(outcomes).unwrap();
    }));
    let reason = client.closed().await;
    assert!(matches!(reason, CloseReason::Protocol(_)), "{reason:?}");
    let outcomes = reports.recv_timeout(PLENTY).unwrap();
    assert_eq!(outcomes, [Outcome::Unknown, Outcome::NotSent]);
}

#[tokio::test]
async fn a_deferred_future_of_an_ended_connection_is_dropped_and_keeps_nothing() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    let (future, left) = witness(&client, "x");
    let deferred = client.defer(future);
    client.abort();
    drop(deferred);
    assert!(left.upgrade().is_none());

    // It was left to a driver that is not polled any more.
    let (transport, _peer) = std::os::unix::net::UnixStream::pair().unwrap();
    let transport = qmp_tokio::SocketTransport::new(transport).unwrap();
    let (client, driver) = qmp_tokio::builder().negotiated().build_over(transport, "peer").unwrap();
    let (future, left) = witness(&client, "x");
    drop(client.defer(future));
    assert!(left.upgrade().is_some());
    drop((client, driver));
    assert!(left.upgrade().is_none());
}

#[tokio::test]
async fn a_deferred_future_that_panics_costs_neither_the_connection_nor_another() {
    let (client, reports) = reported(qmp_tokio::builder()).await;
    let (future, left) = witness(&client, "before");
    drop(client.defer(async move {
        future.await;
        panic!("meant to be");
    }));
    drop(client.defer(client.execute("beside")));
    dropped(&left).await;
    client.execute("after").await.unwrap();
    client.close().await.unwrap();
    let mut reports = all(reports).await;
    reports.sort();
    assert_eq!(reports, ["after null", "before null", "beside null"]);
}

#[tokio::test]
async fn a_deferred_future_that_takes_too_long_is_dropped() {
    // There is no handshake, and so nothing else has this deadline.
    let builder = qmp_tokio::builder().negotiated().handshake_timeout(MOMENT);
    let client = builder.connect_over(pair(Peer::echo), "peer").await.unwrap();
    let (future, left) = witness(&client, "quick");
    let started = Instant::now();
    drop(client.defer(async move {
        let _held = future;
        pending::<()>().await;
    }));
    dropped(&left).await;
    assert!(started.elapsed() >= MOMENT);
    let reply = client.execute("x").argument("number", 5).await.unwrap();
    assert_eq!(reply.decode::<u32>().unwrap(), 5);
}

#[tokio::test]
async fn a_timeout_drops_what_takes_too_long_and_leaves_the_outcome_unknown() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    let (future, left) = witness(&client, "x");
    let started = Instant::now();
    let error = client.timeout(MOMENT, future).await.unwrap_err();
    assert!(started.elapsed() >= MOMENT);
    assert!(
        matches!(error.kind(), ErrorKind::TimedOut { waited, .. } if *waited >= MOMENT),
        "{error:?}"
    );
    assert!(error.is_timeout());
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(error.to_string().starts_with("not finished in "), "{error}");
    assert!(left.upgrade().is_none());
    assert!(client.timeout(Duration::ZERO, pending::<()>()).await.unwrap_err().is_timeout());
    assert_eq!(client.timeout(Duration::ZERO, async { 7 }).await.unwrap(), 7, "it was ready");
}

#[tokio::test]
async fn a_timeout_keeps_to_the_clock_of_the_runtime_and_starts_with_the_first_poll() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    tokio::time::pause();
    let hour = Duration::from_secs(3600);
    let timeout = client.timeout(hour, pending::<()>());
    tokio::time::advance(2 * hour).await;
    let started = (Instant::now(), tokio::time::Instant::now());
    assert!(timeout.await.unwrap_err().is_timeout());
    assert!(started.0.elapsed() < PLENTY && started.1.elapsed() >= hour);
}

#[tokio::test]
async fn a_timeout_lets_in_what_is_in_time_and_ends_with_the_connection() {
    let client = connect(|mut peer| {
        let message = peer.receive().unwrap();
        peer.send(&event("STOP", 1));
        peer.answer(&message, "1");
        peer.receive();
    })
    .await;
    let both = async {
        let stopped = client.event().named("STOP");
        let answer: u32 = client.execute("stop").await?.decode()?;
        stopped.await?;
        Ok::<_, Error>(answer)
    };
    assert_eq!(client.timeout(PLENTY, both).await.unwrap().unwrap(), 1);

    let ended = client.timeout(PLENTY, pending::<()>());
    let abort = async {
        sleep(MOMENT).await;
        client.abort();
    };
    let (ended, ()) = tokio::join!(ended, abort);
    let error = ended.unwrap_err();
    assert!(error.is_disconnected() && !error.is_timeout(), "{error}");
}

#[tokio::test]
async fn an_abort_handle_ends_the_connection_from_another_thread() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    let handle = client.abort_handle();
    let command = tokio::spawn(client.execute("x"));
    while client.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    let abort = handle.clone();
    std::thread::spawn(move || abort.abort()).join().unwrap();
    assert_eq!(command.await.unwrap().unwrap_err().outcome(), Outcome::Unknown);
    assert!(matches!(client.closed().await, CloseReason::ByUs));
    handle.abort();
}

#[tokio::test]
async fn an_abort_handle_does_not_keep_the_connection_open() {
    let (report, left) = channel();
    let client = connect(move |mut peer| {
        while let Some(message) = peer.receive() {
            peer.answer(&message, "{}");
        }
        report.send(()).unwrap();
    })
    .await;
    client.execute("x").await.unwrap();
    let handle = client.abort_handle();
    drop(client);
    assert_eq!(all(left).await, [()]);
    handle.abort();
}

//! Futures that are dropped.

use std::time::Duration;

use tokio::time::{sleep, timeout};

use qmp_tokio::Client;

use crate::peer::{PLENTY, connect};

/// A number that looks like chance and is the same each time.
fn chance(seed: &mut u64) -> u64 {
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    *seed
}

async fn cancel_at_random(client: Client) {
    let mut tasks = tokio::task::JoinSet::new();
    for task in 1..=100_u64 {
        let client = client.clone();
        tasks.spawn(async move {
            let mut seed = task;
            let (mut done, mut cancelled) = (0_u64, 0_u64);
            for round in 0..40 {
                let number = task * 1000 + round;
                let command = client.execute("echo").argument("number", number);
                let moment = Duration::from_micros(chance(&mut seed) % 1500);
                match chance(&mut seed) % 3 {
                    0 => {
                        assert_eq!(command.await.unwrap().decode::<u64>().unwrap(), number);
                        done += 1;
                    }
                    1 => {
                        // Polled once, or a few times.
                        let mut running = Box::pin(command);
                        for _ in 0..chance(&mut seed) % 4 {
                            let polled = std::future::poll_fn(|cx| {
                                std::task::Poll::Ready(running.as_mut().poll(cx))
                            });
                            if let std::task::Poll::Ready(reply) = polled.await {
                                assert_eq!(reply.unwrap().decode::<u64>().unwrap(), number);
                                break;
                            }
                            tokio::task::yield_now().await;
                        }
                        cancelled += 1;
                    }
                    _ => match timeout(moment, command).await {
                        Ok(reply) => assert_eq!(reply.unwrap().decode::<u64>().unwrap(), number),
                        Err(_) => cancelled += 1,
                    },
                }
            }
            (done, cancelled)
        });
    }
    let mut sums = (0, 0);
    while let Some(counts) = tasks.join_next().await {
        let (done, cancelled) = counts.unwrap();
        sums = (sums.0 + done, sums.1 + cancelled);
    }
    assert!(sums.0 > 1000 && sums.1 > 1000, "{sums:?}");
    // Nothing is left of any of them.
    let started = std::time::Instant::now();
    while client.in_flight() > 0 {
        assert!(started.elapsed() < PLENTY, "{client:?}");
        sleep(Duration::from_millis(1)).await;
    }
    assert!(format!("{client:?}").contains("waiting: 0"), "{client:?}");
    // All slots can be used.
    let all = (0..64_u64).map(|number| {
        let command = client.execute("echo").argument("number", number);
        async move { assert_eq!(command.await.unwrap().decode::<u64>().unwrap(), number) }
    });
    let all: tokio::task::JoinSet<()> = all.collect();
    all.join_all().await;
}

#[tokio::test]
async fn at_random_moments_nothing_leaks_and_no_answer_goes_astray() {
    cancel_at_random(connect(|peer| peer.echo()).await).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn at_random_moments_also_on_several_threads() {
    cancel_at_random(connect(|peer| peer.echo()).await).await;
}

#[tokio::test]
async fn before_its_turn_nothing_is_sent() {
    let (go, gone) = std::sync::mpsc::channel();
    let client = connect(move |mut peer| {
        let held: Vec<_> = (0..64).map(|_| peer.receive().unwrap()).collect();
        gone.recv().unwrap();
        for message in held {
            peer.answer(&message, "{}");
        }
        let next = peer.receive().unwrap();
        assert!(next.contains("\"after\""), "{next}");
        peer.answer(&next, "{}");
        assert_eq!(peer.receive(), None);
    })
    .await;
    let first: tokio::task::JoinSet<_> = (0..64).map(|_| client.execute("first")).collect();
    while client.in_flight() < 64 {
        tokio::task::yield_now().await;
    }
    let mut never = Box::pin(client.execute("never"));
    assert!(timeout(Duration::from_millis(20), &mut never).await.is_err());
    drop(never);
    drop(client.execute("not even polled"));
    go.send(()).unwrap();
    first.join_all().await;
    client.execute("after").await.unwrap();
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_turn_that_is_not_taken_goes_to_the_next() {
    let client = connect(|peer| peer.echo()).await;
    for _ in 0..300 {
        let all: Vec<_> = (0..70)
            .map(|number| {
                let command = client.execute("x").argument("number", number);
                Box::pin(command)
            })
            .collect();
        let mut all: Vec<_> = all.into_iter().map(Some).collect();
        std::future::poll_fn(|cx| {
            for command in all.iter_mut().flatten() {
                assert!(command.as_mut().poll(cx).is_pending());
            }
            std::task::Poll::Ready(())
        })
        .await;
        // Those first in the queue were woken, or will be, and leave.
        all.drain(..67);
        for command in all.into_iter().flatten() {
            timeout(PLENTY, command).await.unwrap().unwrap();
        }
    }
}

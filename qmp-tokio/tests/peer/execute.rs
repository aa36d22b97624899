//! Commands as futures.

use std::future::{Future, poll_fn};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::pin::Pin;
use std::task::Poll;
use std::time::Duration;

use futures_util::future::{Either, join_all, select};
use futures_util::stream::{FuturesUnordered, StreamExt};
use qmp_tokio::{Client, Error, EventItem, Execute, Reply};

use crate::peer::{PLENTY, connect, event};

fn echo(client: &Client, number: u32) -> Execute {
    client.execute("echo").argument("number", number)
}

fn number(reply: Result<Reply, Error>) -> u32 {
    reply.unwrap().decode().unwrap()
}

#[tokio::test]
async fn a_command_can_be_spawned_joined_selected_and_boxed() {
    let client = connect(|peer| peer.echo()).await;
    let spawned = tokio::spawn(echo(&client, 1));
    let (two, three) = tokio::join!(echo(&client, 2), echo(&client, 3));
    assert_eq!((number(two), number(three)), (2, 3));
    assert_eq!(number(spawned.await.unwrap()), 1);

    let all = join_all((0..200).map(|at| echo(&client, at))).await;
    assert!(all.into_iter().map(number).eq(0..200));
    let unordered: FuturesUnordered<_> = (0..200).map(|at| echo(&client, at)).collect();
    let mut numbers: Vec<_> = unordered.map(number).collect().await;
    numbers.sort_unstable();
    assert!(numbers.into_iter().eq(0..200));

    let first = match select(echo(&client, 4), std::future::pending::<()>()).await {
        Either::Left((reply, _)) => number(reply),
        Either::Right(((), _)) => unreachable!(),
    };
    assert_eq!(first, 4);
    let boxed: Pin<Box<dyn Future<Output = _> + Send>> = Box::pin(echo(&client, 5));
    assert_eq!(number(boxed.await), 5);
    assert_eq!(number(tokio::time::timeout(PLENTY, echo(&client, 6)).await.unwrap()), 6);
}

#[tokio::test]
async fn a_command_that_loses_a_select_goes_on_and_is_sent_once() {
    let client = connect(|mut peer| {
        let slow = peer.receive().unwrap();
        assert!(slow.contains("slow"), "{slow}");
        for at in 0..10 {
            peer.send(&event("STOP", at));
        }
        let last = peer.receive().unwrap();
        assert!(last.contains("last"), "{last}");
        peer.answer(&slow, "7");
        peer.answer(&last, "8");
        assert_eq!(peer.receive(), None);
    })
    .await;
    let mut events = client.events().subscribe();
    let mut slow = client.execute("slow");
    for _ in 0..10 {
        tokio::select! {
            biased;
            reply = &mut slow => panic!("{reply:?}"),
            item = events.recv() => assert!(matches!(item, Some(EventItem::Event(_)))),
        }
    }
    let (slow, last) = tokio::join!(slow, client.execute("last"));
    assert_eq!((number(slow), number(last)), (7, 8));
    client.close().await.unwrap();
}

/// It could not take effect any more.
#[tokio::test]
async fn changing_a_command_after_its_first_poll_panics() {
    type Change = fn(Execute) -> Execute;
    let client = connect(|peer| peer.echo()).await;
    let changes: [Change; 6] = [
        |command| command.arguments(()),
        |command| command.argument("x", 1),
        |command| command.out_of_band(),
        |command| command.no_success_response(),
        |command| command.descriptor(std::fs::File::open("/dev/null").unwrap()),
        |command| command.timeout(PLENTY),
    ];
    for change in changes {
        let mut command = echo(&client, 1);
        assert!(poll_fn(|cx| Poll::Ready(Pin::new(&mut command).poll(cx))).await.is_pending());
        let panic = catch_unwind(AssertUnwindSafe(|| change(command))).unwrap_err();
        let text = panic.downcast_ref::<String>().unwrap();
        assert_eq!(text, "`echo` was changed after it was first polled");
    }
    let mut done = echo(&client, 2);
    assert_eq!(number((&mut done).await), 2);
    let again = poll_fn(|cx| {
        Poll::Ready(catch_unwind(AssertUnwindSafe(|| Pin::new(&mut done).poll(cx).is_ready())))
    });
    assert!(again.await.is_err(), "it has completed");
    assert_eq!(number(echo(&client, 3).timeout(PLENTY).await), 3);
    assert_eq!(client.in_flight(), 0, "nothing is left of any of them");
}

#[tokio::test]
async fn a_command_counts_its_deadline_from_its_first_poll() {
    let client = connect(|mut peer| while peer.receive().is_some() {}).await;
    let moment = Duration::from_millis(50);
    let command = client.execute("x").timeout(moment);
    tokio::time::sleep(2 * moment).await;
    let started = std::time::Instant::now();
    assert!(command.await.unwrap_err().is_timeout());
    assert!(started.elapsed() >= moment);
}

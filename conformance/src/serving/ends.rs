//! How connections end.

use std::time::Duration;

use qmp_driver::Runtime;
use qmp_driver::server::{CloseReason, Options};
use serde_json::json;

use super::raw::as_client;
use super::{both, client, pair, pair_with, serve, server, sleep, transport};

pub async fn closing_flushes_buffered_output<R: Runtime>() {
    let (mut commands, client) = pair::<R>().await;
    let long = "x".repeat(5_000_000);
    let serving = async {
        let request = commands.recv().await.unwrap();
        request.answer(&long).unwrap();
        commands.close().await
    };
    let asking = async {
        let reply = client.execute("long").await.unwrap();
        assert_eq!(reply.decode::<String>().unwrap(), long);
        client.closed().await
    };
    let (hangup, _) = both(serving, asking).await;
    assert!(matches!(hangup, CloseReason::ByUs), "{hangup}");
    assert!(commands.recv().await.is_none());
}

pub async fn dropping_the_commands_answers_all_of_them<R: Runtime>() {
    let options = Options::monitor().in_band_limit(5);
    let (mut commands, socket) = serve(&server::<R>().options(options));
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        for id in 0..3 {
            client.send(&format!("{{\"execute\": \"stop\", \"id\": {id}}}"));
        }
        let answers = [(); 3].map(|()| client.receive().unwrap());
        assert!(client.receive().is_none());
        answers
    });
    let serving = async {
        let request = commands.recv().await.unwrap();
        while commands.in_flight() < 3 {
            sleep::<R>(Duration::from_millis(1)).await;
        }
        drop(commands);
        sleep::<R>(Duration::from_millis(20)).await;
        request.answer(&1).unwrap();
    };
    let (answers, ()) = both(asking, serving).await;
    assert!(answers[..2].iter().all(|it| it.get("error").is_some()), "{answers:?}");
    assert_eq!(answers[2], json!({"return": 1, "id": 0}));
}

pub async fn a_half_closed_client_gets_its_answers<R: Runtime>() {
    for limit in [1, 3] {
        let options = Options::monitor().in_band_limit(limit);
        let (mut commands, socket) = serve(&server::<R>().options(options));
        let asking = as_client::<R, _>(socket, |client| {
            client.send("{\"execute\": \"qmp_capabilities\"}");
            client.send("{\"execute\": \"a\"}{\"execute\": \"b\"}");
            client.end_output();
            let answers = [(); 4].map(|()| client.receive().unwrap());
            assert!(client.receive().is_none());
            answers
        });
        let serving = async {
            while let Some(request) = commands.recv().await {
                sleep::<R>(Duration::from_millis(10)).await;
                let name = request.name().to_owned();
                request.answer(&name).unwrap();
            }
            commands.closed().await
        };
        let (answers, hangup) = both(asking, serving).await;
        assert_eq!(answers[2..], [json!({"return": "a"}), json!({"return": "b"})]);
        assert!(matches!(hangup, CloseReason::ByClient), "{hangup}");
    }
}

pub async fn commands_of_a_disconnected_client_are_executed<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    as_client::<R, _>(socket, |client| {
        client.send("{\"execute\": \"qmp_capabilities\"}{\"execute\": \"stop\"}");
        client.send("{\"execute\": \"quit\"}");
    })
    .await;
    let mut names = Vec::new();
    while let Some(request) = commands.recv().await {
        names.push(request.name().to_owned());
        request.return_empty();
    }
    assert_eq!(names, ["stop", "quit"]);
    let hangup = commands.closed().await;
    assert!(matches!(hangup, CloseReason::ByClient), "{hangup}");
}

pub async fn aborting_ends_it_at_once<R: Runtime>() {
    let (mut commands, client) = pair::<R>().await;
    let asking = client.execute("stop");
    let serving = async {
        let request = commands.recv().await.unwrap();
        commands.abort();
        assert!(commands.recv().await.is_none());
        // It is not sent, which is not an error.
        request.answer(&1).unwrap();
        commands.closed().await
    };
    let (answer, hangup) = both(asking, serving).await;
    assert!(answer.unwrap_err().is_disconnected());
    assert!(matches!(hangup, CloseReason::ByUs), "{hangup}");
    assert!(matches!(commands.close_reason(), Some(CloseReason::ByUs)));
}

pub async fn dropping_the_driver_ends_it<R: Runtime>() {
    let (ours, _theirs) = std::os::unix::net::UnixStream::pair().unwrap();
    let (mut commands, driver) = server::<R>().build_over(transport::<R>(ours), "client").unwrap();
    assert!(commands.close_reason().is_none());
    drop(driver);
    assert!(commands.recv().await.is_none());
    assert!(matches!(commands.close().await, CloseReason::ByUs));
}

pub async fn a_waiting_task_can_be_dropped_and_replaced<R: Runtime>() {
    let (mut commands, client) = pair_with(&server::<R>(), client()).await;
    for _ in 0..3 {
        // Polled once, and dropped.
        let mut recv = Box::pin(commands.recv());
        std::future::poll_fn(|cx| {
            assert!(recv.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(recv);
        let mut closed = Box::pin(commands.closed());
        std::future::poll_fn(|cx| {
            assert!(closed.as_mut().poll(cx).is_pending());
            std::task::Poll::Ready(())
        })
        .await;
        drop(closed);
        let serving = async { commands.recv().await.unwrap().return_empty() };
        let (answer, ()) = both(client.execute("stop"), serving).await;
        answer.unwrap();
    }
    let ends = both(commands.closed(), commands.closed());
    let ((one, other), ()) = both(ends, async { client.abort() }).await;
    assert!(matches!((one, other), (CloseReason::ByClient, CloseReason::ByClient)));
}

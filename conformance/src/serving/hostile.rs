//! Hostile clients.

use std::io::{ErrorKind, Write};
use std::time::Duration;

use qmp_driver::Runtime;
use qmp_driver::server::{CloseReason, Options};
use serde_json::json;

use super::raw::as_client;
use super::{both, pair_with, serve, server, sleep};

pub async fn a_client_that_never_reads_is_not_read_from<R: Runtime>() {
    let (mut commands, mut socket) = serve(&server::<R>());
    socket.write_all(b"{\"execute\": \"qmp_capabilities\"}").unwrap();
    socket.set_nonblocking(true).unwrap();
    let long = "x".repeat(100_000);
    let (mut answered, mut most) = (0, 0);
    let emitter = commands.event_sender();
    let mut stuck = 0;
    // Until no progress is made for a while.
    while stuck < 50 {
        while let Some(request) = commands.try_recv() {
            request.answer(&long).unwrap();
            answered += 1;
            stuck = 0;
        }
        most = most.max(emitter.unsent());
        match socket.write(b"{\"execute\": \"give\"}") {
            Ok(19) => {}
            // Half a command is useless here.
            Ok(_) => break,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                stuck += 1;
                sleep::<R>(Duration::from_millis(2)).await;
            }
        }
        sleep::<R>(Duration::ZERO).await;
    }
    assert!((10..200).contains(&answered), "{answered} answers");
    assert!(most > 900_000 && most < 1_300_000, "{most} bytes");
    assert!(commands.close_reason().is_none());
    drop(socket);
    while let Some(request) = commands.recv().await {
        request.return_empty();
    }
    assert!(matches!(commands.closed().await, CloseReason::ByClient));
}

pub async fn a_flood_of_events_ends_a_client_that_does_not_read<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>().unsent_limit(100_000));
    as_client::<R, _>(socket.try_clone().unwrap(), |client| client.negotiate("")).await;
    let emitter = commands.event_sender();
    let mut emitted = 0;
    while emitter.close_reason().is_none() {
        emitter.emit("JOB_STATUS_CHANGE", &json!({"id": "job", "status": "running"})).unwrap();
        emitted += 1;
        assert!(emitted < 100_000);
    }
    let Some(CloseReason::NotReading { unsent, .. }) = commands.close_reason() else {
        panic!("{:?}", commands.close_reason());
    };
    assert!((100_000..101_000).contains(&unsent), "{unsent}");
    assert!(commands.recv().await.is_none());
    drop(socket);
}

pub async fn a_long_reply_is_not_limited<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>().unsent_limit(100_000));
    let emitter = commands.event_sender();
    let serving = async {
        let request = commands.recv().await.unwrap();
        request.answer(&"x".repeat(8_000_000)).unwrap();
        for number in 0..500 {
            emitter.emit("PROGRESS", &json!({"number": number})).unwrap();
        }
        assert!(commands.close_reason().is_none());
        assert!(commands.recv().await.is_none());
        commands.closed().await
    };
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        client.send("{\"execute\": \"long\"}");
        std::thread::sleep(Duration::from_millis(100));
        assert_eq!(client.receive().unwrap()["return"].as_str().unwrap().len(), 8_000_000);
        for number in 0..500 {
            assert_eq!(client.receive().unwrap()["data"]["number"], number);
        }
    });
    let (hangup, ()) = both(serving, asking).await;
    assert!(matches!(hangup, CloseReason::ByClient), "{hangup}");
}

pub async fn an_endless_message_is_refused_and_not_buffered<R: Runtime>() {
    let options = Options::monitor().longest_message(100_000);
    let (mut commands, socket) = serve(&server::<R>().options(options));
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        client.send("{\"execute\": \"");
        for _ in 0..500 {
            client.send(&"a".repeat(10_000));
        }
        client.send("\"}\n{\"execute\": \"stop\", \"id\": 1}");
        let refused = client.error();
        assert!(refused.contains("limit") || refused.contains("large"), "{refused}");
        assert_eq!(client.receive().unwrap(), json!({"return": {}, "id": 1}));
    });
    let serving = async {
        let request = commands.recv().await.unwrap();
        assert_eq!(request.name(), "stop");
        request.return_empty();
        assert!(commands.recv().await.is_none());
    };
    both(asking, serving).await;
}

pub async fn a_bomb_of_brackets_is_refused<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        client.send(&"[".repeat(1_000_000));
        client.error();
        client.send(&"{\"execute\": \"quit\"}".repeat(3));
        client.socket.write_all(b"\xff").unwrap();
        client.send("{\"execute\": \"stop\", \"id\": 1}");
        while client.receive().unwrap().get("return").is_none() {}
    });
    let serving = async {
        let request = commands.recv().await.unwrap();
        assert_eq!(request.name(), "stop", "a command inside the brackets was executed");
        request.return_empty();
        assert!(commands.recv().await.is_none());
    };
    both(asking, serving).await;
}

pub async fn nonsense_without_end_is_bounded<R: Runtime>() {
    let (commands, mut socket) = serve(&server::<R>());
    socket.set_nonblocking(true).unwrap();
    let emitter = commands.event_sender();
    let (mut most, mut stuck) = (0, 0);
    while stuck < 50 {
        match socket.write(&b"}x ".repeat(10_000)) {
            Ok(_) => stuck = 0,
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::WouldBlock);
                stuck += 1;
                sleep::<R>(Duration::from_millis(2)).await;
            }
        }
        most = most.max(emitter.unsent());
    }
    assert!(most > 500_000 && most < 1_200_000, "{most} bytes of errors");
    assert!(commands.close_reason().is_none());
}

pub async fn garbage_can_close_the_connection<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>().close_on_invalid_input());
    let asking = as_client::<R, _>(socket, |client| {
        client.send(
            "POST / HTTP/1.1\r\nHost: localhost:4444\r\n\r\n\
             {\"execute\": \"qmp_capabilities\"}{\"execute\": \"quit\"}",
        );
        assert!(client.receive().unwrap().get("QMP").is_some());
        client.error();
        assert!(client.receive().is_none());
    });
    let serving = async {
        assert!(commands.recv().await.is_none());
        commands.closed().await
    };
    let ((), hangup) = both(asking, serving).await;
    assert!(matches!(&hangup, CloseReason::NotJson(shown) if shown.ends_with('P')), "{hangup}");
}

pub async fn a_client_that_closes_in_the_middle_is_gone<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    as_client::<R, _>(socket, |client| {
        client.negotiate("");
        client.send("{\"execute\": \"qu");
    })
    .await;
    assert!(commands.recv().await.is_none());
    assert!(matches!(commands.closed().await, CloseReason::ByClient));
}

pub async fn a_client_that_does_not_close_is_abandoned<R: Runtime>() {
    let (mut commands, client) = pair_with(&server::<R>(), super::client()).await;
    drop(client);
    assert!(commands.recv().await.is_none());
    let patience = Duration::from_millis(300);
    let (mut commands, socket) = serve(&server::<R>().close_timeout(patience));
    as_client::<R, _>(socket.try_clone().unwrap(), |client| {
        client.negotiate("");
        client.send("{\"execute\": \"long\"}");
    })
    .await;
    let request = commands.recv().await.unwrap();
    request.answer(&"x".repeat(5_000_000)).unwrap();
    let begun = std::time::Instant::now();
    let hangup = commands.close().await;
    assert!(matches!(hangup, CloseReason::NotReading { unsent: 4_000_000.., .. }), "{hangup}");
    assert!(begun.elapsed() >= patience);
    drop(socket);
}

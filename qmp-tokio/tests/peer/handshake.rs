//! Greetings, negotiation, the agent's sync.

use std::time::Duration;

use qmp_tokio::{CloseReason, ErrorKind, Outcome, State, StreamTransport};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt};

use crate::peer::{GREETING, PLENTY, connect, event, id, pair};

#[tokio::test]
async fn a_refusal_is_told_with_the_servers_words() {
    let transport = pair(|mut peer| {
        peer.send(GREETING);
        let negotiation = peer.receive().unwrap();
        let id = id(&negotiation);
        peer.send(&format!(
            "{{\"id\": {id}, \"error\": {{\"class\": \"GenericError\", \"desc\": \"no!\"}}}}\r\n"
        ));
        peer.receive();
    });
    let error = qmp_tokio::builder().connect_over(transport, "peer").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeRefused(_)), "{error:?}");
    assert!(error.to_string().contains("no!"), "{error}");
}

#[tokio::test]
async fn a_capability_that_is_not_offered_is_an_error() {
    let transport = pair(|mut peer| {
        peer.send("{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n");
        peer.receive();
    });
    let error =
        qmp_tokio::builder().out_of_band().connect_over(transport, "peer").await.unwrap_err();
    assert!(error.to_string().contains("does not offer"), "{error}");
}

#[tokio::test]
async fn the_greeting_is_kept() {
    let client = connect(|mut peer| {
        peer.receive();
    })
    .await;
    assert_eq!(client.version().unwrap().to_string(), "9.2.0");
    assert!(client.supports("oob") && !client.is_out_of_band());
    assert_eq!(&*client.peer(), "peer");
    assert!(matches!(client.state(), State::Ready));
}

#[tokio::test]
async fn a_second_greeting_starts_anew_and_commands_wait_for_it() {
    let client = connect(|mut peer| {
        let lost = peer.receive().unwrap();
        drop(lost);
        peer.send(GREETING);
        let negotiation = peer.receive().unwrap();
        assert!(negotiation.contains("qmp_capabilities"), "{negotiation}");
        std::thread::sleep(Duration::from_millis(50));
        peer.answer(&negotiation, "{}");
        peer.echo();
    })
    .await;
    let error = client.execute("lost").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unanswered), "{error:?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    assert!(matches!(client.state(), State::Connecting));
    let reply = client.execute("x").argument("number", 5).await.unwrap();
    assert_eq!(reply.decode::<u32>().unwrap(), 5);
    assert!(matches!(client.state(), State::Ready));
}

#[tokio::test]
async fn a_connection_that_was_handed_over_is_ready_at_once() {
    let transport = pair(|peer| peer.echo());
    let client = qmp_tokio::builder().negotiated().connect_over(transport, "peer").await.unwrap();
    client.execute("x").argument("number", 1).await.unwrap();
}

#[tokio::test]
async fn an_agent_is_synced_past_what_others_left() {
    let transport = pair(|mut peer| {
        peer.send("{\"return\": \"left over\"}\nhalf a li");
        peer.sync();
        peer.echo();
    });
    let builder = qmp_tokio::builder().agent();
    let client = builder.connect_over(transport, "agent").await.unwrap();
    let reply = client.execute("x").argument("number", 5).await.unwrap();
    assert_eq!(reply.decode::<u32>().unwrap(), 5);
    assert!(client.greeting().is_none());
}

/// In memory, so that the clock stands still while there is something to do.
#[tokio::test(start_paused = true)]
async fn a_sync_is_sent_again_every_two_seconds() {
    let (ours, theirs) = tokio::io::duplex(1000);
    let started = tokio::time::Instant::now();
    let server = async {
        let (reader, mut writer) = tokio::io::split(theirs);
        let mut lines = tokio::io::BufReader::new(reader).split(b'\n');
        let mut syncs = Vec::new();
        for at in 0..3 {
            let line = lines.next_segment().await.unwrap().unwrap();
            assert_eq!(line[0], 0xFF);
            syncs.push(id(std::str::from_utf8(&line[1..]).unwrap()));
            assert_eq!(started.elapsed().as_secs(), 2 * at);
        }
        for number in [&syncs[0], &syncs[2]] {
            writer.write_all(b"\xff").await.unwrap();
            let answer = format!("{{\"return\": {number}, \"id\": {number}}}\n");
            writer.write_all(answer.as_bytes()).await.unwrap();
        }
        lines
    };
    let transport = StreamTransport::new(ours);
    let builder = qmp_tokio::builder().agent();
    let (client, lines) = tokio::join!(builder.connect_over(transport, "agent"), server);
    assert!(client.unwrap().is_ready());
    drop(lines);
}

#[tokio::test]
async fn an_agent_that_fell_silent_is_synced_again() {
    let transport = pair(|mut peer| {
        peer.sync();
        let late = peer.receive().unwrap();
        let sync = peer.receive().unwrap();
        peer.answer(&late, "\"late\"");
        peer.answer_sync(&sync);
        let held = peer.receive().unwrap();
        let sync = peer.receive().unwrap();
        drop(held);
        peer.answer_sync(&sync);
        peer.echo();
    });
    let client = qmp_tokio::builder().agent().connect_over(transport, "agent").await.unwrap();
    let error = client.execute("a").timeout(Duration::from_millis(20)).await.unwrap_err();
    assert!(error.is_timeout());
    client.sync().await.unwrap();
    let held = tokio::spawn(client.execute("b"));
    while client.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    client.sync().await.unwrap();
    let error = held.await.unwrap().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Unanswered), "{error:?}");
    client.execute("x").argument("number", 5).await.unwrap();
}

#[tokio::test]
async fn a_sync_that_fails_leaves_the_connection_to_be_synced_again() {
    let transport = pair(|mut peer| {
        peer.sync();
        let silent = peer.receive().unwrap();
        drop(silent);
        peer.sync();
        peer.echo();
    });
    let builder = qmp_tokio::builder().agent().handshake_timeout(Duration::from_millis(300));
    let client = builder.connect_over(transport, "agent").await.unwrap();
    let error = client.sync().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error:?}");
    assert!(error.to_string().contains("qemu-ga"), "{error}");
    let error = client.execute("x").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NotSent(_)), "{error:?}");
    client.sync().await.unwrap();
    client.execute("x").argument("number", 5).await.unwrap();
}

#[tokio::test]
async fn a_monitor_is_no_agent_and_the_other_way_round() {
    let transport = pair(|mut peer| {
        peer.send(GREETING);
        peer.receive();
    });
    let error = qmp_tokio::builder().agent().connect_over(transport, "peer").await.unwrap_err();
    assert!(error.to_string().contains("not a guest agent"), "{error}");
    let client = connect(|mut peer| {
        peer.receive();
    })
    .await;
    assert!(matches!(client.sync().await.unwrap_err().kind(), ErrorKind::NotSent(_)));
}

#[tokio::test]
async fn raw_messages_keep_their_ids() {
    let client = connect(|mut peer| {
        while let Some(message) = peer.receive() {
            peer.send(&event("NOISE", 1));
            match message.contains("fail") {
                true => {
                    let id = id(&message);
                    peer.send(&format!(
                        "{{\"id\": {id}, \"error\": {{\"class\": \"X\", \"desc\": \"y\"}}}}\r\n"
                    ));
                }
                false => peer.answer(&message, "{}"),
            }
        }
    })
    .await;
    let answer = async |message: &str| {
        let answer = client.raw(message).timeout(PLENTY).await.unwrap();
        String::from_utf8(answer).unwrap()
    };
    let (mine, none, failed) = tokio::join!(
        answer(r#"{"execute": "a", "id": ["mine", 1]}"#),
        answer(r#"{"execute": "b"}"#),
        answer(r#"{"execute": "fail", "id": 0}"#),
    );
    assert_eq!(mine, r#"{"return": {}, "id": ["mine", 1]}"#);
    assert_eq!(none, r#"{"return": {}}"#);
    assert_eq!(failed, r#"{"id": 0, "error": {"class": "X", "desc": "y"}}"#);
    let error = client.raw("{} {}").await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Json(_)), "{error:?}");
}

#[tokio::test]
async fn what_cannot_be_sent_is_refused_with_the_reason() {
    let client = connect(|mut peer| assert_eq!(peer.receive(), None)).await;
    let list = client.execute("x").arguments([1]).await.unwrap_err();
    assert!(matches!(list.kind(), ErrorKind::Json(_)), "{list:?}");
    let twice = client.execute("x").argument("a", 1).argument("a", 2).await.unwrap_err();
    assert!(twice.to_string().contains("twice") || twice.outcome() == Outcome::NotSent);
    let name = client.execute("x y").await.unwrap_err();
    assert!(matches!(name.kind(), ErrorKind::NotSent(_)), "{name:?}");
    let oob = client.execute("x").out_of_band().await.unwrap_err();
    assert!(oob.to_string().contains("oob"), "{oob}");
    let map = std::collections::BTreeMap::from([((1, 2), 3)]);
    let keys = client.execute("x").arguments(&map).await.unwrap_err();
    assert!(keys.to_string().contains("serialize"), "{keys}");
    assert_eq!(keys.command(), Some("x"));
    client.close().await.unwrap();
    assert!(matches!(client.closed().await, CloseReason::ByUs));
}

/// The server would answer with an error that does not say to what.
#[tokio::test]
async fn what_the_server_could_not_parse_is_not_sent() {
    let client = connect(|peer| peer.echo()).await;
    for number in [f64::NAN, f64::INFINITY] {
        let reply = client.execute("x").argument("number", number).await.unwrap();
        assert_eq!(reply.json().unwrap().as_str(), "null");
    }
    let half = r#"{"execute": "x", "arguments": {"text": "\ud83d"}}"#;
    let error = client.raw(half).await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().contains("half a surrogate pair"), "{error}");
}

//! Servers that fail half way, or say more than anybody wants to hear.

use std::net::Shutdown;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use qmp_tokio::qmp_proto::ProtocolError;
use qmp_tokio::{CloseReason, Error, ErrorKind, EventItem, Outcome, StreamTransport};
use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream};
use tokio::time::timeout;

use crate::peer::{GREETING, PLENTY, answer_to, connect, event};

fn reason(error: &Error) -> &CloseReason {
    match error.kind() {
        ErrorKind::Disconnected { reason, .. } => reason,
        other => panic!("{other:?}"),
    }
}

/// Greets, answers the negotiation, and answers one command with no more than the first `cut` bytes.
/// Gives back how many there would have been.
async fn cut_short(mut stream: DuplexStream, cut: usize) -> usize {
    stream.write_all(GREETING.as_bytes()).await.unwrap();
    let mut answer = String::new();
    for value in ["{}", "{\"text\": \"a } in it\", \"list\": [1, {}]}"] {
        stream.write_all(answer.as_bytes()).await.unwrap();
        let mut message = vec![0; 1000];
        let count = stream.read(&mut message).await.unwrap();
        answer = answer_to(std::str::from_utf8(&message[..count]).unwrap(), value);
    }
    stream.write_all(&answer.as_bytes()[..cut.min(answer.len())]).await.unwrap();
    answer.len()
}

/// In memory, so that each cut is where it is meant to be.
#[tokio::test]
async fn an_answer_may_be_cut_anywhere() {
    for cut in 0.. {
        let (ours, theirs) = tokio::io::duplex(1 << 16);
        let using = async {
            let transport = StreamTransport::new(ours);
            let client = qmp_tokio::builder().connect_over(transport, "peer").await.unwrap();
            (client.execute("query-name").await, client.closed().await)
        };
        let ((result, ended), length) = tokio::join!(using, cut_short(theirs, cut));
        let error = match result {
            Ok(reply) => {
                assert!(cut + "\r\n".len() >= length, "{cut} of {length}");
                assert_eq!(reply.decode::<serde_json::Value>().unwrap()["list"][0], 1);
                assert!(matches!(ended, CloseReason::Closed), "{ended:?} at {cut}");
                match cut < length {
                    true => continue,
                    false => return,
                }
            }
            Err(error) => error,
        };
        assert!(cut < length, "{error} at {cut} of {length}");
        assert_eq!(error.outcome(), Outcome::Unknown, "{error} at {cut}");
        let text = error.to_string();
        let told = match reason(&error) {
            CloseReason::Protocol(ProtocolError::EndWithRequests { count: 1 }) if cut == 0 => {
                "closed the connection with a request unanswered (peer); "
            }
            CloseReason::Protocol(ProtocolError::EndInsideMessage) if cut > 0 => {
                "closed the connection inside a message (peer); "
            }
            other => panic!("{other:?} at {cut} of {length}"),
        };
        assert!(text.starts_with("query-name: the server ") && text.contains(told), "{text}");
    }
}

/// It may be read from for as long as it says something.
#[tokio::test]
async fn a_server_that_says_no_more_ends_the_connection_though_it_still_listens() {
    let (report, heard) = std::sync::mpsc::channel();
    let client = connect(move |mut peer| {
        let message = peer.receive().unwrap();
        peer.answer(&message, "1");
        peer.send(&event("SHUTDOWN", 1));
        peer.stream().shutdown(Shutdown::Write).unwrap();
        report.send(peer.receive()).unwrap();
    })
    .await;
    let mut events = client.events().subscribe();
    assert_eq!(client.execute("x").await.unwrap().decode::<u32>().unwrap(), 1);
    assert!(matches!(client.closed().await, CloseReason::Closed));
    assert_eq!(events.drain().len(), 1);
    let error = client.execute("y").await.unwrap_err();
    assert_eq!(error.outcome(), Outcome::NotSent);
    assert!(error.to_string().contains("connect again"), "{error}");
    assert_eq!(heard.recv_timeout(PLENTY).unwrap(), None, "we have left, too");
}

#[tokio::test]
async fn a_server_that_does_not_read_64_mebibytes_is_heard_meanwhile() {
    const LENGTH: usize = (64 << 20) - 1024;
    let (go_on, may_go_on) = std::sync::mpsc::channel::<()>();
    let client = connect(move |mut peer| {
        may_go_on.recv().unwrap();
        for number in 0..1000 {
            peer.send(&event("STOP", number));
        }
        may_go_on.recv().unwrap();
        let large = peer.receive_long(LENGTH).unwrap();
        peer.answer(&large, "{}");
        while let Some(message) = peer.receive() {
            peer.answer(&message, "{}");
        }
    })
    .await;
    let mut events = client.events().subscribe();
    let text = "x".repeat(LENGTH);
    let large = client.execute("large").argument("text", &text);
    let large = tokio::spawn(large);
    while client.in_flight() == 0 {
        tokio::task::yield_now().await;
    }
    go_on.send(()).unwrap();
    for _ in 0..1000 {
        let queued = timeout(PLENTY, events.recv()).await.unwrap();
        assert!(matches!(queued, Some(EventItem::Event(_))));
    }
    // What cannot leave has a deadline, too, and is sent all the same.
    let moment = Duration::from_millis(50);
    let behind = client.execute("behind").timeout(moment).await.unwrap_err();
    assert!(matches!(behind.kind(), ErrorKind::NoReply { .. }), "{behind:#?}");
    assert_eq!(behind.outcome(), Outcome::Unknown);
    assert_eq!(client.in_flight(), 2);
    go_on.send(()).unwrap();
    timeout(4 * PLENTY, large).await.unwrap().unwrap().unwrap();
    client.execute("after").timeout(PLENTY).await.unwrap();
    assert_eq!(client.in_flight(), 0);
}

/// On one thread: whoever else has something to do has turns, and so have deadlines.
#[tokio::test]
async fn a_flood_of_events_drowns_nobody() {
    let answer = Arc::new(AtomicBool::new(false));
    let may_answer = Arc::clone(&answer);
    let sent = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&sent);
    let client = connect(move |mut peer| {
        let late = peer.receive().unwrap();
        let batch: String = (0..200).map(|number| event("NOISE", number)).collect();
        let mut waiting = Some(peer.receive().unwrap());
        // Until the client leaves.
        while peer.stream().try_clone().is_ok_and(|mut stream| {
            std::io::Write::write_all(&mut stream, batch.as_bytes()).is_ok()
        }) {
            count.fetch_add(200, Ordering::Relaxed);
            if may_answer.load(Ordering::Relaxed) {
                if let Some(waiting) = waiting.take() {
                    peer.answer(&late, "\"late\"");
                    peer.answer(&waiting, "\"in time\"");
                }
            }
        }
    })
    .await;
    let other = connect(|peer| peer.echo()).await;
    let mut forgotten = client.events().limits(100, 1 << 20).subscribe();
    let moment = Duration::from_millis(200);
    let late = tokio::spawn(client.execute("late").timeout(moment));
    let waiting = tokio::spawn(client.execute("waiting").timeout(PLENTY));
    let never = client.event().named("NEVER").timeout(2 * moment);

    let late = timeout(PLENTY, late).await.unwrap().unwrap().unwrap_err();
    assert!(
        matches!(late.kind(), ErrorKind::NoReply { waited, .. } if *waited >= moment),
        "{late}"
    );
    assert!(late.to_string().starts_with("late: no answer in "), "{late}");
    for number in 0..30 {
        let echo = other.execute("echo").argument("number", number).timeout(PLENTY);
        assert_eq!(echo.await.unwrap().decode::<u32>().unwrap(), number);
    }
    let never = timeout(PLENTY, never).await.unwrap().unwrap_err();
    assert!(matches!(never.kind(), ErrorKind::NoEvent { .. }), "{never:#?}");

    assert!(!waiting.is_finished(), "{:?}", waiting.await);
    answer.store(true, Ordering::Relaxed);
    let reply = timeout(PLENTY, waiting).await.unwrap().unwrap().unwrap();
    assert_eq!(reply.decode::<String>().unwrap(), "in time");
    let Some(EventItem::Lagged(lost)) = forgotten.recv().await else { panic!("nothing lost") };
    assert!(lost > 1000 && lost as usize <= sent.load(Ordering::Relaxed), "{lost}");
    assert!(forgotten.drain().len() >= 100);
    assert_eq!(client.in_flight(), 0);
}

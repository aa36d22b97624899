//! Events.

use qmp_driver::server::CloseReason;
use qmp_driver::{EventItem, Runtime, Timestamp};
use serde_json::{Value, json};

use super::raw::as_client;
use super::{both, client, pair, pair_with, serve, server};

pub async fn events_arrive_before_the_reply<R: Runtime>() {
    let (mut commands, client) = pair::<R>().await;
    let mut events = client.events().subscribe();
    let emitter = commands.event_sender();
    let serving = async {
        while let Some(request) = commands.recv().await {
            emitter.emit("BEFORE", &json!({"number": 1})).unwrap();
            request.return_empty();
            emitter.emit("AFTER", &()).unwrap();
        }
    };
    let asking = async {
        for _ in 0..50 {
            client.execute("stop").await.unwrap();
            let Some(EventItem::Event(event)) = events.try_recv() else { panic!("no event") };
            assert_eq!(event.name(), "BEFORE");
            assert_eq!(event.decode::<Value>().unwrap(), json!({"number": 1}));
            let Some(EventItem::Event(event)) = events.recv().await else { panic!("no event") };
            assert_eq!((event.name(), event.data().unwrap()), ("AFTER", None));
            let at = event.timestamp().unwrap().since_epoch().unwrap();
            let now = std::time::SystemTime::now();
            let since = now.duration_since(std::time::UNIX_EPOCH + at).unwrap();
            assert!(since < super::PLENTY, "{since:?}");
        }
        client.close().await.unwrap();
    };
    both(serving, asking).await;
}

pub async fn clients_get_no_events_before_negotiation<R: Runtime>() {
    let (mut commands, socket) = serve(&server::<R>());
    let emitter = commands.event_sender();
    assert!(!emitter.is_ready());
    emitter.emit("EARLY", &()).unwrap();
    let asking = as_client::<R, _>(socket, |client| {
        client.negotiate("");
        client.send("{\"execute\": \"stop\"}");
        client.receive().unwrap()
    });
    let serving = async {
        let request = commands.recv().await.unwrap();
        assert!(emitter.is_ready());
        request.return_empty();
        assert!(commands.recv().await.is_none());
        assert!(matches!(commands.closed().await, CloseReason::ByClient));
    };
    let (answer, ()) = both(asking, serving).await;
    assert_eq!(answer, json!({"return": {}}));
    assert!(emitter.close_reason().is_some() && !emitter.is_ready());
    emitter.emit("LATE", &()).unwrap();
}

pub async fn events_are_sent_as_they_were_given<R: Runtime>() {
    let (commands, client) = pair::<R>().await;
    let mut events = client.events().subscribe();
    let emitter = commands.event_sender();
    emitter.emit_at("RTC_CHANGE", Timestamp::new(7, 8), &json!({"offset": -1})).unwrap();
    let whole = "{\"event\": \"X\", \"timestamp\": {\"seconds\": -1, \"microseconds\": -1}, \
                 \"data\": {}, \"extra\": [1.0]}";
    emitter.emit_raw(whole).unwrap();
    let Some(EventItem::Event(event)) = events.recv().await else { panic!("no event") };
    assert_eq!(event.timestamp(), Some(Timestamp::new(7, 8)));
    assert_eq!(event.decode::<Value>().unwrap(), json!({"offset": -1}));
    let Some(EventItem::Event(event)) = events.recv().await else { panic!("no event") };
    assert_eq!(std::str::from_utf8(event.message()).unwrap(), whole);
}

pub async fn an_event_that_cannot_be_sent_is_an_error<R: Runtime>() {
    let (commands, _client) = pair::<R>().await;
    let emitter = commands.event_sender();
    let error = emitter.emit("STOP", &[1, 2]).unwrap_err();
    assert!(error.to_string().starts_with("STOP: not sent"), "{error}");
    emitter.emit_raw("[]").unwrap_err();
    emitter.emit_raw("{} {}").unwrap_err();

    let agent = server::<R>().agent();
    let (commands, _client) = pair_with(&agent, client().agent()).await;
    let error = commands.event_sender().emit("STOP", &()).unwrap_err();
    assert!(error.to_string().contains("only a monitor's client"), "{error}");
}

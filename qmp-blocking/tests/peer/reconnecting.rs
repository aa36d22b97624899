//! Another connection for the same client.

use std::os::unix::net::UnixListener;
use std::path::Path;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use qmp_blocking::{
    CloseReason, ErrorKind, EventItem, Outcome, PersistentItem, State, TypedPersistentItem, Version,
};

use crate::peer::{GREETING, PLENTY, Peer, connect};

/// Serves clients one after another: the first command of each is answered after an event, and the
/// second ends the connection.
fn serve(path: &Path, clients: usize) -> JoinHandle<()> {
    let listener = UnixListener::bind(path).unwrap();
    thread::spawn(move || {
        for number in 0..clients {
            let mut peer = Peer::new(listener.accept().unwrap().0);
            peer.send(&GREETING.replace('9', &number.to_string()));
            let negotiation = peer.receive();
            peer.answer(&negotiation, "{}");
            let first = peer.receive();
            peer.send(&format!("{{\"event\": \"E{number}\"}}\r\n"));
            peer.answer(&first, "{}");
            peer.try_receive();
        }
    })
}

fn name(item: PersistentItem) -> String {
    match item {
        PersistentItem::Event(event) => event.name().to_owned(),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_persistent_subscription_goes_on_over_connections_and_another_ends_with_its_own() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let server = serve(&path, 2);
    let client = qmp_blocking::connect(path.as_path()).unwrap();
    let mut persistent = client.events().named("E0").named("E1").subscribe_persistent();
    let mut plain = client.events().subscribe();
    let moment = Duration::from_millis(30);
    let begun = Instant::now();
    let error = persistent.recv_timeout(moment).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoEvent { .. }) && begun.elapsed() >= moment);

    client.execute("first").run().unwrap();
    assert_eq!(name(persistent.recv().unwrap()), "E0");
    let lost = client.execute("second").run().unwrap_err();
    assert_eq!(lost.outcome(), Outcome::Unknown, "{lost}");
    assert!(matches!(client.state(), State::Closed(_)));
    assert!(matches!(persistent.recv().unwrap(), PersistentItem::Disconnected(_)));
    for error in [persistent.recv().unwrap_err(), persistent.recv_timeout(PLENTY).unwrap_err()] {
        assert!(error.is_disconnected(), "nothing comes before it is connected again: {error}");
    }
    assert_eq!(client.execute("early").run().unwrap_err().outcome(), Outcome::NotSent);

    client.reconnect().unwrap();
    assert_eq!(client.version(), Some(Version::new(1, 2, 0)));
    assert!(matches!(persistent.try_recv(), Some(PersistentItem::Reconnected)));
    client.execute("first").run().unwrap();
    assert_eq!(name(persistent.recv().unwrap()), "E1");
    assert!(persistent.try_recv().is_none());
    assert!(matches!(plain.recv(), Some(EventItem::Event(event)) if event.name() == "E0"));
    assert!(plain.recv().is_none());
    // It stands.
    client.reconnect().unwrap();
    client.close().unwrap();
    assert!(matches!(persistent.recv().unwrap(), PersistentItem::Disconnected(CloseReason::ByUs)));
    assert!(persistent.recv().unwrap_err().is_disconnected());
    server.join().unwrap();
}

qmp_blocking::event_set! {
    #[derive(Debug)]
    enum Numbered { E0, E1 }
}

#[derive(Debug, serde::Deserialize)]
struct E0 {}

#[derive(Debug, serde::Deserialize)]
struct E1 {}

impl qmp_blocking::TypedEvent for E0 {
    const NAME: &'static str = "E0";
}

impl qmp_blocking::TypedEvent for E1 {
    const NAME: &'static str = "E1";
}

#[test]
fn a_typed_persistent_subscription_decodes_the_events_of_all_connections() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let server = serve(&path, 2);
    let client = qmp_blocking::connect(path.as_path()).unwrap();
    let mut events = client.events().subscribe_persistent_to::<Numbered>();
    // Skips `E0`, which is outside its set.
    let mut second = client.events().subscribe_persistent().of::<E1>();
    let moment = Duration::from_millis(30);
    let begun = Instant::now();
    let error = events.recv_timeout(moment).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoEvent { waited, .. } if *waited == moment));
    assert!(begun.elapsed() >= moment);

    client.execute("first").run().unwrap();
    let TypedPersistentItem::Event(event) = events.recv().unwrap() else { panic!() };
    assert!(matches!(event.event, Numbered::E0(_)));
    assert!(second.try_recv().is_none());
    client.execute("second").run().unwrap_err();
    assert!(matches!(events.recv().unwrap(), TypedPersistentItem::Disconnected(_)));
    for error in [events.recv().unwrap_err(), events.recv_timeout(PLENTY).unwrap_err()] {
        assert!(error.is_disconnected(), "no event arrives before a reconnection: {error}");
    }
    assert!(matches!(second.recv().unwrap(), TypedPersistentItem::Disconnected(_)));

    client.reconnect().unwrap();
    client.execute("first").run().unwrap();
    for _ in 0..2 {
        match second.recv_timeout(PLENTY).unwrap() {
            TypedPersistentItem::Reconnected => {}
            item => assert!(matches!(item, TypedPersistentItem::Event(_)), "{item:?}"),
        }
    }
    assert!(matches!(events.try_recv(), Some(TypedPersistentItem::Reconnected)));
    let TypedPersistentItem::Event(event) = events.recv().unwrap() else { panic!() };
    assert!(matches!(event.event, Numbered::E1(_)));
    client.close().unwrap();
    server.join().unwrap();
}

#[test]
fn it_can_be_tried_until_something_listens() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let server = serve(&path, 1);
    let client = qmp_blocking::connect(path.as_path()).unwrap();
    client.execute("first").run().unwrap();
    client.execute("second").run().unwrap_err();
    server.join().unwrap();
    for _ in 0..2 {
        let error = client.reconnect().unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error}");
    }
    std::fs::remove_file(&path).unwrap();
    let server = serve(&path, 1);
    client.reconnect().unwrap();
    client.execute("first").run().unwrap();
    drop(client);
    server.join().unwrap();
}

/// The deadline of the handshake, and the one of every command, count on the new connection, too.
#[test]
fn deadlines_count_on_the_new_connection() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listener = UnixListener::bind(&path).unwrap();
    let moment = Duration::from_millis(100);
    let serving = thread::spawn(move || {
        let mut first = Peer::new(listener.accept().unwrap().0);
        first.greet();
        drop(first);
        let silent = listener.accept().unwrap();
        let mut third = Peer::new(listener.accept().unwrap().0);
        drop(silent);
        third.greet();
        third.receive();
        third.try_receive();
    });
    let builder = qmp_blocking::builder().handshake_timeout(moment);
    let client = builder.connect(path.as_path()).unwrap();
    client.set_timeout(Some(moment)).unwrap();
    client.closed();
    let error = client.reconnect().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error:?}");
    client.reconnect().unwrap();
    let error = client.execute("query").run().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoReply { .. }), "{error:?}");
    drop(client);
    serving.join().unwrap();
}

#[test]
fn a_stream_that_was_given_is_not_made_again() {
    let client = connect(drop);
    assert!(matches!(client.closed(), CloseReason::Closed));
    let error = client.reconnect().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoAddress), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent);
}

//! Sessions with real QEMUs, recorded and replayed.

use conformance::ready;
use conformance::server::{PLENTY, Suite};
use qmp_blocking::{Client, EventItem, Subscription};
use qmp_mock::{Mock, Recorder};

conformance::on_every_qemu!(
    a_session_is_replayed_with_the_same_answers,
    a_session_beside_oob_is_replayed,
    an_agents_session_is_replayed,
    quit_is_replayed_with_its_event_and_end,
);

/// Returns the reply to a command, or its error.
fn ask(qemu: &Client, command: &str, arguments: &str) -> String {
    let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap();
    match qemu.execute(command).arguments(&arguments).run() {
        Ok(reply) => reply.json().unwrap().as_str().to_owned(),
        Err(error) => error.failure().unwrap().json().unwrap().as_str().to_owned(),
    }
}

fn messages(events: &mut Subscription<'_>) -> Vec<String> {
    let message = |item: EventItem| match item {
        EventItem::Event(event) => String::from_utf8_lossy(event.message()).into_owned(),
        other => panic!("{other:?}"),
    };
    events.drain().into_iter().map(message).collect()
}

/// A typical session of a client; returns everything it receives, in order.
fn session(qemu: Client) -> Vec<String> {
    let mut events = qemu.events().subscribe();
    let mut heard = vec![format!("{:?}", qemu.greeting().unwrap().message())];
    heard.push(ask(&qemu, "query-version", "{}"));
    heard.push(ask(&qemu, "query-status", "{}"));
    heard.push(ask(&qemu, "device_del", r#"{"id": "nobody"}"#));
    heard.push(ask(&qemu, "no-such-command", "{}"));
    heard.push(ask(&qemu, "cont", "{}"));
    heard.extend(messages(&mut events));
    heard.push(ask(&qemu, "query-status", "{}"));
    heard.push(ask(&qemu, "stop", "{}"));
    heard.extend(messages(&mut events));
    heard.push(ask(&qemu, "object-add", r#"{"qom-type": "iothread", "id": "t0"}"#));
    heard.push(ask(&qemu, "query-iothreads", "{}"));
    heard.push(ask(&qemu, "human-monitor-command", r#"{"command-line": "info version"}"#));
    heard.push(ask(&qemu, "query-qmp-schema", "{}"));
    let sent: Vec<_> = (0..5).map(|_| qemu.execute("query-name").send().unwrap()).collect();
    for sent in sent {
        heard.push(sent.recv().unwrap().json().unwrap().as_str().to_owned());
    }
    let file = tempfile::tempfile().unwrap();
    let got = qemu.execute("getfd").argument("fdname", "f").descriptor(file).run().unwrap();
    heard.push(got.json().unwrap().as_str().to_owned());
    heard
}

/// Returns the result of a session with a real server, and with its recording.
fn both<T>(
    server: &qmp_blocking::Address,
    connect: impl Fn(&qmp_blocking::Address) -> Client,
    session: impl Fn(Client) -> T,
) -> (T, T) {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("r.jsonl");
    let recorder = Recorder::start(server, &path).unwrap();
    let real = session(connect(recorder.address()));
    recorder.finish().unwrap();
    let mock = Mock::replay(&path).unwrap();
    let replayed = session(connect(mock.address()));
    mock.verify();
    (real, replayed)
}

fn a_session_is_replayed_with_the_same_answers(suite: &Suite) {
    let mut server = suite.qemu();
    drop(ready(server.connect(qmp_blocking::builder)));
    let connect = |address: &_| qmp_blocking::connect(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, session);
    assert!(real.iter().any(|heard| heard.contains("RESUME")), "{}", suite.version());
    assert!(real.iter().any(|heard| heard.len() > 50_000), "no schema");
    assert_eq!(replayed, real);
}

fn a_session_beside_oob_is_replayed(suite: &Suite) {
    let mut server = suite.qemu();
    drop(ready(server.connect(qmp_blocking::builder)));
    let connect = |address: &_| qmp_blocking::builder().out_of_band().connect(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, |qemu| {
        let schema = qemu.execute("query-qmp-schema").send().unwrap();
        let refused = qemu.execute("migrate-recover").argument("uri", "x").out_of_band().run();
        let refused = refused.unwrap_err().failure().unwrap().description().to_owned();
        let schema = schema.recv().unwrap().json().unwrap().as_str().len();
        (refused, schema)
    });
    assert!(real.1 > 50_000);
    assert_eq!(replayed, real);
}

fn an_agents_session_is_replayed(suite: &Suite) {
    let mut server = suite.agent(&[]);
    drop(ready(server.connect(|| qmp_blocking::builder().agent())));
    let connect = |address: &_| qmp_blocking::connect_agent(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, |agent| {
        let mut heard = vec![ask(&agent, "guest-info", "{}")];
        agent.sync().unwrap();
        heard.push(ask(&agent, "guest-get-time", "{}"));
        heard.push(ask(&agent, "guest-file-close", r#"{"handle": 77}"#));
        heard
    });
    assert!(real[0].contains("supported_commands"), "{real:?}");
    assert_eq!(replayed, real);
}

fn quit_is_replayed_with_its_event_and_end(suite: &Suite) {
    let mut server = suite.qemu();
    drop(ready(server.connect(qmp_blocking::builder)));
    let connect = |address: &_| qmp_blocking::connect(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, |qemu| {
        let mut events = qemu.events().subscribe();
        let done = ask(&qemu, "quit", "{}");
        let shutdown = events.event().named("SHUTDOWN").timeout(PLENTY).run().unwrap();
        let end = events.event().timeout(PLENTY).run().unwrap_err();
        (done, shutdown.message().to_owned(), end.is_disconnected())
    });
    assert!(real.2);
    assert_eq!(replayed, real);
}

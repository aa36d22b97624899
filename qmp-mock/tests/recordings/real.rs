//! Sessions with real QEMUs, recorded and replayed.

use conformance::ready;
use conformance::server::{PLENTY, Suite};
use qmp_blocking::Connection;
use qmp_mock::{Mock, Recorder};

conformance::on_every_qemu!(
    a_session_is_replayed_with_the_same_answers,
    a_session_beside_oob_is_replayed,
    an_agents_session_is_replayed,
    quit_is_replayed_with_its_event_and_end,
);

/// The answer to a command, or its error.
fn ask(qemu: &mut Connection, command: &str, arguments: &str) -> String {
    let arguments: serde_json::Value = serde_json::from_str(arguments).unwrap();
    match qemu.execute(command).arguments(&arguments).run() {
        Ok(reply) => reply.json().unwrap().as_str().to_owned(),
        Err(error) => error.failure().unwrap().json().unwrap().as_str().to_owned(),
    }
}

fn events(qemu: &mut Connection) -> Vec<String> {
    let mut events = Vec::new();
    while let Some(event) = qemu.event().look().unwrap() {
        events.push(String::from_utf8_lossy(event.message()).into_owned());
    }
    events
}

/// What a client may do in a life: all it hears, in order.
fn session(mut qemu: Connection) -> Vec<String> {
    let mut heard = vec![format!("{:?}", qemu.greeting().unwrap().message())];
    heard.push(ask(&mut qemu, "query-version", "{}"));
    heard.push(ask(&mut qemu, "query-status", "{}"));
    heard.push(ask(&mut qemu, "device_del", r#"{"id": "nobody"}"#));
    heard.push(ask(&mut qemu, "no-such-command", "{}"));
    heard.push(ask(&mut qemu, "cont", "{}"));
    heard.extend(events(&mut qemu));
    heard.push(ask(&mut qemu, "query-status", "{}"));
    heard.push(ask(&mut qemu, "stop", "{}"));
    heard.extend(events(&mut qemu));
    heard.push(ask(&mut qemu, "object-add", r#"{"qom-type": "iothread", "id": "t0"}"#));
    heard.push(ask(&mut qemu, "query-iothreads", "{}"));
    heard.push(ask(&mut qemu, "human-monitor-command", r#"{"command-line": "info version"}"#));
    heard.push(ask(&mut qemu, "query-qmp-schema", "{}"));
    let sent: Vec<_> = (0..5).map(|_| qemu.execute("query-name").send().unwrap()).collect();
    for sent in sent {
        heard.push(sent.wait(&mut qemu).unwrap().json().unwrap().as_str().to_owned());
    }
    let file = tempfile::tempfile().unwrap();
    let got = qemu.execute("getfd").argument("fdname", "f").descriptor(file).run().unwrap();
    heard.push(got.json().unwrap().as_str().to_owned());
    heard
}

/// What a session comes to with a real server, and what with its recording.
fn both<T>(
    server: &qmp_blocking::Address,
    connect: impl Fn(&qmp_blocking::Address) -> Connection,
    session: impl Fn(Connection) -> T,
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
    drop(ready(server.connect(Connection::builder)));
    let connect = |address: &_| Connection::connect(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, session);
    assert!(real.iter().any(|heard| heard.contains("RESUME")), "{}", suite.version());
    assert!(real.iter().any(|heard| heard.len() > 50_000), "no schema");
    assert_eq!(replayed, real);
}

fn a_session_beside_oob_is_replayed(suite: &Suite) {
    let mut server = suite.qemu();
    drop(ready(server.connect(Connection::builder)));
    let connect = |address: &_| Connection::builder().out_of_band().connect(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, |mut qemu| {
        let schema = qemu.execute("query-qmp-schema").send().unwrap();
        let refused = qemu.execute("migrate-recover").argument("uri", "x").out_of_band().run();
        let refused = refused.unwrap_err().failure().unwrap().description().to_owned();
        let schema = schema.wait(&mut qemu).unwrap().json().unwrap().as_str().len();
        (refused, schema)
    });
    assert!(real.1 > 50_000);
    assert_eq!(replayed, real);
}

fn an_agents_session_is_replayed(suite: &Suite) {
    let mut server = suite.agent(&[]);
    drop(ready(server.connect(|| Connection::builder().agent())));
    let connect = |address: &_| Connection::connect_agent(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, |mut agent| {
        let mut heard = vec![ask(&mut agent, "guest-info", "{}")];
        agent.sync().unwrap();
        heard.push(ask(&mut agent, "guest-get-time", "{}"));
        heard.push(ask(&mut agent, "guest-file-close", r#"{"handle": 77}"#));
        heard
    });
    assert!(real[0].contains("supported_commands"), "{real:?}");
    assert_eq!(replayed, real);
}

fn quit_is_replayed_with_its_event_and_end(suite: &Suite) {
    let mut server = suite.qemu();
    drop(ready(server.connect(Connection::builder)));
    let connect = |address: &_| Connection::connect(address).unwrap();
    let (real, replayed) = both(&server.address(), connect, |mut qemu| {
        let done = ask(&mut qemu, "quit", "{}");
        let shutdown = qemu.event().named("SHUTDOWN").deadline(PLENTY).wait().unwrap();
        let end = qemu.event().deadline(PLENTY).wait().unwrap_err();
        (done, shutdown.message().to_owned(), end.is_disconnected())
    });
    assert!(real.2);
    assert_eq!(replayed, real);
}

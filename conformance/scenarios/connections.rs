//! Beginnings and ends, and other servers than QEMU.

use std::fs;
use std::pin::Pin;
use std::time::{Duration, Instant};

use qmp_driver::{Cause, Disconnect, ErrorClass, Launch, Outcome, Queued, Runtime};
use serde_json::{Value, json};

use super::{Bind, builder, compute, join_all, names, poll_and_drop};
use crate::conformance::server::{LIGHT, PLENTY, Suite, folder};

pub(crate) async fn quit_succeeds_and_the_connection_is_closed<R: Runtime>(suite: &Suite) {
    for _ in 0..5 {
        let mut server = suite.qemu();
        let qemu = server.connect(builder::<R>).await;
        let mut events = qemu.events().subscribe();
        qemu.execute("quit").await.unwrap();
        assert!(matches!(qemu.closed().await, Disconnect::Closed));
        assert!(server.ended().success());
        assert_eq!(names(&mut events), ["SHUTDOWN"]);
        assert!(events.recv().await.is_none());
        assert!(matches!(events.end_reason(), Some(Disconnect::Closed)));
        let error = qemu.execute("query-status").await.unwrap_err();
        assert_eq!(error.outcome(), Outcome::NotSent, "{error}");
    }
}

pub(crate) async fn a_killed_server_leaves_outcomes_unknown<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    server.signal("-STOP");
    let commands = (0..5).map(|_| qemu.execute("query-status").into_future());
    let late = qemu.execute("stop").deadline(Duration::from_millis(100)).await.unwrap_err();
    assert!(late.is_timeout() && late.to_string().contains("stopped"), "{late}");
    let kill = async {
        while qemu.in_flight() < 6 {
            poll_and_drop(std::future::pending::<()>(), 1).await;
        }
        server.signal("-KILL");
        None
    };
    type Outcomes = Option<qmp_driver::Error>;
    let commands = commands.map(|command| {
        Box::pin(async { command.await.err() }) as Pin<Box<dyn Future<Output = Outcomes>>>
    });
    let kill: Pin<Box<dyn Future<Output = Outcomes>>> = Box::pin(kill);
    let errors = join_all(commands.chain([kill])).await;
    for error in &errors[..5] {
        let error = error.as_ref().unwrap();
        assert!(error.is_disconnected(), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        assert!(error.to_string().contains("requests unanswered"), "{error}");
    }
    assert!(!server.ended().success());
    let gone = builder::<R>().connect(server.address()).await.unwrap_err();
    assert!(gone.to_string().contains("left over"), "{gone}");
}

pub(crate) async fn a_client_reconnects_to_the_same_server_and_to_the_next<R: Runtime>(
    suite: &Suite,
) {
    let mut server = suite.qemu();
    let qemu = server.connect(builder::<R>).await;
    let mut events = qemu.events().named("SHUTDOWN").subscribe();
    for number in 0..5 {
        // Answers to these may come before the greeting's negotiation is answered.
        for _ in 0..number {
            poll_and_drop(qemu.execute("query-version").into_future(), 0).await;
        }
        qemu.abort();
        qemu.reconnect().await.unwrap();
        compute(&qemu, number).await.unwrap();
    }
    assert!(matches!(events.drain()[..], [Queued::Reconnected]));
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, Disconnect::Closed));
    assert_eq!(names(&mut events), ["SHUTDOWN"]);
    let launch = Launch::qemu(suite.path("qemu-system-x86_64")).args(LIGHT.split(' '));
    let next = builder::<R>().handshake_deadline(PLENTY).reconnecting(&qemu);
    let (_, mut process) = next.launch(launch).await.unwrap();
    compute(&qemu, 7).await.unwrap();
    qemu.execute("quit").await.unwrap();
    qemu.closed().await;
    assert_eq!(names(&mut events), ["reconnected", "SHUTDOWN"]);
    assert!(process.wait().unwrap().success());
}

pub(crate) async fn a_second_client_is_told_why_it_waits<R: Runtime>(suite: &Suite) {
    let mut server = suite.qemu();
    let first = server.connect(builder::<R>).await;
    let second = builder::<R>().handshake_deadline(Duration::from_millis(100));
    let error = second.connect(server.address()).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::SilentHandshake { .. }), "{error:?}");
    assert!(error.to_string().contains("another client"), "{error}");
    first.close().await.unwrap();
    server.connect(builder::<R>).await;
    drop(server.occupy());
}

pub(crate) async fn qemu_connects_to_us<R: Runtime>(suite: &Suite)
where
    R::Listener: Bind,
{
    let folder = folder();
    let path = folder.path().join("ours");
    let listener = R::Listener::bind(&path);
    let mut server = suite.qemu_in(folder, &format!("unix:{}", path.display()));
    let qemu = builder::<R>().connect_deadline(PLENTY).accept(&listener).await.unwrap();
    compute(&qemu, 7).await.unwrap();
    qemu.execute("quit").await.unwrap();
    assert!(server.ended().success());
}

pub(crate) async fn a_launched_qemu_is_used_and_a_dead_one_quoted<R: Runtime>(suite: &Suite) {
    let launch = || Launch::qemu(suite.path("qemu-system-x86_64")).args(LIGHT.split(' '));
    let builder = || builder::<R>().handshake_deadline(PLENTY);
    let (qemu, mut process) = builder().launch(launch()).await.unwrap();
    compute(&qemu, 7).await.unwrap();
    qemu.execute("quit").await.unwrap();
    assert!(matches!(qemu.closed().await, Disconnect::Closed));
    assert!(process.wait().unwrap().success());

    let started = Instant::now();
    let error = builder().launch(launch().arg("-no-such-option")).await.unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    assert!(matches!(error.cause(), Cause::Died { .. }), "{error:#?}");
    let text = error.to_string();
    assert!(text.starts_with("qemu-system-x86_64 ended with exit status 1: "), "{text}");
    assert!(text.ends_with("-no-such-option: invalid option"), "{text}");

    let (qemu, process) = builder().launch(launch()).await.unwrap();
    drop(process);
    qemu.closed().await;
    let error = builder().launch(Launch::qemu("/no/such/qemu")).await.unwrap_err();
    assert!(error.to_string().starts_with("cannot start qemu: "), "{error}");
}

pub(crate) async fn a_job_of_the_storage_daemon_is_followed<R: Runtime>(suite: &Suite) {
    let mut server = suite.storage_daemon();
    let daemon = server.connect(builder::<R>).await;
    let image = server.path("image");
    let mut events = daemon.events().named("JOB_STATUS_CHANGE").subscribe();
    let options = json!({"driver": "file", "filename": image, "size": 1 << 20});
    let create = daemon.execute("blockdev-create").argument("job-id", "create");
    create.argument("options", &options).await.unwrap();
    let concluded = events.event().matching(|event| {
        let data: Value = event.decode().unwrap();
        data["id"] == "create" && data["status"] == "concluded"
    });
    concluded.deadline(PLENTY).await.unwrap();
    assert_eq!(fs::metadata(&image).unwrap().len(), 1 << 20);
    daemon.execute("job-dismiss").argument("id", "create").await.unwrap();
    daemon.execute("quit").await.unwrap();
    assert!(matches!(daemon.closed().await, Disconnect::Closed));
    assert!(server.ended().success());
}

pub(crate) async fn an_agent_is_synced_and_used<R: Runtime>(suite: &Suite) {
    let mut server = suite.agent();
    let agent = server.connect(|| builder::<R>().agent()).await;
    assert!(agent.is_ready() && agent.greeting().is_none());
    let answers = join_all((0..100).map(|id| {
        let sync = agent.execute("guest-sync").argument("id", &id);
        async move { (id, sync.await.unwrap().decode::<usize>().unwrap()) }
    }));
    assert!(answers.await.into_iter().all(|(id, answer)| id == answer));
    agent.sync().await.unwrap();
    let off = agent.execute("guest-shutdown").await.unwrap_err();
    assert_eq!(off.class(), Some(ErrorClass::CommandNotFound), "{off}");

    let file = server.path("file");
    fs::write(&file, vec![0; 3 << 20]).unwrap();
    let open = agent.execute("guest-file-open").argument("path", &file).await.unwrap();
    let handle: u64 = open.decode().unwrap();
    let read = agent.execute("guest-file-read").argument("handle", &handle);
    let read = read.argument("count", &(3 << 20)).await.unwrap();
    let read: Value = read.decode().unwrap();
    assert_eq!(read["buf-b64"].as_str().unwrap().len(), 4 << 20);

    // It is left before it has answered, and serves the next client all the same.
    assert!(poll_and_drop(agent.execute("guest-info").into_future(), 0).await.is_none());
    drop(agent);
    let agent = server.connect(|| builder::<R>().agent()).await;
    agent.execute("guest-ping").await.unwrap();
    agent.close().await.unwrap();
}

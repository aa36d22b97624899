//! Servers that stop or do not read; sockets that are removed during a connection.

use std::fmt::Debug;
use std::fs;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::time::Duration;

use qmp_driver::{Address, CloseReason, Error, ErrorKind, Outcome};
use qmp_types::qga::GuestFileOpen;
use rustix::process::Signal;

use super::{assert_printed, assert_usable, print};
use crate::Adapter;
use crate::server::{PLENTY, Server, Suite, folder};
use crate::subject::{Build, Execute, Subject};

const MOMENT: Duration = Duration::from_millis(150);

/// More than all buffers on the way can hold.
const MUCH: usize = 320 << 10;

/// The maximum message length, or less where that takes long.
pub(super) fn most(suite: &Suite) -> usize {
    if suite.is_newest() { (64 << 20) - 1024 } else { 4 << 20 }
}

/// A deadline passes because the peer's process is stopped, and the error text contains that.
fn assert_stopped(error: &Error, command: &str, server: &Server) {
    assert!(matches!(error.kind(), ErrorKind::NoReply { .. }), "{error:#?}");
    assert!(error.is_timeout() && !error.is_disconnected());
    assert_eq!(error.outcome(), Outcome::Unknown);
    let text = error.to_string();
    assert!(text.starts_with(&format!("{command}: no answer in ")), "{text}");
    let pid = server.pid();
    assert!(text.contains(&format!("pid {pid} (")), "{text}");
    assert!(
        text.contains(&format!("is stopped (SIGSTOP): resume it with kill -CONT {pid}")),
        "{text}"
    );
    assert!(text.contains(&server.path("qmp").display().to_string()), "{text}");
    assert!(text.ends_with("; the command was sent, and its outcome is unknown"), "{text}");
}

fn assert_in_flight(client: &impl Debug, count: usize) {
    let text = format!("{client:?}");
    assert!(text.contains(&format!("in_flight: {count},")), "{text}");
}

/// A command whose deadline has passed may be executed later; its reply is never assigned to
/// another command.
pub async fn late_replies_of_a_stopped_server_are_ignored<A: Adapter>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(A::builder).await;
    let mut events = qemu.events(&["RESUME"]);
    for _ in 0..3 {
        server.signal(Signal::STOP);
        let mut sent = Vec::new();
        for _ in 0..10 {
            sent.push(qemu.execute("query-status").timeout(MOMENT).send().await.unwrap());
        }
        for late in qemu.answers(sent).await {
            assert_stopped(&late.unwrap_err(), "query-status", &server);
        }
        let late = qemu.execute("cont").timeout(MOMENT).run().await.unwrap_err();
        assert_stopped(&late, "cont", &server);
        assert_in_flight(&qemu, 11);
        server.signal(Signal::CONT);
        // It was executed nevertheless.
        qemu.event(&mut events, PLENTY).await.unwrap();
        let mut sent = Vec::new();
        for number in 0..100 {
            sent.push(print(&qemu, number).send().await.unwrap());
        }
        for (number, answer) in qemu.answers(sent).await.into_iter().enumerate() {
            assert_printed(&answer.unwrap(), number);
        }
        qemu.execute("stop").run().await.unwrap();
        assert_in_flight(&qemu, 0);
    }
}

/// A command that cannot be sent takes only time.
pub async fn a_stopped_server_gets_more_than_fits_its_buffers<A: Adapter>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(A::builder).await;
    server.signal(Signal::STOP);
    let much = "x".repeat(MUCH);
    let large = qemu.execute("query-name").argument("text", &much).timeout(MOMENT);
    assert_stopped(&large.run().await.unwrap_err(), "query-name", &server);
    let behind = qemu.execute("query-status").timeout(MOMENT).run().await.unwrap_err();
    assert_stopped(&behind, "query-status", &server);
    server.signal(Signal::CONT);
    assert_usable(&qemu).await;
    assert_in_flight(&qemu, 0);
}

/// The same with an agent, which executes its commands, however late.
pub async fn a_stopped_agent_gets_more_than_fits_its_buffers<A: Adapter>(suite: &Suite) {
    let mut server = suite.agent(&[]);
    let agent = server.connect(|| A::builder().agent()).await;
    let file = server.path("file");
    let open = GuestFileOpen::new(file.to_str().unwrap()).mode("w");
    let handle = agent.call(&open).await.unwrap();
    server.signal(Signal::STOP);
    // In base64, three bytes of zeros are four letters.
    let groups = most(suite) / 4;
    let write = agent.execute("guest-file-write").argument("handle", &handle);
    let write = write.argument("buf-b64", &"AAAA".repeat(groups)).timeout(MOMENT);
    assert_stopped(&write.run().await.unwrap_err(), "guest-file-write", &server);
    server.signal(Signal::CONT);
    let close = agent.execute("guest-file-close").argument("handle", &handle).timeout(PLENTY);
    close.run().await.unwrap();
    assert_eq!(fs::metadata(&file).unwrap().len() as usize, 3 * groups);
    assert_in_flight(&agent, 0);
}

/// A connection outlives the name of its socket.
pub async fn removing_a_socket_file_does_not_end_connections<A: Adapter>(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.connect(A::builder).await;
    let (address, path) = (server.address(), server.path("qmp"));
    fs::remove_file(&path).unwrap();
    assert_usable(&qemu).await;

    let refused = async || {
        let error = A::builder().connect(&address).await.unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error:#?}");
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(!error.is_timeout() && !error.is_disconnected());
        let text = error.to_string();
        assert!(text.contains(&path.display().to_string()), "{text}");
        text
    };
    let text = refused().await;
    let option = format!("is QEMU running with -qmp unix:{},server=on,wait=off?", path.display());
    assert!(text.contains("No such file"), "{text}");
    assert!(text.contains(&option), "{text}");
    fs::write(&path, "").unwrap();
    assert!(refused().await.contains("that is a regular file, not a socket"));
    drop(server);
    assert!(matches!(qemu.closed().await, CloseReason::Closed));

    let gone = folder().file("qmp");
    let address = gone.as_os_str().as_encoded_bytes();
    let error = A::builder().connect(&Address::unix(address)).await.unwrap_err();
    let directory = format!("the directory {} does not exist", gone.parent().unwrap().display());
    assert!(error.to_string().contains(&directory), "{error}");
}

/// A monitor disconnects when the client's write half is closed.
pub async fn a_connection_that_is_half_closed_ends<A: Adapter>(suite: &Suite) {
    let mut server = suite.qemu();
    server.connect(A::builder).await.close().await.unwrap();
    for _ in 0..5 {
        let ours = UnixStream::connect(server.path("qmp")).unwrap();
        let half = ours.try_clone().unwrap();
        let qemu = A::builder().connect_over(ours, "half a socket").await.unwrap();
        assert_usable(&qemu).await;
        half.shutdown(Shutdown::Write).unwrap();
        assert!(matches!(qemu.closed().await, CloseReason::Closed));
        let error = qemu.execute("query-status").run().await.unwrap_err();
        assert_eq!(
            error.to_string(),
            "query-status: not sent, the connection is over (the server closed the connection): \
             connect again (half a socket)"
        );
        assert_eq!(error.outcome(), Outcome::NotSent);
    }
    assert_usable(&server.connect(A::builder).await).await;
}

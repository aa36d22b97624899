//! Guest agents that others have left in disorder.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::time::Duration;

use qmp_blocking::{BlockingStream, Client, ErrorKind, Outcome};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::fs::{Mode, OFlags};
use rustix::process::Signal;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use serde_json::Value;

use crate::server::{Clients, PLENTY, Server, Suite, folder, keep_inside, wait_until};

conformance::on_every_qemu!(
    half_a_command_of_the_client_before,
    a_sync_after_a_deadline,
    an_agent_survives_a_client_that_leaves_without_reading,
    a_serial_line_full_of_remains,
);

fn version(agent: &Client) -> Value {
    let info: Value = agent.execute("guest-info").run().unwrap().decode().unwrap();
    info["version"].clone()
}

/// The agent's parser survives its clients.
fn half_a_command_of_the_client_before(suite: &Suite) {
    let mut server = suite.agent(&[]);
    for remains in [
        &b"{\"execute\":\"guest-ping\",\"id\":\"half"[..],
        b"{\"execute\":\"guest-info\",\"arguments\":{\"x\":[[[{",
        b"[[[",
    ] {
        let mut raw = server.stream();
        raw.write_all(remains).unwrap();
        drop(raw);
        let agent = server.agent_client();
        assert!(version(&agent).is_string());
    }
}

fn a_sync_after_a_deadline(suite: &Suite) {
    let mut server = suite.agent(&[]);
    let agent = server.agent_client();
    for _ in 0..3 {
        server.signal(Signal::STOP);
        let moment = Duration::from_millis(50);
        let lost = agent.execute("guest-info").send().unwrap();
        let error = agent.execute("guest-ping").timeout(moment).run().unwrap_err();
        assert!(error.is_timeout(), "{error}");
        assert_eq!(error.outcome(), Outcome::Unknown);
        server.signal(Signal::CONT);
        agent.sync().unwrap();
        // It was answered before the sync, since the agent answers in order.
        lost.recv().unwrap();
        assert!(version(&agent).is_string());
    }
    server.signal(Signal::STOP);
    let builder = qmp_blocking::builder().agent();
    drop(agent);
    let error = builder
        .handshake_timeout(Duration::from_millis(100))
        .connect(server.address())
        .unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::HandshakeTimeout { .. }), "{error}");
    server.signal(Signal::CONT);
    // It may be busy with that client's leaving, and hang up on us with it.
    wait_until("the agent serves us", || {
        let agent = qmp_blocking::connect_agent(server.address());
        agent.is_ok_and(|agent| version(&agent).is_string())
    });
}

/// It would end if something were left unread in the socket.
fn an_agent_survives_a_client_that_leaves_without_reading(suite: &Suite) {
    let mut server = suite.agent(&[]);
    for _ in 0..10 {
        let agent = server.agent_client();
        drop(agent.execute("guest-ping").send().unwrap());
        assert!(is_readable(&*agent.stream().unwrap(), PLENTY));
        drop(agent);
        // A long answer comes in parts: only closing waits for all of them.
        let agent = server.agent_client();
        drop(agent.execute("guest-info").send().unwrap());
        agent.close().unwrap();
    }
    assert!(version(&server.agent_client()).is_string());
}

fn is_readable(stream: &impl AsFd, timeout: Duration) -> bool {
    let timeout = timeout.try_into().unwrap();
    poll(&mut [PollFd::new(stream, PollFlags::IN)], Some(&timeout)).unwrap() == 1
}

/// Answers to others, and half of one's own, are still there when a client comes to a serial line,
/// and half a command is still in the agent.
fn a_serial_line_full_of_remains(suite: &Suite) {
    let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&master).unwrap();
    unlockpt(&master).unwrap();
    let name = ptsname(&master, Vec::new()).unwrap();
    // Held open, or else the line would hang up before the agent opens it.
    let line = rustix::fs::open(&*name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let mut mode = tcgetattr(&line).unwrap();
    mode.make_raw();
    tcsetattr(&line, OptionalActions::Now, &mode).unwrap();

    let folder = folder();
    let mut command = suite.program("qemu-ga");
    command.args(["-m", "isa-serial", "-p", name.to_str().unwrap()]);
    keep_inside(&mut command, &folder);
    let _server = Server::start(command, folder);
    let mut master = File::from(master);
    // What is written before the agent has opened the line is lost.
    wait_until("the agent answers", || {
        master.write_all(b"{\"execute\":\"guest-ping\"}\n").unwrap();
        is_readable(&master, Duration::from_millis(50))
    });
    for _ in 0..3 {
        master.read_exact(&mut [0; 3]).unwrap();
        let before_us: &[u8] =
            b"{\"execute\":\"guest-info\",\"id\":0}\n{\"execute\":\"guest-info\",\"id\":0}\
              {\"execute\":\"guest-ping\",\"id\":\"half";
        master.write_all(before_us).unwrap();
        assert!(is_readable(&master, PLENTY));

        let line = BlockingStream::new(master.try_clone().unwrap());
        let agent = qmp_blocking::builder().agent().connect_over(line, "serial").unwrap();
        for id in 0..10 {
            let answer = agent.execute("guest-sync").argument("id", id).run().unwrap();
            assert_eq!(answer.decode::<u32>().unwrap(), id);
        }
        drop(agent);
        // For the next round.
        master.write_all(b"{\"execute\":\"guest-ping\"}\n").unwrap();
        assert!(is_readable(&master, PLENTY));
    }
}

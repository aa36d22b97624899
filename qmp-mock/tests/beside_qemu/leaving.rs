//! What happens to the commands of a client that disconnects.

use std::io::Write;
use std::net::Shutdown;
use std::os::unix::net::UnixStream;
use std::process::Stdio;

use conformance::server::{LIGHT, Suite, folder, wait_until};

use crate::real::{NEGOTIATE, Real};

conformance::on_every_qemu!(
    a_socket_that_is_closed_loses_what_was_not_read,
    a_socket_that_is_half_closed_loses_nothing,
    a_pipe_loses_nothing,
);

const COMMANDS: usize = 100;

/// Commands that each create an object.
fn commands(suite: &Suite) -> String {
    let data = if suite.major() == 5 { r#""props":{"data":"x"}"# } else { r#""data":"x""# };
    let add = |n| {
        format!(
            r#"{{"execute":"object-add","arguments":{{"qom-type":"secret","id":"s{n}",{data}}}}}"#
        )
    };
    (0..COMMANDS).map(add).collect()
}

/// Returns how many of them were executed.
fn run(watcher: &mut Real) -> usize {
    watcher.send(r#"{"execute":"qom-list","arguments":{"path":"/objects"}}"#);
    watcher.line().unwrap().matches("child<secret>").count()
}

fn leave(suite: &Suite, leave: impl FnOnce(Real)) -> usize {
    let monitors =
        ["-qmp", "unix:{}/qmp,server=on,wait=off", "-qmp", "unix:{}/two,server=on,wait=off"];
    let mut server = suite.qemu_with(&monitors);
    let mut client = Real::connect(&mut server, NEGOTIATE);
    let watcher = UnixStream::connect(server.path("two")).unwrap();
    let mut watcher = Real::over(watcher, NEGOTIATE);
    client.send(commands(suite));
    leave(client);
    // The next client is greeted once this one is gone.
    Real::connect(&mut server, NEGOTIATE);
    run(&mut watcher)
}

fn a_socket_that_is_closed_loses_what_was_not_read(suite: &Suite) {
    // QEMU reads a few thousand bytes per millisecond, which is sometimes all of them.
    let fewest = (0..5).map(|_| leave(suite, drop)).min().unwrap();
    assert!(fewest < COMMANDS, "{fewest}");
}

fn a_socket_that_is_half_closed_loses_nothing(suite: &Suite) {
    let all = leave(suite, |mut client| {
        client.shut_down(Shutdown::Write);
        while client.line().is_some() {}
    });
    assert_eq!(all, COMMANDS);
}

fn a_pipe_loses_nothing(suite: &Suite) {
    let folder = folder();
    let mut command = suite.program("qemu-system-x86_64");
    let watched = format!("unix:{},server=on,wait=off", folder.name("two"));
    command.args(LIGHT.split(' ')).args(["-qmp", "stdio", "-qmp", &watched]);
    let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
    let mut pipe = process.stdin.take().unwrap();
    pipe.write_all(format!("{NEGOTIATE}{}", commands(suite)).as_bytes()).unwrap();
    drop(pipe);
    let path = folder.path().join("two");
    let mut socket = None;
    wait_until("it listens", || {
        socket = UnixStream::connect(&path).ok();
        socket.is_some()
    });
    let mut watcher = Real::over(socket.unwrap(), NEGOTIATE);
    wait_until("all have run", || run(&mut watcher) == COMMANDS);
    process.kill().unwrap();
    process.wait().unwrap();
}

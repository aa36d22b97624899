//! Servers that are still starting when they are connected to.

use std::process::{Child, Command};
use std::time::{Duration, Instant};

use qmp_blocking::{Address, Builder, Error, ErrorKind};

use crate::server::{Folder, LIGHT, PLENTY, Suite, folder, notice};

conformance::on_every_qemu!(
    one_that_takes_its_time_is_waited_for,
    one_that_goes_into_the_background_is_waited_for,
    one_with_a_bad_option_is_not_waited_for,
    one_that_dies_after_it_has_listened_is_not_waited_for,
    one_that_never_listens_is_given_up,
);

/// A QEMU that is killed in the end.
struct Starting(Child);

impl Drop for Starting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// QEMU after a shell has done something, and what it will listen on.
fn start(suite: &Suite, folder: &Folder, before: &str, options: &[&str]) -> (Starting, Address) {
    let qemu = suite.program("qemu-system-x86_64");
    let socket = folder.name("qmp");
    let mut command = suite.program("/bin/sh");
    command.args(["-c", &format!("{before}; exec \"$@\" 2>stderr"), "sh"]);
    command.arg(qemu.get_program()).args(LIGHT.split(' ')).args(options);
    command.args(["-qmp", &format!("unix:{socket},server=on,wait=off")]);
    let child = command.current_dir(folder.path()).spawn().unwrap();
    (Starting(child), Address::unix(socket))
}

fn builder() -> Builder {
    qmp_blocking::builder().connect_timeout(PLENTY).handshake_timeout(PLENTY / 6)
}

/// What an old server did to a client that came while it started: two of its threads served it.
fn is_old_trouble(suite: &Suite, error: &Error) -> bool {
    let trouble = suite.major() < 10 && error.is_timeout();
    if trouble {
        notice(&format!("QEMU {}, connected to while it starts: {error}", suite.version()));
    }
    trouble
}

fn one_that_takes_its_time_is_waited_for(suite: &Suite) {
    loop {
        let folder = folder();
        let started = Instant::now();
        let (mut qemu, address) = start(suite, &folder, "sleep 0.4", &[]);
        match builder().connect_with_retry(&address, || qemu.0.try_wait()) {
            Err(error) if is_old_trouble(suite, &error) => continue,
            connected => {
                let client = connected.unwrap();
                assert!(started.elapsed() >= Duration::from_millis(400));
                assert_eq!(*client.peer(), address.to_string());
                client.execute("quit").run().unwrap();
                assert!(qemu.0.wait().unwrap().success());
                return;
            }
        }
    }
}

fn one_that_goes_into_the_background_is_waited_for(suite: &Suite) {
    loop {
        let folder = folder();
        let options = ["-daemonize", "-pidfile", "pid"];
        let (mut first, address) = start(suite, &folder, "sleep 0.1", &options);
        let connected = builder().connect_with_retry(&address, || first.0.try_wait());
        let connected = match connected {
            Err(error) if is_old_trouble(suite, &error) => None,
            connected => Some(connected.unwrap()),
        };
        assert!(first.0.wait().unwrap().success());
        match connected {
            Some(client) => {
                client.execute("quit").run().unwrap();
                return;
            }
            None => {
                let pid = std::fs::read_to_string(folder.file("pid")).unwrap();
                assert!(Command::new("kill").args(["-9", pid.trim()]).status().unwrap().success());
            }
        }
    }
}

/// A bad option is found before the monitor listens.
fn one_with_a_bad_option_is_not_waited_for(suite: &Suite) {
    dies(suite, &["-no-such-option"], "-no-such-option: invalid option");
}

/// The monitor listens, and the machine cannot be made.
fn one_that_dies_after_it_has_listened_is_not_waited_for(suite: &Suite) {
    dies(suite, &["-device", "no-such-device"], "no-such-device");
}

fn dies(suite: &Suite, options: &[&str], said: &str) {
    let folder = folder();
    let (mut qemu, address) = start(suite, &folder, "sleep 0.1", options);
    let started = Instant::now();
    let error = builder().connect_with_retry(&address, || qemu.0.try_wait()).unwrap_err();
    assert!(started.elapsed() < Duration::from_secs(5), "{:?}", started.elapsed());
    let ErrorKind::EndedEarly(ended) = error.kind() else { panic!("{error:#?}") };
    assert_eq!(ended.status.code(), Some(1));
    assert!(ended.waited >= Duration::from_millis(50), "{ended}");
    let text = error.to_string();
    assert!(text.starts_with("the server ended with exit status 1 after "), "{text}");
    assert!(text.ends_with(&format!(" ({address})")), "{text}");
    let stderr = std::fs::read_to_string(folder.file("stderr")).unwrap();
    assert!(stderr.contains(said), "{stderr}");
}

fn one_that_never_listens_is_given_up(suite: &Suite) {
    let folder = folder();
    let (mut qemu, address) = start(suite, &folder, "sleep 60", &[]);
    let builder = builder().connect_timeout(Duration::from_millis(300));
    let error = builder.connect_with_retry(&address, || qemu.0.try_wait()).unwrap_err();
    assert!(error.is_timeout(), "{error:?}");
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot connect to {address}: tried for 3")), "{text}");
    assert!(text.contains("at last: No such file or directory; is QEMU running with "), "{text}");
}

use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixListener;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::thread;

use super::*;
use crate::unix_address;

type Ended = io::Result<Option<ExitStatus>>;

fn runs() -> Ended {
    Ok(None)
}

#[derive(Debug)]
enum Stopped {
    Failed(ConnectError),
    Ended(EndedEarly),
}

fn failed(stopped: Stopped) -> ConnectError {
    match stopped {
        Stopped::Failed(error) => error,
        Stopped::Ended(ended) => panic!("{ended}"),
    }
}

fn try_until_up(
    address: Address,
    deadline: u64,
    ended: impl FnMut() -> Ended,
) -> Result<(), Stopped> {
    let mut ended = ended;
    let mut attempts = ConnectRetry::new(address, Deadline::after(Duration::from_millis(deadline)));
    loop {
        match attempts.connect() {
            Ok(_) => return Ok(()),
            Err(error) if error.is_transient() => match attempts.retry(&mut ended) {
                Ok(()) => {}
                Err(RetryError::TimedOut { waited }) => {
                    return Err(Stopped::Failed(error.with_elapsed(waited)));
                }
                Err(RetryError::Ended(ended)) => return Err(Stopped::Ended(ended)),
                Err(RetryError::Unknown(error)) => return Err(Stopped::Failed(error)),
            },
            Err(error) => return Err(Stopped::Failed(error)),
        }
    }
}

/// Runs `act` on another thread while the attempts go on.
fn meanwhile(act: impl FnOnce() + Send + 'static) {
    thread::spawn(|| {
        thread::sleep(Duration::from_millis(100));
        act();
    });
}

#[test]
fn what_does_not_listen_yet_is_tried_until_it_does() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let listen = |path: &Path| {
        let path = path.to_owned();
        move || std::mem::forget(UnixListener::bind(path).unwrap())
    };
    meanwhile(listen(&path));
    try_until_up(unix_address(&path), 30_000, runs).unwrap();

    // A leftover file refuses connections, and is replaced.
    let left_over = folder.path().join("left-over");
    drop(UnixListener::bind(&left_over).unwrap());
    let listen = listen(&left_over);
    let address = unix_address(&left_over);
    meanwhile(move || {
        std::fs::remove_file(left_over).unwrap();
        listen();
    });
    try_until_up(address, 30_000, runs).unwrap();

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    meanwhile(move || std::mem::forget(TcpListener::bind(free).unwrap()));
    try_until_up(free.into(), 30_000, runs).unwrap();
}

#[test]
fn the_deadline_ends_it_with_what_was_tried_last() {
    let folder = tempfile::tempdir().unwrap();
    let address = unix_address(folder.path().join("qmp"));
    let started = Instant::now();
    let error = failed(try_until_up(address.clone(), 200, runs).unwrap_err());
    assert!(started.elapsed() >= Duration::from_millis(200));
    assert!(error.is_timeout());
    assert!(error.elapsed().unwrap() >= Duration::from_millis(200));
    assert_eq!(error.io_error().kind(), io::ErrorKind::NotFound);
    let text = error.to_string();
    assert!(text.starts_with(&format!("cannot connect to {address}: tried for 2")), "{text}");
    let end = format!(
        " ms, at last: No such file or directory; is QEMU running with -qmp \
         {address},server=on,wait=off?"
    );
    assert!(text.ends_with(&end), "{text}");
}

#[test]
fn the_end_of_the_process_ends_it_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let address = unix_address(folder.path().join("qmp"));
    let started = Instant::now();
    let mut looked = 0;
    let error = try_until_up(address.clone(), 30_000, || {
        looked += 1;
        Ok((looked == 5).then(|| ExitStatus::from_raw(1 << 8)))
    });
    assert!(started.elapsed() < Duration::from_secs(10), "{:?}", started.elapsed());
    let Err(Stopped::Ended(ended)) = error else { panic!("{error:?}") };
    assert_eq!(ended.status.code(), Some(1));
    let text = ended.to_string();
    assert!(text.starts_with("the server ended with exit status 1 after "), "{text}");

    let gone = || Err(io::Error::other("process 4711 is gone"));
    let error = failed(try_until_up(address, 30_000, gone).unwrap_err()).to_string();
    assert!(error.contains(": process 4711 is gone"), "{error}");
}

#[test]
fn a_daemon_whose_first_process_ends_when_it_listens_is_connected_to() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let mut listener = None;
    try_until_up(unix_address(&path), 30_000, || {
        listener = Some(UnixListener::bind(&path).unwrap());
        Ok(Some(ExitStatus::from_raw(0)))
    })
    .unwrap();
}

#[test]
fn what_waiting_does_not_change_is_said_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name);
    std::fs::write(path("file"), "").unwrap();
    let mut addresses = vec![
        (unix_address(path("file")), "not a socket"),
        (unix_address(path("file/qmp")), "Not a directory"),
        (Address::Descriptor(9999), "not open"),
        (Address::tcp("no-such-host.invalid", 1), "spelled right"),
    ];
    // root has access to everything.
    if !rustix::process::geteuid().is_root() {
        std::fs::create_dir(path("closed")).unwrap();
        std::fs::set_permissions(path("closed"), PermissionsExt::from_mode(0o000)).unwrap();
        addresses.push((unix_address(path("closed/qmp")), "may not enter the directory"));
    }
    for (address, said) in addresses {
        let looks = || -> Ended { panic!("nobody has to look after the process") };
        let error = failed(try_until_up(address, 30_000, looks).unwrap_err());
        assert_eq!(error.elapsed(), None);
        assert!(error.to_string().contains(said), "{error}");
    }
}

//! Addresses where nothing can be reached.

use std::os::unix::net::UnixListener;
use std::time::Duration;

use qmp_blocking::{ErrorKind, Outcome};

/// The text of the error, with its beginning checked.
fn text(address: &str) -> String {
    let error = qmp_blocking::connect(address).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Connect(_)), "{error:?}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    let text = error.to_string();
    assert!(text.starts_with("cannot connect to "), "{text}");
    text
}

#[test]
fn a_text_that_is_no_address_is_told_what_to_write() {
    for (address, advice) in [
        ("", "empty"),
        ("tcp:host", "tcp:host:4444"),
        ("localhost:", "write tcp:localhost:4444"),
        ("tcp:host:99999", "99999"),
        ("tcp:host:4444,telnet=on", "telnet"),
    ] {
        let error = qmp_blocking::connect(address).unwrap_err();
        assert!(matches!(error.kind(), ErrorKind::Address(_)), "{error:?}");
        let text = error.to_string();
        assert!(text.contains(advice) && text.contains("is not an address"), "{text}");
        assert!(text.contains(&format!("{address:?}")), "{text}");
    }
}

#[test]
fn a_path_without_a_server() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();

    let missing = text(&path("qmp"));
    assert!(missing.contains("No such file"), "{missing}");
    assert!(
        missing.contains(&format!("-qmp unix:{},server=on,wait=off", path("qmp"))),
        "{missing}"
    );

    let no_folder = text(&path("a/b/qmp"));
    assert!(
        no_folder.contains(&format!("the directory {} does not exist", path("a"))),
        "{no_folder}"
    );

    std::fs::write(path("file"), "").unwrap();
    let file = text(&path("file"));
    assert!(file.contains("a regular file, not a socket"), "{file}");

    drop(UnixListener::bind(path("left")).unwrap());
    let left_over = text(&path("left"));
    assert!(left_over.contains("the socket file is left over"), "{left_over}");
}

#[test]
fn a_port_without_a_server() {
    let port = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    let closed = text(&format!("127.0.0.1:{port}"));
    assert!(closed.contains("nothing listens on that port"), "{closed}");
    assert!(closed.contains(&format!("-qmp tcp:127.0.0.1:{port},server=on,wait=off")), "{closed}");
    let any = text("tcp:127.0.0.1:0");
    assert!(any.contains("port 0"), "{any}");
    let unknown = text("tcp:host.invalid:4444");
    assert!(unknown.contains("host.invalid"), "{unknown}");
}

#[test]
fn a_descriptor_that_is_none() {
    let closed = text("fd:987654");
    assert!(closed.contains("is not open in this process"), "{closed}");
}

#[test]
fn a_server_that_never_accepts() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("qmp");
    let _listener = UnixListener::bind(&path).unwrap();
    let builder = qmp_blocking::builder().handshake_timeout(Duration::from_millis(40));
    let error = builder.connect(path.to_str().unwrap()).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    if cfg!(target_os = "linux") {
        let text = error.to_string();
        assert!(text.contains("does not accept connections"), "{text}");
        assert!(text.contains(&format!("pid {} ", std::process::id())), "{text}");
    }
}

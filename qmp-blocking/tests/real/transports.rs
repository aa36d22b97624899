//! Ways to a server, in both directions.

use std::fs;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::time::Duration;

use conformance::ready;
use qmp_blocking::{Address, Client, Listener, Socket};
use serde_json::Value;

use crate::server::{Clients, LIGHT, PLENTY, Server, Suite, folder};

conformance::on_every_qemu!(
    qemu_connects_to_us,
    qemu_connects_to_us_over_tcp,
    tcp,
    an_inherited_socket,
    a_path_longer_than_a_socket_address,
    an_abstract_socket,
    nobody_connects,
);

fn check(qemu: &Client) {
    let status: Value = qemu.execute("query-status").run().unwrap().decode().unwrap();
    assert_eq!(status["running"], false, "{status}");
}

fn accept(listener: &Listener) -> Client {
    let builder = qmp_blocking::builder().connect_timeout(PLENTY);
    builder.handshake_timeout(PLENTY).accept(listener).unwrap()
}

fn qemu_connects_to_us(suite: &Suite) {
    let folder = folder();
    let path = folder.name("ours");
    let address = Address::unix(path.as_str());
    let listener = Listener::bind(&address).unwrap();
    let mut server = suite.qemu_in(folder, &["-qmp", "unix:{}/ours"]);
    let qemu = accept(&listener);
    assert_eq!(*qemu.peer(), address.to_string());
    check(&qemu);
    qemu.execute("quit").run().unwrap();
    assert!(server.ended().success());
    // The other way to say it; the listener takes more than one.
    let ours = format!("socket,id=c,path={path}");
    let _server = suite.qemu_with(&["-chardev", &ours, "-mon", "chardev=c,mode=control"]);
    check(&accept(&listener));
}

fn qemu_connects_to_us_over_tcp(suite: &Suite) {
    let listener = Listener::bind("tcp:127.0.0.1:0").unwrap();
    let option = listener.local_address().to_string();
    let _server = suite.qemu_with(&["-qmp", &option]);
    let qemu = accept(&listener);
    assert_eq!(*qemu.peer(), option);
    check(&qemu);
}

fn tcp(suite: &Suite) {
    let mut server = suite.qemu_with(&[
        "-qmp",
        "unix:{}/qmp,server=on,wait=off",
        "-chardev",
        "socket,id=tcp,host=127.0.0.1,port=0,server=on,wait=off",
        "-mon",
        "chardev=tcp,mode=control",
    ]);
    let qemu = server.client();
    let chardevs: Value = qemu.execute("query-chardev").run().unwrap().decode().unwrap();
    let chardevs = chardevs.as_array().unwrap().iter();
    let names: Vec<_> = chardevs.map(|chardev| chardev["filename"].as_str().unwrap()).collect();
    // `disconnected:tcp:127.0.0.1:39123,server=on`, as it stands there.
    let address = names.iter().find_map(|name| name.strip_prefix("disconnected:tcp:")).unwrap();
    let over_tcp = qmp_blocking::connect(address).unwrap();
    check(&over_tcp);
    let file = fs::File::open("/dev/null").unwrap();
    let error = over_tcp.execute("getfd").argument("fdname", "x").descriptor(file).run();
    let error = error.unwrap_err().to_string();
    assert!(error.contains("descriptors can be sent over unix sockets only"), "{error}");
    assert!(error.starts_with("getfd: "), "{error}");
    check(&over_tcp);
    over_tcp.execute("quit").run().unwrap();
}

fn an_inherited_socket(suite: &Suite) {
    for by_number in [false, true] {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut command = suite.program("qemu-system-x86_64");
        command.args(LIGHT.split(' ')).stdin(OwnedFd::from(theirs));
        command.args(["-chardev", "socket,id=c,fd=0", "-mon", "chardev=c,mode=control"]);
        let mut server = Server::start(command, folder());
        let builder = qmp_blocking::builder().handshake_timeout(PLENTY);
        let qemu = if by_number {
            builder.connect(format!("fd:{}", ours.as_raw_fd()).as_str()).unwrap()
        } else {
            let socket = Socket::from(ours.try_clone().unwrap());
            builder.connect_over(socket, "QEMU's stdin").unwrap()
        };
        check(&qemu);
        qemu.execute("quit").run().unwrap();
        assert!(server.ended().success());
    }
}

fn a_path_longer_than_a_socket_address(suite: &Suite) {
    let folder = folder();
    let deep = format!("{0}/{0}/{0}", "d".repeat(70));
    fs::create_dir_all(folder.file(&deep)).unwrap();
    let (path, ours) = (folder.name(&format!("{deep}/qmp")), folder.name(&format!("{deep}/ours")));
    assert!(path.len() > 200);
    // QEMU itself cannot: it is told a short one, from inside.
    let mut command = suite.program("/bin/sh");
    let qemu = suite.program("qemu-system-x86_64");
    command.args(["-c", r#"cd "$1" && shift && exec "$@""#, "sh", &deep]);
    command.arg(qemu.get_program()).args(LIGHT.split(' '));
    command.args(["-qmp", "unix:qmp,server=on,wait=off", "-qmp", "unix:ours"]);
    let listener = Listener::bind(Address::unix(ours)).unwrap();
    let mut server = Server::start(command, folder);
    check(&accept(&listener));
    let qemu = ready(server.once_up(async || qmp_blocking::connect(path.as_str())));
    check(&qemu);
    qemu.execute("quit").run().unwrap();
}

#[cfg(target_os = "linux")]
fn an_abstract_socket(suite: &Suite) {
    let name = format!("qmp-test-{}-{}", std::process::id(), suite.version());
    let chardev = format!("socket,id=c,path={name},abstract=on,server=on,wait=off");
    let mut server = suite.qemu_with(&["-chardev", &chardev, "-mon", "chardev=c,mode=control"]);
    let qemu =
        ready(server.once_up(async || qmp_blocking::connect(format!("unix:@{name}").as_str())));
    assert_eq!(*qemu.peer(), format!("abstract:{name}"));
    check(&qemu);
    let busy = qmp_blocking::builder().handshake_timeout(Duration::from_millis(100));
    let error = busy.connect(format!("unix:{name},abstract=on").as_str()).unwrap_err();
    assert!(error.to_string().contains("serving another client"), "{error}");
}

#[cfg(not(target_os = "linux"))]
fn an_abstract_socket(_: &Suite) {
    crate::server::notice("not run: abstract sockets: this system has none");
}

fn nobody_connects(suite: &Suite) {
    let folder = folder();
    let listener = Listener::bind(Address::unix(folder.name("ours"))).unwrap();
    let builder = || qmp_blocking::builder().connect_timeout(Duration::from_millis(50));
    let error = builder().accept(&listener).unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert!(error.to_string().contains("was QEMU started with -qmp unix:"), "{error}");
    // One that is dead already is not mistaken for one that lives.
    let mut server = suite.qemu_in(folder, &["-qmp", "unix:ours"]);
    let qemu = accept(&listener);
    qemu.execute("quit").run().unwrap();
    assert!(server.ended().success());
    assert!(builder().accept(&listener).unwrap_err().is_timeout());
}

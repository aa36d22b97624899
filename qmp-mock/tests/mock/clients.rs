//! Several clients, and other ways to connect.

use std::time::Duration;

use qmp_blocking::{Listener, Socket};
use qmp_mock::Mock;

use crate::reading::Reading as _;

#[test]
fn a_mock_can_be_shared_between_threads() {
    const fn shared<T: Send + Sync>() {}
    shared::<Mock>();
    shared::<qmp_mock::Gate>();
    shared::<qmp_mock::ReceivedCommand>();
    let mock = Mock::monitor();
    mock.on("x").times(4);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            for _ in 0..4 {
                qmp_blocking::connect(mock.address()).unwrap().execute("x").run().unwrap();
            }
        });
        mock.wait_for("x");
    });
    mock.verify();
}

#[test]
fn clients_are_served_in_turn() {
    let mock = Mock::monitor();
    for round in 0..5 {
        let qemu = qmp_blocking::connect(mock.address()).unwrap();
        qemu.execute("query-status").run().unwrap();
        assert_eq!((mock.clients(), mock.connected()), (round + 1, 1));
    }
    mock.wait_until_alone();
    assert_eq!(mock.received(), ["query-status"; 5]);
}

#[test]
fn a_second_client_waits_as_with_qemu() {
    let mock = Mock::monitor();
    let first = qmp_blocking::connect(mock.address()).unwrap();
    let quick = qmp_blocking::builder().handshake_timeout(Duration::from_millis(50));
    assert!(quick.connect(mock.address()).unwrap_err().is_timeout());
    drop(first);
    qmp_blocking::connect(mock.address()).unwrap();
}

#[test]
fn many_at_once_serves_clients_concurrently() {
    let mock = Mock::builder().many_at_once().start();
    let mut clients: Vec<_> =
        (0..20).map(|_| qmp_blocking::connect(mock.address()).unwrap()).collect();
    for qemu in clients.iter_mut().rev() {
        qemu.execute("query-status").run().unwrap();
    }
    assert_eq!((mock.clients(), mock.connected()), (20, 20));
}

#[test]
fn a_socket_pair_needs_no_path() {
    let mock = Mock::monitor();
    let blocked = qmp_blocking::connect(mock.address()).unwrap();
    let socket = Socket::from(mock.connect());
    let qemu = qmp_blocking::builder().connect_over(socket, "the mock").unwrap();
    qemu.execute("query-status").run().unwrap();
    drop(blocked);
}

#[test]
fn the_mock_connects_to_a_client_that_listens() {
    let mock = Mock::monitor();
    mock.on("x").answer("dialled");
    let listener = Listener::bind("tcp:127.0.0.1:0").unwrap();
    mock.connect_to(listener.local_address()).unwrap();
    let qemu = qmp_blocking::builder().accept(&listener).unwrap();
    assert_eq!(qemu.execute("x").read::<String>().unwrap(), "dialled");
    mock.verify();
    let nobody = mock.connect_to("unix:/no/such/socket").unwrap_err();
    assert!(nobody.to_string().contains("/no/such/socket"), "{nobody}");
}

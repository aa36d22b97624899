//! The guest agent over vsock, on this machine: as in a guest, without one.

use qmp_blocking::{Address, Cause, Connection, Listener};
use serde_json::Value;

use crate::server::{Folder, PLENTY, Server, keep_inside};
use crate::suite::{Suite, notice};

on_every_qemu!(an_agent_is_used_over_vsock);

/// An address where nobody listens, if this kernel has vsock within the machine.
fn loopback(suite: &Suite) -> Option<Address> {
    match Listener::bind("vsock:1:4294967295") {
        Ok(listener) => Some(listener.local_address().clone()),
        Err(error) => {
            let agent = format!("the agent of QEMU {} over vsock", suite.version());
            notice(&format!("not run: {agent}: {error}; is there a module vsock_loopback?"));
            None
        }
    }
}

fn an_agent_is_used_over_vsock(suite: &Suite) {
    let Some(address) = loopback(suite) else { return };
    let nobody = Connection::connect_agent(&address).unwrap_err();
    assert!(matches!(nobody.cause(), Cause::Connect(_)), "{nobody:?}");
    assert!(nobody.to_string().starts_with(&format!("cannot connect to {address}: ")), "{nobody}");

    let mut command = suite.program("qemu-ga");
    let folder = Folder::new();
    keep_inside(&mut command, &folder);
    let there = address.to_string();
    command.args(["-m", "vsock-listen", "-p", there.strip_prefix("vsock:").unwrap()]);
    let mut server = Server::start(command, folder);
    let builder = || Connection::builder().agent().connect_deadline(PLENTY);
    let mut agent = builder().connect_when_up(&address, || server.has_ended()).unwrap();
    assert_eq!(agent.peer(), there);
    let info: Value = agent.execute("guest-info").run().unwrap().decode().unwrap();
    assert!(info["version"].as_str().unwrap().starts_with(suite.version()), "{info}");
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = agent.execute("guest-ping").descriptor(file).run().unwrap_err();
    assert!(matches!(error.cause(), Cause::NoDescriptors), "{error:?}");
    agent.close().unwrap();
    let mut agent = builder().connect(&address).unwrap();
    agent.execute("guest-ping").run().unwrap();
    server.signal(rustix::process::Signal::KILL);
    let error = agent.execute("guest-ping").run().unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

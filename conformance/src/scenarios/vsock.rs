//! Connections over vsock within this machine, as from a guest.

use std::fs::File;

use qmp_driver::qmp_sockets::{Listener, nonce};
use qmp_driver::{Address, ErrorKind};
use qmp_types::qga::GuestInfo;
use rustix::process::Signal;

use crate::Adapter;
use crate::server::{PLENTY, Suite, notice};
use crate::subject::{Build, Execute, Subject};

/// Returns an address without a listener, if this kernel has vsock loopback.
fn loopback(suite: &Suite) -> Option<Address> {
    match Listener::bind("vsock:1:4294967295") {
        // Not the port of this listener: a program that another test starts at this moment inherits
        // the listener until it executes, and until then that port accepts connections.
        Ok(_) => Some(format!("vsock:1:{}", 1 << 20 | nonce() >> 33).parse().unwrap()),
        Err(error) => {
            let agent = format!("the agent of QEMU {} over vsock", suite.version());
            notice(&format!("not run: {agent}: {error}; is there a module vsock_loopback?"));
            None
        }
    }
}

/// As over a unix socket, except for files.
pub async fn an_agent_is_used_over_vsock<A: Adapter>(suite: &Suite) {
    let Some(address) = loopback(suite) else { return };
    let nobody = A::builder().agent().connect(&address).await.unwrap_err();
    assert!(matches!(nobody.kind(), ErrorKind::Connect(_)), "{nobody:?}");
    assert!(nobody.to_string().starts_with(&format!("cannot connect to {address}: ")), "{nobody}");

    let there = address.to_string();
    let mut server = suite.agent_at("vsock-listen", there.strip_prefix("vsock:").unwrap());
    let patient = A::builder().agent().connect_timeout(PLENTY);
    let agent = patient.connect_with_retry(&address, || server.has_ended()).await.unwrap();
    assert!(format!("{agent:?}").contains(&there), "{agent:?}");
    let mut sent = Vec::new();
    for id in 0..50 {
        sent.push(agent.execute("guest-sync").argument("id", &id).send().await.unwrap());
    }
    for (id, answer) in agent.answers(sent).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().decode::<usize>().unwrap(), id);
    }
    let file = File::open("/dev/null").unwrap();
    let error = agent.execute("guest-ping").descriptor(file).run().await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DescriptorsUnsupported), "{error:?}");
    agent.close().await.unwrap();

    let agent = A::builder().agent().connect(&address).await.unwrap();
    let info = agent.call(&GuestInfo::new()).await.unwrap();
    assert!(info.version.starts_with(suite.version()), "{info:?}");
    server.signal(Signal::KILL);
    let error = agent.execute("guest-ping").run().await.unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

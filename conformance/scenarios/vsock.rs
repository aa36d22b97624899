//! Over vsock, within this machine.

use qmp_driver::qmp_sockets::Listener;
use qmp_driver::{Address, Cause, Runtime};
use serde_json::Value;

use super::{builder, join_all};
use crate::conformance::server::{PLENTY, Suite, notice};

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

pub(crate) async fn an_agent_is_used_over_vsock<R: Runtime>(suite: &Suite) {
    let Some(address) = loopback(suite) else { return };
    let nobody = builder::<R>().agent().connect(&address).await.unwrap_err();
    assert!(matches!(nobody.cause(), Cause::Connect(_)), "{nobody:?}");

    let there = address.to_string();
    let there = there.strip_prefix("vsock:").unwrap();
    let mut server = suite.agent_at("vsock-listen", there);
    let patient = builder::<R>().agent().connect_deadline(PLENTY);
    let agent = patient.connect_when_up(&address, || server.has_ended()).await.unwrap();
    let answers = join_all((0..50).map(|id| {
        let sync = agent.execute("guest-sync").argument("id", &id);
        async move { (id, sync.await.unwrap().decode::<usize>().unwrap()) }
    }));
    assert!(answers.await.into_iter().all(|(id, answer)| id == answer));
    let file = std::fs::File::open("/dev/null").unwrap();
    let error = agent.execute("guest-ping").descriptor(file).await.unwrap_err();
    assert!(matches!(error.cause(), Cause::NoDescriptors), "{error:?}");
    agent.close().await.unwrap();

    let agent = builder::<R>().agent().connect(&address).await.unwrap();
    let info: Value = agent.execute("guest-info").await.unwrap().decode().unwrap();
    assert!(info["version"].as_str().unwrap().starts_with(suite.version()), "{info}");
    server.signal("-KILL");
    let error = agent.execute("guest-ping").await.unwrap_err();
    assert!(error.is_disconnected(), "{error}");
}

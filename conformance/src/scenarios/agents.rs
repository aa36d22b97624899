//! Guest agents.

use std::fs;

use qmp_driver::ErrorClass;
use qmp_types::qga::{GuestFileOpen, GuestFileRead, GuestPing, GuestShutdown};

use crate::server::folder;
use crate::subject::{Build, Execute, Subject};
use crate::{Adapter, Target};

/// An agent sends no greeting, answers in order, can be synced at any time, and outlives its
/// clients.
pub async fn an_agent_is_synced_and_used<A: Adapter>(target: Target<'_>) {
    let mut server = target.agent();
    let agent = server.connect(|| A::builder().agent()).await;
    assert!(agent.is_ready() && agent.version().is_none());
    let mut sent = Vec::new();
    for id in 0..100 {
        sent.push(agent.execute("guest-sync").argument("id", &id).send().await.unwrap());
    }
    for (id, answer) in agent.answers(sent).await.into_iter().enumerate() {
        assert_eq!(answer.unwrap().decode::<usize>().unwrap(), id);
    }
    agent.sync().await.unwrap();
    let off = agent.call(&GuestShutdown::new()).await.unwrap_err();
    assert_eq!(off.class(), Some(ErrorClass::CommandNotFound), "{off}");

    let folder = folder();
    let file = folder.file("file");
    fs::write(&file, vec![0; 3 << 20]).unwrap();
    let handle = agent.call(&GuestFileOpen::new(file.to_str().unwrap())).await.unwrap();
    let read = agent.call(&GuestFileRead::new(handle).count(3 << 20)).await.unwrap();
    assert!(read.buf_b64.len() == 3 << 20 && read.buf_b64.iter().all(|byte| *byte == 0));

    // The client disconnects before the reply, and the next client is served nevertheless.
    drop(agent.execute("guest-info").send().await.unwrap());
    drop(agent);
    let agent = server.connect(|| A::builder().agent()).await;
    agent.call(&GuestPing::new()).await.unwrap();
    agent.close().await.unwrap();
}

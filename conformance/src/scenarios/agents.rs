//! Guest agents.

use std::fs;

use qmp_driver::ErrorClass;
use serde_json::Value;

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
    let off = agent.execute("guest-shutdown").run().await.unwrap_err();
    assert_eq!(off.class(), Some(ErrorClass::CommandNotFound), "{off}");

    let folder = folder();
    let file = folder.file("file");
    fs::write(&file, vec![0; 3 << 20]).unwrap();
    let open = agent.execute("guest-file-open").argument("path", &file).run().await.unwrap();
    let handle: u64 = open.decode().unwrap();
    let read = agent.execute("guest-file-read").argument("handle", &handle);
    let read = read.argument("count", &(3 << 20)).run().await.unwrap();
    let read: Value = read.decode().unwrap();
    assert_eq!(read["buf-b64"].as_str().unwrap().len(), 4 << 20);

    // The client disconnects before the reply, and the next client is served nevertheless.
    drop(agent.execute("guest-info").send().await.unwrap());
    drop(agent);
    let agent = server.connect(|| A::builder().agent()).await;
    agent.execute("guest-ping").run().await.unwrap();
    agent.close().await.unwrap();
}

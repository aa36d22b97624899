//! Commands and their replies.

use std::fs::File;

use qmp_driver::{ErrorClass, Outcome};
use qmp_types::{
    AddfdInfo, BlockdevAdd, BlockdevOptions, BlockdevOptionsFile, QueryNamedBlockNodes,
    QueryStatus, QueryVersion, schema::QuerySchema,
};
use serde_json::Value;

use super::{assert_printed, print};
use crate::server::folder;
use crate::subject::{Build, Execute, Subject};
use crate::{Adapter, Target};

/// By name, typed and raw; with successes and errors, small and large.
pub async fn commands_are_answered<A: Adapter>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    assert!(qemu.is_ready() && !qemu.is_out_of_band());
    let greeted = qemu.version().unwrap();
    let version = qemu.call(&QueryVersion::new()).await.unwrap().qemu;
    assert_eq!((version.major, version.minor), (greeted.major.into(), greeted.minor.into()));
    assert!(!qemu.call(&QueryStatus::new()).await.unwrap().running);
    let status = qemu.execute("query-status").run().await.unwrap();
    assert_eq!(status.decode::<Value>().unwrap()["running"], false);
    let error = qemu.execute("no-such-command").run().await.unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::CommandNotFound), "{error}");
    assert_eq!(error.outcome(), Outcome::Answered);
    let raw = qemu.raw(r#"{"execute": "query-name", "id": ["mine", 1]}"#).await.unwrap();
    assert_eq!(raw, br#"{"return": {}, "id": ["mine", 1]}"#);
    let schema = qemu.call(&QuerySchema::new()).await.unwrap();
    assert!(schema.entries().count() > 500 && schema.has("query-status").unwrap());
    qemu.close().await.unwrap();
    let again = server.connect(A::builder).await;
    again.execute("query-status").run().await.unwrap();
}

/// Each command gets its own reply, however many are sent before the first is awaited.
pub async fn many_are_in_flight<A: Adapter>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    let mut sent = Vec::new();
    for number in 0..500 {
        sent.push(print(&qemu, number).send().await.unwrap());
    }
    let answers = qemu.answers(sent).await;
    assert_eq!(answers.len(), 500);
    for (number, answer) in answers.into_iter().enumerate() {
        assert_printed(&answer.unwrap(), number);
    }
    assert!(format!("{qemu:?}").contains("in_flight: 0"), "{qemu:?}");
}

/// Also at the in-band limit, while others wait.
pub async fn out_of_band_commands_run<A: Adapter>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(|| A::builder().out_of_band()).await;
    assert!(qemu.is_out_of_band() && qemu.supports("oob"));
    let mut sent = Vec::new();
    for number in 0..40 {
        sent.push(print(&qemu, number).send().await.unwrap());
    }
    let error = qemu.execute("migrate-pause").out_of_band().run().await.unwrap_err();
    assert_eq!(error.class(), Some(ErrorClass::GenericError), "{error}");
    for (number, answer) in qemu.answers(sent).await.into_iter().enumerate() {
        assert_printed(&answer.unwrap(), number);
    }
}

/// The server assigns each file to the command that it came with.
pub async fn each_command_gets_its_own_file<A: Adapter>(target: Target<'_>) {
    let mut server = target.qemu();
    let qemu = server.connect(A::builder).await;
    let folder = folder();
    let sets = [11_i64, 22, 33, 44];
    let mut sent = Vec::new();
    for set in sets {
        let path = folder.file(&format!("sectors{set}"));
        File::create(&path).unwrap().set_len(set.unsigned_abs() * 512).unwrap();
        let add = qemu.execute("add-fd").argument("fdset-id", &set);
        let add = add.argument("opaque", &format!("file {set}"));
        sent.push(add.descriptor(File::open(path).unwrap()).send().await.unwrap());
    }
    for (set, added) in sets.into_iter().zip(qemu.answers(sent).await) {
        let added: AddfdInfo = added.unwrap().decode().unwrap();
        assert_eq!(added.fdset_id, set);
    }
    for set in sets {
        let node = format!("node{set}");
        let file = format!("/dev/fdset/{set}");
        let options = BlockdevOptions::file(BlockdevOptionsFile::new(file));
        let options = options.read_only(true).node_name(node.as_str());
        qemu.call(&BlockdevAdd(options)).await.unwrap();
        let nodes = qemu.call(&QueryNamedBlockNodes::new()).await.unwrap();
        let is_it = |found: &str| found == node;
        let found = nodes.iter().find(|it| it.node_name.as_deref().is_some_and(is_it)).unwrap();
        assert_eq!(found.image.virtual_size, set * 512);
    }
}

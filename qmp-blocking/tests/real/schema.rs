//! Long answers.

use std::collections::BTreeSet;

use qmp_blocking::Client;
use serde_json::Value;

use crate::server::{Clients, Suite, storage_daemon};

conformance::on_every_qemu!(
    the_schema_comes_whole,
    the_schema_of_a_storage_daemon_comes_whole,
    a_pretty_monitor_is_understood,
);

fn schema(server: &Client) -> Vec<Value> {
    let reply = server.execute("query-qmp-schema").run().unwrap();
    reply.decode().unwrap()
}

fn commands_of(schema: &[Value]) -> BTreeSet<&str> {
    let commands = schema.iter().filter(|entry| entry["meta-type"] == "command");
    commands.map(|entry| entry["name"].as_str().unwrap()).collect()
}

fn query_commands(server: &Client) -> Vec<String> {
    let commands = server.execute("query-commands").run().unwrap();
    let commands: Vec<Value> = commands.decode().unwrap();
    let name = |command: &Value| command["name"].as_str().unwrap().to_owned();
    commands.iter().map(name).collect()
}

fn the_schema_comes_whole(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let reply = qemu.execute("query-qmp-schema").run().unwrap();
    let (length, least) =
        (reply.message().len(), if suite.major() == 5 { 100_000 } else { 200_000 });
    assert!((least..300_000).contains(&length), "{length} bytes");
    let schema: Vec<Value> = reply.decode().unwrap();
    assert!((800..1500).contains(&schema.len()), "{} entries", schema.len());

    let told = query_commands(&qemu);
    assert!((150..400).contains(&told.len()), "{} commands", told.len());
    assert_eq!(commands_of(&schema), told.iter().map(String::as_str).collect());
}

fn the_schema_of_a_storage_daemon_comes_whole(suite: &Suite) {
    let (_server, daemon) = storage_daemon(suite, qmp_blocking::builder);
    let schema = schema(&daemon);
    assert!((300..700).contains(&schema.len()), "{} entries", schema.len());
    let told = query_commands(&daemon);
    let mut told: BTreeSet<_> = told.iter().map(String::as_str).collect();
    if suite.major() == 5 {
        assert!(told.insert("object-add"), "5.2 leaves it out of the list");
    }
    assert_eq!(commands_of(&schema), told);
}

/// Messages over many lines each.
fn a_pretty_monitor_is_understood(suite: &Suite) {
    let mut server = suite.qemu_with(&[
        "-chardev",
        "socket,id=c,path={}/qmp,server=on,wait=off",
        "-mon",
        "chardev=c,mode=control,pretty=on",
    ]);
    let qemu = server.client();
    assert!(qemu.supports("oob"));
    let first = schema(&qemu);
    assert!(first.len() > 800);
    let resumed = qemu.event();
    qemu.execute("cont").run().unwrap();
    qemu.execute("stop").run().unwrap();
    assert_eq!(resumed.run().unwrap().name(), "RESUME");
    let error = qemu.execute("device_del").argument("id", "x").run().unwrap_err();
    assert!(error.to_string().contains("DeviceNotFound"), "{error}");
    let sent: Vec<_> = (0..10).map(|_| qemu.execute("query-status").send().unwrap()).collect();
    for sent in sent {
        let reply = sent.recv().unwrap();
        assert!(reply.message().contains(&b'\n'));
        assert_eq!(reply.decode::<Value>().unwrap()["status"], "paused");
    }
    assert_eq!(schema(&qemu), first);
    let answer = qemu.raw(r#"{"execute": "stop", "id": [1]}"#).run().unwrap();
    let answer: Value = serde_json::from_slice(&answer).unwrap();
    assert_eq!(answer["id"], serde_json::json!([1]));
    qemu.execute("quit").run().unwrap();
}

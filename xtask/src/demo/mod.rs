//! `cargo xtask demo`: shows the library with a real QEMU, storage daemon and guest agent.

use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use qmp_blocking::{Builder, Client, Direction, ErrorClass, EventItem};
use serde_json::{Value, json};

use crate::folder::Folder;
use crate::qemu;
use crate::server::Server;

/// Longer messages are truncated in the output.
const SHOWN: usize = 160;

pub(crate) fn run(_args: &[String]) -> Result<()> {
    let version = qemu::newest()?;
    println!("QEMU {} in {}", version.name, version.bin.display());
    println!("Below, `>` marks messages sent and `<` messages received.");
    // Socket paths are short there, and other users cannot access the sockets.
    let folder = Folder::create("qmp-demo")?;
    monitor(&version.bin, folder.path()).context("the monitor of QEMU")?;
    storage_daemon(&version.bin, folder.path()).context("the storage daemon")?;
    agent(&version.bin, folder.path()).context("the guest agent")?;
    println!("\nAll steps succeeded.");
    Ok(())
}

fn monitor(bin: &Path, folder: &Path) -> Result<()> {
    let socket = folder.join("qmp");
    let server = Server::qemu(bin, &socket)?;

    let qemu = connect(qmp_blocking::builder(), &socket)?;
    let greeting = qemu.greeting().context("no greeting")?;
    println!("  QEMU {}, package {:?}", qemu.version().unwrap_or_default(), greeting.package());

    qemu.execute("query-status").run()?;
    let mut events = qemu.events().subscribe();
    qemu.execute("cont").run()?;
    qemu.execute("stop").run()?;
    let mut names = Vec::new();
    while let Some(EventItem::Event(event)) = events.try_recv() {
        names.push(event.name().to_owned());
    }
    println!("  events received meanwhile: {}", names.join(", "));
    if names != ["RESUME", "STOP"] {
        bail!("expected RESUME and STOP");
    }

    let file = File::open(std::env::current_exe()?)?;
    let added =
        qemu.execute("add-fd").argument("opaque", "the demo itself").descriptor(file).run()?;
    let set = added.decode::<Value>()?["fdset-id"].clone();
    println!("  passed a file: QEMU can open it as /dev/fdset/{set}");
    qemu.execute("query-fdsets").run()?;

    match qemu.execute("device_del").argument("id", "nobody").run() {
        Err(error) if error.class() == Some(ErrorClass::DeviceNotFound) => println!("  {error}"),
        other => bail!("expected an error of class DeviceNotFound, got {other:?}"),
    }
    qemu.execute("quit").run()?;
    server.join()
}

fn storage_daemon(bin: &Path, folder: &Path) -> Result<()> {
    let socket = folder.join("qsd");
    let image = folder.join("image");
    File::create(&image)?.set_len(1 << 20)?;
    let chardev = format!("socket,id=c,server=on,wait=off,path={}", socket.display());
    let arguments = ["--chardev", &chardev, "--monitor", "chardev=c"];
    let server = Server::start(&bin.join("qemu-storage-daemon"), &arguments, &socket)?;

    let daemon = connect(qmp_blocking::builder(), &socket)?;
    daemon
        .execute("blockdev-add")
        .arguments(json!({"driver": "file", "node-name": "disk", "filename": image}))
        .run()?;
    daemon.execute("query-named-block-nodes").argument("flat", true).run()?;
    match daemon.execute("query-status").run() {
        Err(error) if error.class() == Some(ErrorClass::CommandNotFound) => println!("  {error}"),
        other => bail!("expected an error of class CommandNotFound, got {other:?}"),
    }
    daemon.execute("quit").run()?;
    server.join()
}

fn agent(bin: &Path, folder: &Path) -> Result<()> {
    let socket = folder.join("qga");
    let _server = Server::agent(bin, &socket)?;

    let agent = connect(qmp_blocking::builder().agent(), &socket)?;
    let info: Value = agent.execute("guest-info").run()?.decode()?;
    let commands = info["supported_commands"].as_array().map_or(0, Vec::len);
    println!("  agent {} with {commands} commands", info["version"]);

    let process: Value = agent
        .execute("guest-exec")
        .arguments(json!({"path": "/bin/echo", "arg": ["hello"], "capture-output": true}))
        .run()?
        .decode()?;
    let status = loop {
        let status: Value =
            agent.execute("guest-exec-status").argument("pid", &process["pid"]).run()?.decode()?;
        if status["exited"] == true {
            break status;
        }
        sleep(Duration::from_millis(20));
    };
    let output = BASE64_STANDARD.decode(status["out-data"].as_str().unwrap_or_default())?;
    println!("  it printed {:?}", String::from_utf8_lossy(&output));
    if output != b"hello\n" {
        bail!("expected hello");
    }
    Ok(())
}

fn connect(builder: Builder, socket: &Path) -> Result<Client> {
    let address = format!("unix:{}", socket.display());
    Ok(builder.on_wire(show).connect(address.as_str())?)
}

fn show(direction: Direction, message: &[u8]) {
    let arrow = match direction {
        Direction::Sent => '>',
        Direction::Received => '<',
    };
    let head = &message[..message.len().min(SHOWN)];
    // A guest can put anything into a reply, including terminal control sequences.
    let text: String = String::from_utf8_lossy(head)
        .chars()
        .map(|char| if char.is_control() { '\u{FFFD}' } else { char })
        .collect();
    match message.len() - head.len() {
        0 => println!("{arrow} {text}"),
        rest => println!("{arrow} {text}… and {rest} bytes more"),
    }
}

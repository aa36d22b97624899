//! `cargo xtask demo`: shows the library with a real QEMU, storage daemon and guest agent.

use std::fs::File;
use std::path::Path;
use std::thread::sleep;
use std::time::Duration;

use anyhow::{Context, Result, bail};
use qmp_blocking::types::events::{Resume, Stop as Stopped};
use qmp_blocking::types::qga::{GuestExec, GuestExecStatus, GuestInfo};
use qmp_blocking::types::{
    AddFd, BlockdevAdd, BlockdevOptions, BlockdevOptionsFile, Cont, DeviceDel, QueryFdsets,
    QueryNamedBlockNodes, QueryStatus, Quit, Stop,
};
use qmp_blocking::{Builder, Client, Direction, ErrorClass, TypedItem, event_set};

use crate::folder::Folder;
use crate::qemu;
use crate::server::Server;

/// Longer messages are truncated in the output.
const SHOWN: usize = 160;

event_set! {
    /// The events of a machine that is stopped and continued.
    enum Running {
        Resume,
        Stopped,
    }
}

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

    let status = qemu.call(&QueryStatus::new()).run()?.status;
    println!("  the status is {status}");
    let mut events = qemu.events().subscribe_to::<Running>();
    qemu.call(&Cont::new()).run()?;
    qemu.call(&Stop::new()).run()?;
    let mut names = Vec::new();
    while let Some(TypedItem::Event(item)) = events.try_recv() {
        names.push(match item.event {
            Running::Resume(_) => "RESUME",
            Running::Stopped(_) => "STOP",
        });
    }
    println!("  events received meanwhile: {}", names.join(", "));
    if names != ["RESUME", "STOP"] {
        bail!("expected RESUME and STOP");
    }

    let file = File::open(std::env::current_exe()?)?;
    let added = qemu.call(&AddFd::new().opaque("the demo itself")).descriptor(file).run()?;
    println!("  passed a file: QEMU can open it as /dev/fdset/{}", added.fdset_id);
    qemu.call(&QueryFdsets::new()).run()?;

    match qemu.call(&DeviceDel::new("nobody")).run() {
        Err(error) if error.class() == Some(ErrorClass::DeviceNotFound) => println!("  {error}"),
        other => bail!("expected an error of class DeviceNotFound, got {other:?}"),
    }
    qemu.call(&Quit::new()).run()?;
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
    let disk = BlockdevOptions::file(BlockdevOptionsFile::new(image.to_string_lossy()));
    daemon.call(&BlockdevAdd(disk.node_name("disk"))).run()?;
    daemon.call(&QueryNamedBlockNodes::new().flat(true)).run()?;
    match daemon.call(&QueryStatus::new()).run() {
        Err(error) if error.class() == Some(ErrorClass::CommandNotFound) => println!("  {error}"),
        other => bail!("expected an error of class CommandNotFound, got {other:?}"),
    }
    daemon.call(&Quit::new()).run()?;
    server.join()
}

fn agent(bin: &Path, folder: &Path) -> Result<()> {
    let socket = folder.join("qga");
    let _server = Server::agent(bin, &socket)?;

    let agent = connect(qmp_blocking::builder().agent(), &socket)?;
    let info = agent.call(&GuestInfo::new()).run()?;
    println!("  agent {} with {} commands", info.version, info.supported_commands.len());

    let echo = GuestExec::new("/bin/echo").arg(["hello"]).capture_output(true);
    let process = agent.call(&echo).run()?;
    let status = loop {
        let status = agent.call(&GuestExecStatus::new(process.pid)).run()?;
        if status.exited {
            break status;
        }
        sleep(Duration::from_millis(20));
    };
    let output = status.out_data.unwrap_or_default();
    println!("  it printed {:?}", String::from_utf8_lossy(&output));
    if *output != *b"hello\n" {
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

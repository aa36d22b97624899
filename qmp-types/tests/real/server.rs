//! Servers for the tests.

use std::time::Duration;

use conformance::ready;
use conformance::server::{Server, Suite};
use qmp_blocking::Client;
use qmp_types::{
    BlockExportAdd, BlockExportOptions, BlockExportOptionsNbd, BlockdevMirror, MirrorSyncMode,
    NbdServerOptionsLegacy, NbdServerStart, SocketAddressLegacy, UnixSocketAddress,
};
use serde_json::Value;

/// A server and a client that is connected to it.
pub(crate) struct Peer {
    _server: Server,
    client: Client,
}

/// A machine with many kinds of devices, which does not have to boot.
const MACHINE: &[&str] = &[
    "-machine",
    "q35",
    "-m",
    "128M,slots=2,maxmem=1G",
    "-smp",
    "2",
    "-object",
    "iothread,id=io0",
    "-object",
    "throttle-group,id=t0,x-iops-total=100",
    "-object",
    "memory-backend-ram,id=m0,size=16M",
    "-device",
    "pc-dimm,memdev=m0,id=dimm0",
    "-blockdev",
    "null-co,node-name=n0,read-zeroes=on",
    "-blockdev",
    "throttle,node-name=n1,file=n0,throttle-group=t0",
    "-device",
    "virtio-blk-pci,drive=n1,iothread=io0,id=d0",
    "-blockdev",
    "null-co,node-name=n2,size=65536,read-zeroes=on",
    "-device",
    "virtio-scsi-pci,id=s0",
    "-device",
    "scsi-cd,drive=n2,id=cd0,bus=s0.0",
    "-blockdev",
    "null-co,node-name=n3,size=65536,read-zeroes=on",
    "-blockdev",
    "null-co,node-name=n4,size=65536,read-zeroes=on",
    "-device",
    "qemu-xhci,id=x0",
    "-device",
    "usb-tablet,bus=x0.0,id=tablet0",
    "-device",
    "virtio-balloon-pci,id=b0",
    "-device",
    "virtio-net-pci,netdev=net0,id=nic0",
    "-netdev",
    "hubport,hubid=0,id=net0",
    "-chardev",
    "ringbuf,id=r0",
    "-vnc",
    "unix:{}/vnc",
    "-qmp",
    "unix:{}/qmp,server=on,wait=off",
];

impl Peer {
    /// Starts a QEMU without a machine.
    pub(crate) fn qemu(suite: &Suite) -> Self {
        Self::of(suite.qemu())
    }

    /// Starts a QEMU with disks, throttling, an iothread, a DIMM, USB, a display, a job and an export.
    pub(crate) fn machine(suite: &Suite) -> Self {
        Self::busy(suite.qemu_with(MACHINE))
    }

    /// Starts the same, with deprecated and unstable members removed from its replies.
    pub(crate) fn machine_without_deprecated(suite: &Suite) -> Self {
        let compat = ["-compat", "deprecated-output=hide,unstable-output=hide"];
        Self::busy(suite.qemu_with(&[MACHINE, &compat].concat()))
    }

    fn busy(server: Server) -> Self {
        let machine = Self::of(server);
        let address = SocketAddressLegacy::Unix(UnixSocketAddress::new("nbd"));
        let nbd = NbdServerStart(NbdServerOptionsLegacy::new(address));
        machine.client.call(&nbd).run().unwrap();
        let export = BlockExportOptions::nbd("e0", "n2", BlockExportOptionsNbd::new());
        machine.client.call(&BlockExportAdd(export)).run().unwrap();
        // Slow enough to last for the whole test.
        let mirror = BlockdevMirror::new("n3", "n4", MirrorSyncMode::Full).job_id("j0").speed(1);
        machine.client.call(&mirror).run().unwrap();
        machine
    }

    pub(crate) fn daemon(suite: &Suite) -> Self {
        let (server, client) = ready(suite.storage_daemon(qmp_blocking::builder));
        Self { _server: server, client }
    }

    pub(crate) fn agent(suite: &Suite) -> Self {
        let mut server = suite.agent(&[]);
        let client = ready(server.connect(|| qmp_blocking::builder().agent()));
        Self { _server: server, client }
    }

    fn of(mut server: Server) -> Self {
        let client = ready(server.connect(qmp_blocking::builder));
        Self { _server: server, client }
    }

    /// Sends a command and returns its result, or `None` if the connection is lost or there is no reply
    /// within the timeout.
    pub(crate) fn try_send(&self, command: &str, arguments: &Value) -> Option<Result<(), String>> {
        let sent = self.client.execute(command).arguments(arguments);
        match sent.timeout(Duration::from_secs(5)).run() {
            Ok(_) => Some(Ok(())),
            Err(error) => error.failure().map(|it| Err(it.description().to_owned())),
        }
    }

    /// Returns the return value of a command without arguments as text, or the server's error.
    pub(crate) fn query(&mut self, command: &str) -> Result<String, String> {
        self.query_with(command, &Value::Null)
    }

    /// As [`query`](Self::query), for a command with arguments.
    pub(crate) fn query_with(&mut self, command: &str, with: &Value) -> Result<String, String> {
        match self.client.execute(command).arguments(with).run() {
            Ok(reply) => Ok(reply.json().unwrap().as_str().to_owned()),
            Err(error) if error.failure().is_some() => Err(error.to_string()),
            Err(error) => panic!("{command}: {error}"),
        }
    }
}

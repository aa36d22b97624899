//! Servers that are asked.

use conformance::ready;
use conformance::server::{Server, Suite};
use qmp_blocking::Client;

/// A server and a client of it.
pub(crate) struct Asked {
    _server: Server,
    client: Client,
}

/// A machine with some of everything, which nobody has to boot.
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

impl Asked {
    /// A QEMU without a machine.
    pub(crate) fn qemu(suite: &Suite) -> Self {
        Self::of(suite.qemu())
    }

    /// A QEMU with disks, throttling, an iothread, a DIMM, USB, a display and the like.
    pub(crate) fn machine(suite: &Suite) -> Self {
        Self::of(suite.qemu_with(MACHINE))
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

    /// The value that a command without arguments returns, as text; or the server's error.
    pub(crate) fn ask(&mut self, command: &str) -> Result<String, String> {
        match self.client.execute(command).run() {
            Ok(reply) => Ok(reply.json().unwrap().as_str().to_owned()),
            Err(error) if error.failure().is_some() => Err(error.to_string()),
            Err(error) => panic!("{command}: {error}"),
        }
    }
}

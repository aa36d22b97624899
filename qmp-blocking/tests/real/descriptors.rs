//! Files that are passed to QEMU.

use std::fs::File;
use std::io::Read;
use std::os::unix::net::UnixStream;

use qmp_blocking::{Client, ErrorClass};
use serde_json::{Value, json};

use crate::server::{Clients, Server, Suite};
use crate::slow::Slow;

conformance::on_every_qemu!(
    each_command_gets_its_own_file,
    our_copy_is_closed_once_it_has_left,
    a_named_descriptor_is_used,
    an_error_answer_leaves_the_connection_usable,
);

/// A file of so many sectors.
fn file(server: &Server, sectors: u64) -> File {
    let path = server.path(&format!("sectors{sectors}"));
    let file = File::create(&path).unwrap();
    file.set_len(sectors * 512).unwrap();
    File::open(path).unwrap()
}

/// The size of the file behind a set, as QEMU sees it.
fn sectors(qemu: &Client, set: u64) -> u64 {
    let node = format!("node{set}");
    let name = format!("/dev/fdset/{set}");
    qemu.execute("blockdev-add")
        .arguments(
            json!({"driver": "file", "filename": name, "read-only": true, "node-name": node}),
        )
        .run()
        .unwrap();
    let nodes = qemu.execute("query-named-block-nodes").run().unwrap();
    let nodes: Vec<Value> = nodes.decode().unwrap();
    let found = nodes.iter().find(|found| found["node-name"] == node).unwrap();
    let size = found["image"]["virtual-size"].as_u64().unwrap();
    qemu.execute("blockdev-del").argument("node-name", &node).run().unwrap();
    size / 512
}

/// Also where QEMU, busy with something else, has read all of them before it runs the first.
fn each_command_gets_its_own_file(suite: &Suite) {
    for out_of_band in [false, true] {
        let mut server = suite.qemu();
        let qemu = server.client_of(|| match out_of_band {
            true => qmp_blocking::builder().out_of_band(),
            false => qmp_blocking::builder(),
        });
        let slow = Slow::new(server.folder());
        let saving = slow.command(&qemu).send().unwrap();
        // The second waits until the first is answered, so somebody has to let the slow one end.
        let added = std::thread::scope(|scope| {
            scope.spawn(|| slow.finish());
            [11, 22, 33, 44].map(|set| {
                qemu.execute("add-fd")
                    .argument("fdset-id", set)
                    .argument("opaque", format!("file {set}"))
                    .descriptor(file(&server, set))
                    .send()
                    .unwrap()
            })
        });
        for (set, sent) in [11, 22, 33, 44].into_iter().zip(added) {
            let answer: Value = sent.recv().unwrap().decode().unwrap();
            assert_eq!(answer["fdset-id"], set);
        }
        saving.recv().unwrap();
        let sets: Vec<Value> = qemu.execute("query-fdsets").run().unwrap().decode().unwrap();
        assert_eq!(sets.len(), 4);
        for set in sets {
            let number = set["fdset-id"].as_u64().unwrap();
            assert_eq!(set["fds"][0]["opaque"], format!("file {number}"));
            assert_eq!(sectors(&qemu, number), number, "out of band: {out_of_band}");
        }
    }
}

/// Whoever reads from the other end of a socket pair sees it end when QEMU closes its copy.
fn our_copy_is_closed_once_it_has_left(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let (mut reader, writer) = UnixStream::pair().unwrap();
    qemu.execute("getfd").argument("fdname", "pipe").descriptor(writer).run().unwrap();
    qemu.execute("closefd").argument("fdname", "pipe").run().unwrap();
    assert_eq!(reader.read(&mut [0]).unwrap(), 0);
    let again = qemu.execute("closefd").argument("fdname", "pipe").run();
    assert_eq!(again.unwrap_err().class(), Some(ErrorClass::GenericError));
}

fn a_named_descriptor_is_used(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let (mut reader, writer) = UnixStream::pair().unwrap();
    qemu.execute("getfd").argument("fdname", "out").descriptor(writer).run().unwrap();
    qemu.execute("migrate").argument("uri", "fd:out").run().unwrap();
    let mut start = [0; 4];
    reader.read_exact(&mut start).unwrap();
    assert_eq!(&start, b"QEVM");
}

fn an_error_answer_leaves_the_connection_usable(suite: &Suite) {
    let mut server = suite.qemu();
    let qemu = server.client();
    let none = qemu.execute("getfd").argument("fdname", "x").run().unwrap_err();
    assert!(none.to_string().contains("No file descriptor supplied"), "{none}");
    for _ in 0..5 {
        // A set's number is not negative: QEMU closes the file.
        let (mut reader, writer) = UnixStream::pair().unwrap();
        let add = qemu.execute("add-fd").argument("fdset-id", -1).descriptor(writer);
        let error = add.run().unwrap_err();
        assert_eq!(error.class(), Some(ErrorClass::GenericError), "{error}");
        assert_eq!(reader.read(&mut [0]).unwrap(), 0);
        qemu.execute("add-fd").argument("fdset-id", 7).descriptor(file(&server, 7)).run().unwrap();
        assert_eq!(sectors(&qemu, 7), 7);
        qemu.execute("remove-fd").argument("fdset-id", 7).run().unwrap();
    }
}

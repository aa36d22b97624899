//! Where in the stream a descriptor travels.

use std::fs::File;
use std::io::{IoSliceMut, Read, Seek, Write};
use std::mem::MaybeUninit;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::sync::mpsc;

use qmp_blocking::{ErrorKind, Outcome};
use rustix::net::{RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, recvmsg};

use crate::peer::{connect, id};

/// What one call receives: the bytes, and the descriptors with them.
fn receive(stream: &UnixStream, most: usize) -> (Vec<u8>, Vec<OwnedFd>) {
    let mut bytes = vec![0; most];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(16))];
    let mut ancillary = RecvAncillaryBuffer::new(&mut space);
    let mut into = [IoSliceMut::new(&mut bytes)];
    let received = recvmsg(stream, &mut into, &mut ancillary, RecvFlags::empty()).unwrap();
    let mut descriptors = Vec::new();
    for message in ancillary.drain() {
        if let RecvAncillaryMessage::ScmRights(rights) = message {
            descriptors.extend(rights);
        }
    }
    bytes.truncate(received.bytes);
    (bytes, descriptors)
}

fn file(text: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.rewind().unwrap();
    file
}

fn content(descriptor: OwnedFd) -> String {
    let mut text = String::new();
    File::from(descriptor).read_to_string(&mut text).unwrap();
    text
}

/// Bytes before it are still unsent, for the socket is full.
#[test]
fn a_descriptor_leaves_with_the_first_byte_of_its_command() {
    let (stop, stopped) = mpsc::channel::<()>();
    let client = connect(move |mut peer| {
        stopped.recv().unwrap_err();
        let mut stream = Vec::new();
        let mut with = Vec::new();
        while !stream.ends_with(b"\"id\":2}") {
            // As QEMU does; more at once would not tell which byte it came with.
            let (byte, descriptors) = receive(peer.stream(), 1);
            let descriptors = descriptors.into_iter();
            with.extend(descriptors.map(|descriptor| (stream.len(), content(descriptor))));
            stream.extend(byte);
        }
        let [(at, text)] = with.as_slice() else { panic!("{with:?}") };
        assert_eq!(text, "the file");
        let rest = &stream[*at..];
        assert!(rest.starts_with(b"{\"execute\":\"add-fd\""), "at {at} of {}", stream.len());
        for id in 0..3 {
            peer.send(&format!("{{\"return\": {{}}, \"id\": {id}}}\r\n"));
        }
    });
    let long = "x".repeat(400_000);
    let first = client.execute("log").argument("text", &long).send().unwrap();
    let second = client.execute("add-fd").descriptor(file("the file")).send().unwrap();
    let third = client.execute("query").send().unwrap();
    drop(stop);
    for sent in [first, second, third] {
        sent.recv().unwrap();
    }
}

#[test]
fn descriptors_take_turns() {
    let (received, order) = mpsc::channel();
    let client = connect(move |mut peer| {
        for _ in 0..3 {
            let (bytes, mut descriptors) = receive(peer.stream(), 1000);
            let command = String::from_utf8(bytes).unwrap();
            // Nothing else is in the stream before this one is answered.
            assert_eq!(command.matches("execute").count(), 1, "{command}");
            received.send(content(descriptors.pop().unwrap())).unwrap();
            assert!(descriptors.is_empty());
            peer.answer(&command, "{}");
        }
    });
    let sent =
        ["a", "b", "c"].map(|text| client.execute("add-fd").descriptor(file(text)).send().unwrap());
    for sent in sent {
        sent.recv().unwrap();
    }
    assert_eq!(order.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
}

#[test]
fn a_descriptor_that_has_no_turn_in_time_is_not_sent() {
    let (stop, stopped) = mpsc::channel::<()>();
    let client = connect(move |mut peer| {
        let (bytes, _) = receive(peer.stream(), 1000);
        let _ = stopped.recv();
        let command = String::from_utf8(bytes).unwrap();
        peer.send(&format!("{{\"return\": {{}}, \"id\": {}}}\r\n", id(&command)));
        let (bytes, descriptors) = receive(peer.stream(), 1000);
        assert_eq!(descriptors.len(), 0);
        peer.answer(&String::from_utf8(bytes).unwrap(), "{}");
    });
    let first = client.execute("add-fd").descriptor(file("1")).send().unwrap();
    let moment = std::time::Duration::from_millis(30);
    let second = client.execute("add-fd").descriptor(file("2")).timeout(moment);
    let error = second.send().unwrap_err();
    assert!(error.is_timeout(), "{error}");
    assert_eq!(error.outcome(), Outcome::NotSent);
    drop(stop);
    first.recv().unwrap();
    client.execute("query").run().unwrap();
}

#[test]
fn no_other_stream_carries_descriptors() {
    let socket = crate::peer::pair(|mut peer| {
        peer.greet();
        let command = peer.receive();
        peer.answer(&command, "{}");
    });
    let stream = qmp_blocking::BlockingStream::new(socket.0);
    let client = qmp_blocking::builder().connect_over(stream, "peer").unwrap();
    let error = client.execute("getfd").descriptor(file("x")).run().unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::DescriptorsUnsupported), "{error}");
    client.execute("query").run().unwrap();
}

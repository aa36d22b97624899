//! File descriptors sent with commands.

use std::fs::File;
use std::io::{Read, Seek, SeekFrom, Write};

use qmp_mock::Mock;
use serde_json::json;

fn text_in(received: &qmp_mock::ReceivedCommand) -> String {
    let mut text = String::new();
    let descriptor = received.descriptor().unwrap().try_clone_to_owned().unwrap();
    File::from(descriptor).read_to_string(&mut text).unwrap();
    text
}

fn file_with(text: &str) -> File {
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(text.as_bytes()).unwrap();
    file.seek(SeekFrom::Start(0)).unwrap();
    file
}

#[test]
fn getfd_takes_the_descriptor_and_the_test_can_read_it() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let name = json!({"fdname": "f"});
    qemu.execute("getfd").arguments(&name).descriptor(file_with("hello")).run().unwrap();
    assert_eq!(text_in(&mock.wait_for("getfd")), "hello");
}

#[test]
fn takes_descriptor_receives_a_descriptor() {
    let mock = Mock::monitor();
    mock.on("x-take").takes_descriptor();
    mock.on("x-leave");
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    qemu.execute("x-take").descriptor(file_with("for x")).run().unwrap();
    assert_eq!(text_in(&mock.wait_for("x-take")), "for x");
    qemu.execute("x-leave").descriptor(file_with("")).run().unwrap();
    assert!(mock.wait_for("x-leave").descriptor().is_none());
}

#[test]
fn without_a_descriptor_getfd_fails_as_in_qemu() {
    let mock = Mock::monitor();
    let qemu = qmp_blocking::connect(mock.address()).unwrap();
    let error = qemu.execute("getfd").arguments(json!({"fdname": "f"})).run().unwrap_err();
    let said = error.failure().unwrap().description();
    assert_eq!(said, "No file descriptor supplied via SCM_RIGHTS");
}

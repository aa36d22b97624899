//! Files in the guest.

use std::time::Duration;

use qmp_tokio::types::qga::{
    GuestFileClose, GuestFileFlush, GuestFileOpen, GuestFileRead, GuestFileSeek, GuestFileWrite,
    GuestPing, QGASeek,
};
use qmp_tokio::{Client, ErrorClass, ErrorKind, Outcome};

use crate::guest::Guest;
use crate::server::PLENTY;

on_every_guest!(
    files_go_there_and_come_back,
    a_write_that_is_late_is_done_all_the_same,
    writes_of_two_tasks_are_all_answered,
);

/// All bytes, in an order that does not repeat.
fn content(length: usize) -> Vec<u8> {
    let mut number = 1_u32;
    let bytes = (0..length).map(|_| {
        number = number.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        number.to_be_bytes()[0]
    });
    bytes.collect()
}

async fn open(agent: &Client, mode: &str) -> i64 {
    agent.call(&GuestFileOpen::new("/tmp/file").mode(mode)).await.unwrap()
}

async fn read(agent: &Client, handle: i64, count: usize) -> (Vec<u8>, bool) {
    let read = GuestFileRead::new(handle).count(count as i64);
    let read = agent.call(&read).timeout(PLENTY).await.unwrap();
    (read.buf_b64.into_vec(), read.eof)
}

async fn rewind(agent: &Client, handle: i64) {
    agent.call(&GuestFileSeek::new(handle, 0, QGASeek::Set)).timeout(PLENTY).await.unwrap();
}

async fn close(agent: &Client, handle: i64) {
    agent.call(&GuestFileClose::new(handle)).await.unwrap();
}

async fn files_go_there_and_come_back(guest: Guest) {
    let agent = &guest.agent;
    let content = content(4 << 20);
    let handle = open(agent, "w+").await;
    for part in content.chunks(1 << 20) {
        let write = GuestFileWrite::new(handle, part);
        let written = agent.call(&write).timeout(PLENTY).await.unwrap();
        assert_eq!(written.count, part.len() as i64);
    }
    agent.call(&GuestFileFlush::new(handle)).await.unwrap();
    close(agent, handle).await;

    // Two readers at once, with answers of some megabytes and of some kilobytes.
    let (whole, parts) = (open(agent, "r").await, open(agent, "r").await);
    let in_parts = async {
        let mut found = Vec::new();
        loop {
            let (bytes, end) = read(agent, parts, 100_000).await;
            found.extend(bytes);
            if end {
                return found;
            }
        }
    };
    let ((at_once, _), in_parts) = tokio::join!(read(agent, whole, content.len()), in_parts);
    assert!(at_once == content && in_parts == content);
    close(agent, whole).await;
    close(agent, parts).await;

    let closed = agent.call(&GuestFileClose::new(parts)).await.unwrap_err();
    assert_eq!(closed.class(), Some(ErrorClass::GenericError), "{closed}");
}

/// The machine is stopped while it is sent more than any buffer on the way holds.
async fn a_write_that_is_late_is_done_all_the_same(guest: Guest) {
    let agent = &guest.agent;
    let content = content(6 << 20);
    let handle = open(agent, "w+").await;
    guest.qemu.execute("stop").await.unwrap();
    let write = GuestFileWrite::new(handle, content.as_slice());
    let error = agent.call(&write).timeout(Duration::from_millis(300)).await.unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::NoReply { .. }), "{error:#?}");
    assert_eq!(error.outcome(), Outcome::Unknown);
    let text = error.to_string();
    assert!(text.starts_with("guest-file-write: no answer in "), "{text}");
    assert!(text.contains(&*agent.peer()), "{text}");
    assert!(text.ends_with("the command was sent, and its outcome is unknown"), "{text}");

    guest.qemu.execute("cont").await.unwrap();
    rewind(agent, handle).await;
    assert_eq!(agent.in_flight(), 0, "the late answer was swallowed");
    assert!(read(agent, handle, content.len()).await.0 == content);
}

/// With 4096 bytes of commands unanswered, an agent on virtio-serial does the work and loses answers.
async fn writes_of_two_tasks_are_all_answered(guest: Guest) {
    let agent = &guest.agent;
    let content = content(3000);
    let handle = open(agent, "w+").await;
    let write = GuestFileWrite::new(handle, content.as_slice());
    let task = async || {
        for _ in 0..50 {
            let written = agent.call(&write).timeout(PLENTY).await.unwrap();
            assert_eq!(written.count, content.len() as i64);
        }
    };
    let small = async {
        for _ in 0..200 {
            agent.call(&GuestPing::new()).timeout(PLENTY).await.unwrap();
        }
    };
    tokio::join!(task(), task(), small);
    rewind(agent, handle).await;
    assert!(read(agent, handle, 100 * content.len()).await.0 == content.repeat(100));
}

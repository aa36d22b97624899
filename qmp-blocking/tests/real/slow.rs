//! A command that takes as long as a test wants.

use std::fs::File;
use std::io::Read;
use std::sync::Mutex;

use qmp_blocking::{Client, Execute, Socket, Untyped};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{CWD, FileType, Mode, OFlags};

use crate::server::{Folder, wait_until};

/// More than a pipe holds.
const SIZE: usize = 256 * 1024;

/// Memory saved into a pipe: QEMU waits, its main loop too, until somebody reads all of it.
#[derive(Debug)]
pub(crate) struct Slow {
    path: String,
    /// Opened for the command that runs.
    reader: Mutex<Option<File>>,
}

impl Slow {
    pub(crate) fn new(folder: &Folder) -> Self {
        let path = folder.name("pipe");
        rustix::fs::mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        Self { path, reader: Mutex::default() }
    }

    /// The command.
    pub(crate) fn command<'c>(&self, qemu: &'c Client) -> Execute<'c, Socket, Untyped> {
        qemu.execute("pmemsave")
            .argument("val", 0)
            .argument("size", SIZE)
            .argument("filename", &self.path)
    }

    /// Waits until the command runs.
    pub(crate) fn begun(&self) {
        let mut reader = self.reader.lock().unwrap();
        wait_for_bytes(reader.get_or_insert_with(|| self.open()));
    }

    /// Lets the command come to its end, once it runs. Then it can be sent again.
    pub(crate) fn finish(&self) {
        let reader = self.reader.lock().unwrap().take();
        let mut reader = reader.unwrap_or_else(|| self.open());
        let mut left = SIZE;
        while left > 0 {
            wait_for_bytes(&reader);
            left -= reader.read(&mut vec![0; left]).unwrap();
        }
    }

    fn open(&self) -> File {
        let mode = OFlags::RDONLY | OFlags::NONBLOCK | OFlags::CLOEXEC;
        rustix::fs::open(&self.path, mode, Mode::empty()).unwrap().into()
    }
}

fn wait_for_bytes(pipe: &File) {
    wait_until("the slow command runs", || {
        let mut pipe = [PollFd::new(pipe, PollFlags::IN)];
        let moment = Timespec { tv_sec: 1, tv_nsec: 0 };
        poll(&mut pipe, Some(&moment)).unwrap();
        pipe[0].revents().contains(PollFlags::IN)
    });
}

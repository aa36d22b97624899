//! The standard error of a program.

use std::collections::VecDeque;
use std::io;
use std::process::ChildStderr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::thread;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// How many lines are shown.
const MOST_LINES: usize = 64;
const MOST_BYTES: usize = 16 << 10;

/// How many bytes are kept. It is more than is shown, because lines can be long.
const KEPT: usize = 64 << 10;

/// The end of the data from a pipe. A thread reads the pipe, because a program blocks when it
/// writes to a full one. The thread ends when the last writer has closed its end.
#[derive(Debug)]
pub(super) struct Diagnostics(Arc<Pipe>);

#[derive(Debug)]
struct Pipe {
    /// In nonblocking mode.
    end: ChildStderr,
    kept: Mutex<Kept>,
}

/// The last bytes that were read.
#[derive(Debug, Default)]
struct Kept {
    bytes: VecDeque<u8>,
    /// Whether older bytes were dropped.
    is_cut: bool,
}

impl Diagnostics {
    pub(super) fn new(end: ChildStderr) -> io::Result<Self> {
        rustix::io::ioctl_fionbio(&end, true)?;
        let pipe = Arc::new(Pipe { end, kept: Mutex::default() });
        let ours = Arc::clone(&pipe);
        let thread = thread::Builder::new().name("qmp stderr".to_owned());
        thread.spawn(move || ours.empty_until_closed())?;
        Ok(Self(pipe))
    }

    /// Returns the last complete lines of what was written before this call.
    pub(super) fn tail(&self) -> String {
        self.0.empty().0.tail()
    }
}

impl Pipe {
    fn empty_until_closed(&self) {
        loop {
            match poll(&mut [PollFd::new(&self.end, PollFlags::IN)], None) {
                Ok(_) => {}
                Err(Errno::INTR) => continue,
                Err(_) => return,
            }
            if self.empty().1 {
                return;
            }
        }
    }

    /// Reads everything that is in the pipe. Returns whether the pipe has ended.
    fn empty(&self) -> (MutexGuard<'_, Kept>, bool) {
        // Under the lock, so that data that one thread has read is stored before another thread
        // reads.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let mut room = [0; 4096];
        // Limited, because a program that writes continuously must not keep the caller here.
        for _ in 0..KEPT / room.len() {
            match rustix::io::read(&self.end, &mut room) {
                Ok(0) => return (kept, true),
                Ok(count) => kept.push(&room[..count]),
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) => break,
                Err(_) => return (kept, true),
            }
        }
        (kept, false)
    }
}

impl Kept {
    fn push(&mut self, bytes: &[u8]) {
        let excess = (self.bytes.len() + bytes.len()).saturating_sub(KEPT);
        self.is_cut |= excess > 0;
        self.bytes.drain(..excess.min(self.bytes.len()));
        self.bytes.extend(bytes);
    }

    fn tail(&self) -> String {
        let start = self.bytes.len().saturating_sub(MOST_BYTES);
        let bytes: Vec<u8> = self.bytes.range(start..).copied().collect();
        let text = String::from_utf8_lossy(&bytes);
        let whole = match text.split_once('\n') {
            Some((_partial, whole)) if (start > 0 || self.is_cut) && !whole.is_empty() => whole,
            _ => &text,
        };
        let whole = whole.trim_end();
        let beginnings = whole.rmatch_indices('\n').map(|(end, _)| end + 1);
        let first = beginnings.take(MOST_LINES).nth(MOST_LINES - 1).unwrap_or(0);
        whole[first..].to_owned()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tail_of(text: &str) -> String {
        let mut kept = Kept::default();
        // In pieces, as they arrive from a pipe.
        text.as_bytes().chunks(1000).for_each(|piece| kept.push(piece));
        assert!(kept.bytes.len() <= KEPT);
        kept.tail()
    }

    #[test]
    fn little_is_shown_whole_and_without_its_last_line_end() {
        assert_eq!(tail_of(""), "");
        assert_eq!(tail_of("one"), "one");
        assert_eq!(tail_of("one\n\n  two\r\n\n"), "one\n\n  two");
        assert_eq!(
            Kept { bytes: b"two \xff\n".to_vec().into(), is_cut: false }.tail(),
            "two \u{fffd}"
        );
    }

    #[test]
    fn of_much_the_last_lines_are_shown() {
        let lines: Vec<_> = (0..100).map(|number| number.to_string()).collect();
        assert_eq!(tail_of(&lines.join("\n")), lines[36..].join("\n"));
        assert_eq!(tail_of(&lines[36..].join("\n")), lines[36..].join("\n"));
        assert_eq!(tail_of(&lines[35..].join("\n")), lines[36..].join("\n"));
    }

    #[test]
    fn of_long_lines_the_last_whole_ones_are_shown() {
        let long = "x".repeat(10 << 10);
        assert_eq!(tail_of(&format!("{long}\n{long}\nend\n")), format!("{long}\nend"));
        let one = "y".repeat(20 << 10);
        assert_eq!(tail_of(&one), one[4 << 10..]);
        assert_eq!(tail_of(&format!("{one}\n")), one[(4 << 10) + 1..]);
        let longest = "z".repeat(200 << 10);
        assert_eq!(tail_of(&format!("{longest}\nend\n")), "end");
    }
}

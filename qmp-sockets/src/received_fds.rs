//! File descriptors that were received and not yet taken by a command.

use std::collections::VecDeque;
use std::os::fd::OwnedFd;

/// The maximum number of waiting descriptors. QEMU keeps one.
const MOST: usize = 16;

/// File descriptors that were received from a client, until commands take them.
///
/// [`receive_with_descriptor`](crate::receive_with_descriptor) cannot determine which of the bytes
/// that it read a descriptor belongs to. So a descriptor can be taken by any command that ends
/// after the beginning of that read; commands that take none are skipped. QEMU does the same,
/// except that a new descriptor replaces the previous one immediately. Here, where commands may be
/// answered in any order, descriptors wait.
///
/// ```
/// use qmp_sockets::ReceivedFds;
///
/// # fn main() -> std::io::Result<()> {
/// let mut arrivals = ReceivedFds::default();
/// # let descriptor = std::os::fd::OwnedFd::from(std::os::unix::net::UnixStream::pair()?.0);
/// // 100 bytes had been read before, and now more came, with a descriptor.
/// arrivals.push(100, descriptor);
/// assert!(arrivals.take(100, true).is_none(), "a command that had ended by then");
/// assert!(arrivals.take(130, true).is_some(), "one that ended later");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Default)]
pub struct ReceivedFds(VecDeque<(u64, OwnedFd)>);

impl ReceivedFds {
    /// Adds a descriptor that was received in a read that began at position `start` of the stream.
    /// Returns the oldest descriptor, to be closed, if more than 16 are waiting.
    pub fn push(&mut self, start: u64, descriptor: OwnedFd) -> Option<OwnedFd> {
        self.0.push_back((start, descriptor));
        let oldest = if self.0.len() > MOST { self.0.pop_front() } else { None };
        oldest.map(|(_, descriptor)| descriptor)
    }

    /// Takes the newest descriptor that can belong to a command that ends at position `end` of the
    /// stream. If it is the `only` unanswered command, older descriptors can no longer be taken and
    /// are closed.
    pub fn take(&mut self, end: u64, only: bool) -> Option<OwnedFd> {
        let newest = self.0.iter().rposition(|(start, _)| *start < end)?;
        let (_, descriptor) = self.0.remove(newest)?;
        if only {
            self.0.drain(..newest);
        }
        Some(descriptor)
    }
}

#[cfg(test)]
mod tests {
    use std::os::fd::AsRawFd;

    use super::*;

    fn descriptor() -> (i32, OwnedFd) {
        let descriptor = OwnedFd::from(tempfile::tempfile().unwrap());
        (descriptor.as_raw_fd(), descriptor)
    }

    fn number(descriptor: Option<OwnedFd>) -> Option<i32> {
        descriptor.map(|descriptor| descriptor.as_raw_fd())
    }

    #[test]
    fn each_of_two_commands_gets_its_own_in_either_order() {
        for later_first in [false, true] {
            let mut arrivals = ReceivedFds::default();
            let ((one, first), (two, second)) = (descriptor(), descriptor());
            assert!(arrivals.push(0, first).is_none());
            assert!(arrivals.push(50, second).is_none());
            if later_first {
                assert_eq!(number(arrivals.take(100, false)), Some(two));
                assert_eq!(number(arrivals.take(50, true)), Some(one));
            } else {
                assert_eq!(number(arrivals.take(50, false)), Some(one));
                assert_eq!(number(arrivals.take(100, true)), Some(two));
            }
        }
    }

    #[test]
    fn one_that_nobody_took_serves_a_later_command_but_not_after_a_newer_one() {
        let mut arrivals = ReceivedFds::default();
        let ((one, first), (two, second), (_, third)) = (descriptor(), descriptor(), descriptor());
        arrivals.push(0, first);
        assert_eq!(number(arrivals.take(500, true)), Some(one));
        arrivals.push(600, third);
        arrivals.push(700, second);
        assert_eq!(number(arrivals.take(800, true)), Some(two));
        assert!(arrivals.take(900, true).is_none());
    }

    #[test]
    fn a_flood_of_them_is_closed_from_the_oldest_on() {
        let mut arrivals = ReceivedFds::default();
        let numbers: Vec<i32> = (0..MOST as u64 + 3)
            .filter_map(|place| {
                let (number, descriptor) = descriptor();
                let closed = arrivals.push(place, descriptor)?;
                assert_ne!(closed.as_raw_fd(), number);
                Some(closed.as_raw_fd())
            })
            .collect();
        assert_eq!((numbers.len(), arrivals.0.len()), (3, MOST));
    }
}

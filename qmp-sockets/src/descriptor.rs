//! Sending, receiving and inheriting file descriptors.

use std::io::{self, IoSlice, IoSliceMut};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd, RawFd};

use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};

use crate::raw;

/// A write to a closed connection returns an error and raises no signal.
#[cfg(not(target_vendor = "apple"))]
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::NOSIGNAL;
/// Apple's systems use a socket option instead, which is set when a socket is created.
#[cfg(target_vendor = "apple")]
pub(crate) const NO_SIGNAL: SendFlags = SendFlags::empty();

/// Writes `bytes` to a unix socket with a file descriptor attached, and returns how many bytes were
/// written.
///
/// The descriptor is attached to the first byte. It was sent if at least one byte was written, so
/// the rest of a partly written message has to be sent **without** it: otherwise the receiver gets
/// a second descriptor. The receiver gets a duplicate, and the original stays open.
///
/// # Errors
///
/// Returns `InvalidInput` if `bytes` is empty, `WouldBlock` if a nonblocking socket is full, and
/// otherwise the operating system's error. After an error nothing was sent, including the
/// descriptor.
pub fn send_with_descriptor(
    socket: impl AsFd,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> io::Result<usize> {
    send(socket.as_fd(), bytes, descriptor, NO_SIGNAL)
}

/// As [`send_with_descriptor`], without blocking whatever the mode of the socket.
///
/// # Errors
///
/// As [`send_with_descriptor`].
pub fn try_send_with_descriptor(
    socket: impl AsFd,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
) -> io::Result<usize> {
    send(socket.as_fd(), bytes, descriptor, NO_SIGNAL | SendFlags::DONTWAIT)
}

fn send(
    socket: BorrowedFd<'_>,
    bytes: &[u8],
    descriptor: BorrowedFd<'_>,
    flags: SendFlags,
) -> io::Result<usize> {
    if bytes.is_empty() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "a descriptor needs a byte to be sent with",
        ));
    }
    let descriptors = [descriptor];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    if !control.push(SendAncillaryMessage::ScmRights(&descriptors)) {
        return Err(io::Error::other("no space for the descriptor"));
    }
    let bytes = [IoSlice::new(bytes)];
    let sent = rustix::io::retry_on_intr(|| sendmsg(socket, &bytes, &mut control, flags))?;
    Ok(sent)
}

/// How many descriptors of one message are accepted, as in QEMU. All but the first are closed, and
/// the operating system closes those beyond this number.
const MOST_RECEIVED: usize = 16;

#[cfg(not(target_vendor = "apple"))]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::CMSG_CLOEXEC;
/// Apple's systems have no such flag; close-on-exec is set afterwards.
#[cfg(target_vendor = "apple")]
const CLOSED_ON_EXEC: RecvFlags = RecvFlags::empty();

/// Reads from a unix socket, and returns how many bytes were read and the file descriptor that was
/// received with them, if any. 0 bytes mean the end of the stream.
///
/// The descriptor belongs to one of these bytes, and it is not known which: a read ends after the
/// message that the descriptor was sent with, but it may begin before that message. If there are
/// several descriptors, the first is returned and the others are closed, as in QEMU. The descriptor
/// is close-on-exec.
///
/// # Errors
///
/// Returns `WouldBlock` if there is nothing to read from a nonblocking socket, and otherwise the
/// operating system's error.
pub fn receive_with_descriptor(
    socket: impl AsFd,
    room: &mut [u8],
) -> io::Result<(usize, Option<OwnedFd>)> {
    receive(socket.as_fd(), room, CLOSED_ON_EXEC)
}

/// As [`receive_with_descriptor`], without blocking whatever the mode of the socket.
///
/// # Errors
///
/// As [`receive_with_descriptor`].
pub fn try_receive_with_descriptor(
    socket: impl AsFd,
    room: &mut [u8],
) -> io::Result<(usize, Option<OwnedFd>)> {
    receive(socket.as_fd(), room, CLOSED_ON_EXEC | RecvFlags::DONTWAIT)
}

fn receive(
    socket: BorrowedFd<'_>,
    room: &mut [u8],
    flags: RecvFlags,
) -> io::Result<(usize, Option<OwnedFd>)> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(MOST_RECEIVED))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut room = [IoSliceMut::new(room)];
    let received = rustix::io::retry_on_intr(|| recvmsg(socket, &mut room, &mut control, flags))?;
    let mut first = None;
    for message in control.drain() {
        if let RecvAncillaryMessage::ScmRights(descriptors) = message {
            // The other descriptors are closed by dropping them.
            for descriptor in descriptors {
                first.get_or_insert(descriptor);
            }
        }
    }
    #[cfg(target_vendor = "apple")]
    if let Some(descriptor) = &first {
        rustix::io::fcntl_setfd(descriptor, rustix::io::FdFlags::CLOEXEC)?;
    }
    Ok((received.bytes, first))
}

/// Duplicates the file descriptor with this number, which the process has inherited.
///
/// The original stays open, because other parts of the process may use it. The duplicate is
/// close-on-exec.
///
/// # Errors
///
/// Returns an error if no file descriptor with this number is open.
pub fn duplicate_inherited(number: u32) -> io::Result<OwnedFd> {
    let number = RawFd::try_from(number).map_err(|_| rustix::io::Errno::BADF)?;
    raw::duplicate(number)
}

#[cfg(test)]
mod tests {
    use std::io::{Read, Seek, Write};
    use std::os::fd::AsRawFd;
    use std::os::unix::net::UnixStream;

    use rustix::io::{FdFlags, fcntl_getfd};

    use super::*;

    fn receive(socket: &UnixStream, room: usize) -> (Vec<u8>, Option<OwnedFd>) {
        let mut bytes = vec![0; room];
        let (count, descriptor) = receive_with_descriptor(socket, &mut bytes).unwrap();
        bytes.truncate(count);
        (bytes, descriptor)
    }

    fn open_descriptors() -> usize {
        std::fs::read_dir("/dev/fd").unwrap().count()
    }

    #[test]
    fn a_descriptor_arrives_with_the_first_byte_and_shows_the_same_file() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(b"disk").unwrap();
        file.rewind().unwrap();

        assert_eq!(send_with_descriptor(&ours, b"{\"execute\"", file.as_fd()).unwrap(), 10);
        let (bytes, descriptor) = receive(&theirs, 1);
        assert_eq!(bytes, b"{");
        let descriptor = descriptor.unwrap();
        assert!(fcntl_getfd(&descriptor).unwrap().contains(FdFlags::CLOEXEC));
        let mut content = String::new();
        std::fs::File::from(descriptor).read_to_string(&mut content).unwrap();
        assert_eq!(content, "disk");

        let (bytes, descriptor) = receive(&theirs, 100);
        assert_eq!(bytes, b"\"execute\"");
        assert!(descriptor.is_none());
    }

    #[test]
    fn reading_stops_behind_the_message_that_a_descriptor_came_with() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        (&ours).write_all(b"one").unwrap();
        send_with_descriptor(&ours, b"two", ours.as_fd()).unwrap();
        (&ours).write_all(b"three").unwrap();
        let (bytes, descriptor) = receive(&theirs, 100);
        assert_eq!((&bytes[..], descriptor.is_some()), (&b"onetwo"[..], true));
        let (bytes, descriptor) = receive(&theirs, 100);
        assert_eq!((&bytes[..], descriptor.is_some()), (&b"three"[..], false));
    }

    #[test]
    fn of_several_descriptors_the_first_is_kept_and_the_others_are_closed() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        let files: Vec<_> = (0..20_u8)
            .map(|number| {
                let mut file = tempfile::tempfile().unwrap();
                file.write_all(&[number]).unwrap();
                file.rewind().unwrap();
                file
            })
            .collect();
        let descriptors: Vec<_> = files.iter().map(AsFd::as_fd).collect();
        let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(20))];
        let mut control = SendAncillaryBuffer::new(&mut space);
        assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
        sendmsg(&ours, &[IoSlice::new(b"x")], &mut control, NO_SIGNAL).unwrap();

        let before = open_descriptors();
        let (_, descriptor) = receive(&theirs, 100);
        let mut content = Vec::new();
        std::fs::File::from(descriptor.unwrap()).read_to_end(&mut content).unwrap();
        assert_eq!(content, [0]);
        // Other tests open and close descriptors meanwhile, but not this many.
        assert!(open_descriptors() < before + 15, "they were left open");
    }

    #[test]
    fn a_descriptor_without_a_byte_is_refused() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let error = send_with_descriptor(&ours, b"", ours.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
    }

    #[test]
    fn a_closed_peer_is_an_error_and_no_signal() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        drop(theirs);
        let error = send_with_descriptor(&ours, b"x", ours.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::BrokenPipe);
    }

    #[test]
    fn a_full_socket_would_block_and_keeps_the_descriptor() {
        let (ours, theirs) = UnixStream::pair().unwrap();
        ours.set_nonblocking(true).unwrap();
        let mut filled = 0;
        while let Ok(count) = (&ours).write(&[b' '; 4096]) {
            filled += count;
        }
        let error = send_with_descriptor(&ours, b"x", ours.as_fd()).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::WouldBlock);
        drop(ours);
        let mut read = 0;
        loop {
            let (bytes, descriptor) = receive(&theirs, 4096);
            assert!(descriptor.is_none());
            read += bytes.len();
            if bytes.is_empty() {
                break;
            }
        }
        assert_eq!(read, filled);
    }

    #[test]
    fn an_inherited_descriptor_is_duplicated_and_left_open() {
        let (ours, mut theirs) = UnixStream::pair().unwrap();
        let number = u32::try_from(ours.as_raw_fd()).unwrap();
        let duplicate = duplicate_inherited(number).unwrap();
        assert_ne!(duplicate.as_raw_fd(), ours.as_raw_fd());
        assert!(fcntl_getfd(&duplicate).unwrap().contains(FdFlags::CLOEXEC));
        drop(duplicate);
        (&ours).write_all(b"x").unwrap();
        theirs.read_exact(&mut [0]).unwrap();
    }

    #[test]
    fn a_number_that_is_not_open_is_an_error() {
        for number in [9999, u32::MAX] {
            let error = duplicate_inherited(number).unwrap_err();
            assert_eq!(error.raw_os_error(), Some(libc::EBADF));
        }
    }
}

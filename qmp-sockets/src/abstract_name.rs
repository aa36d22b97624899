//! Abstract unix sockets: names in the kernel, without a file.

use std::ffi::OsStr;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

use socket2::SockAddr;

/// Returns the socket address of an abstract name, which starts with a zero byte.
pub(crate) fn socket_address(name: &[u8]) -> io::Result<SockAddr> {
    if name.is_empty() || name.len() > crate::LONGEST_PATH {
        return Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            format!("an abstract name has 1 to {} bytes, not {}", crate::LONGEST_PATH, name.len()),
        ));
    }
    let marked = [b"\0", name].concat();
    SockAddr::unix(Path::new(OsStr::from_bytes(&marked)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_keeps_all_its_bytes() {
        for name in [&b"vm"[..], b"a\0b", &[b'x'; 107]] {
            let address = socket_address(name).unwrap();
            assert_eq!(address.as_abstract_namespace(), Some(name));
        }
    }

    #[test]
    fn no_name_and_names_without_room_are_refused() {
        for name in [&b""[..], &[b'x'; 108]] {
            let error = socket_address(name).unwrap_err();
            assert_eq!(error.kind(), io::ErrorKind::InvalidInput);
        }
    }
}

//! Advice for connection errors, which names the cause behind the operating system's error.

use std::io::{self, ErrorKind};

use qmp_proto::Address;

use crate::first_bytes::advise_on_bytes;

/// The operation that failed.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Attempt {
    Connect,
    ConnectAgent,
    Listen,
    Accept,
}

pub(crate) fn advice(attempt: Attempt, address: &Address, error: &io::Error) -> String {
    match attempt {
        Attempt::Connect => connecting(address, error, || is_qemu_running(address)),
        Attempt::ConnectAgent => connecting(address, error, || is_agent_configured(address)),
        Attempt::Listen => listening(address, error),
        Attempt::Accept => format!("was QEMU started with -qmp {}?", qemu_option(address)),
    }
}

/// Returns advice for a handshake that was not answered in time. `unfinished` is what was received
/// of an incomplete message; `silence` returns the advice if that is nothing.
pub fn advise_on_handshake(
    agent: bool,
    unfinished: &[u8],
    silence: impl FnOnce() -> String,
) -> String {
    if let Some(advice) = advise_on_bytes(unfinished) {
        return advice.to_owned();
    }
    if !unfinished.is_empty() {
        let server = if agent { "qemu-ga" } else { "a QMP server" };
        let bytes = match unfinished.len() {
            1 => "1 byte".to_owned(),
            count => format!("{count} bytes"),
        };
        return format!("{bytes} arrived, not a complete message: is it {server}?");
    }
    match agent {
        true => format!("is the guest up, and is qemu-ga running in it? {}", silence()),
        false => format!("{}. A guest agent's socket needs `connect_agent`", silence()),
    }
}

const ONE_CLIENT: &str =
    "another client may be attached (QMP serves one client per socket), or the server is stopped";

fn connecting(
    address: &Address,
    error: &io::Error,
    is_server_running: impl FnOnce() -> String,
) -> String {
    match (address, error.kind()) {
        #[cfg(unix)]
        (Address::Unix(path), kind) => path::connecting(path, kind, is_server_running),
        (Address::Abstract(_), ErrorKind::ConnectionRefused) => {
            "nothing listens under that name; is the server in the same network namespace?".into()
        }
        (Address::Tcp { .. }, ErrorKind::ConnectionRefused) => {
            format!("nothing listens on that port; {}", is_server_running())
        }
        (Address::Vsock { .. }, kind) if kind != ErrorKind::Unsupported => {
            "is the guest with that CID running, with a vsock device and a server on that port?"
                .into()
        }
        (Address::Descriptor(number), ErrorKind::NotConnected) => {
            format!("descriptor {number} may be a listening socket, but a connected one is needed")
        }
        #[cfg(unix)]
        (Address::Descriptor(number), _) if error.raw_os_error() == Some(libc::EBADF) => {
            format!(
                "descriptor {number} is not open in this process: its parent process must pass it \
                 on, without close-on-exec"
            )
        }
        (Address::Tcp { .. }, ErrorKind::TimedOut) => {
            format!("the host may be down or a firewall in between, or {ONE_CLIENT}")
        }
        (Address::Abstract(_), ErrorKind::TimedOut) => ONE_CLIENT.into(),
        // Errors of the resolver have no `ErrorKind` of their own.
        (Address::Tcp { host, .. }, _) if error.to_string().contains("lookup") => {
            format!("is {host:?} spelled right, and does this machine know the name?")
        }
        _ => String::new(),
    }
}

fn listening(address: &Address, error: &io::Error) -> String {
    match (address, error.kind()) {
        #[cfg(unix)]
        (Address::Unix(path), kind) => path::listening(path, kind),
        (Address::Tcp { .. }, ErrorKind::AddrInUse) => {
            "another program listens there; choose another port, or 0 for any free one".into()
        }
        (Address::Tcp { host, .. }, ErrorKind::AddrNotAvailable) => {
            format!("{host} is not an address of this machine")
        }
        (Address::Abstract(_), ErrorKind::AddrInUse) => {
            "another program has that name; choose another".into()
        }
        _ => String::new(),
    }
}

fn is_qemu_running(address: &Address) -> String {
    format!("is QEMU running with -qmp {},server=on,wait=off?", qemu_option(address))
}

fn is_agent_configured(address: &Address) -> String {
    let socket = match address {
        Address::Unix(path) => format!("path={}", String::from_utf8_lossy(path)),
        Address::Tcp { host, port } => format!("host={host},port={port}"),
        other => other.to_string(),
    };
    format!(
        "is QEMU running with -chardev socket,id=ga,{socket},server=on,wait=off and -device \
         virtserialport,chardev=ga,name=org.qemu.guest_agent.0?"
    )
}

/// Returns the address as QEMU's option `-qmp` takes it.
fn qemu_option(address: &Address) -> String {
    match address {
        Address::Abstract(_) => {
            format!("{},abstract=on", address.to_string().replacen("abstract:", "unix:", 1))
        }
        _ => address.to_string(),
    }
}

/// Advice from the file of a unix socket.
#[cfg(unix)]
mod path {
    use std::fs::{self, FileType, Metadata};
    use std::io::ErrorKind;
    use std::os::unix::fs::{FileTypeExt, MetadataExt};
    use std::path::Path;

    use crate::long_path::path_of;

    pub(super) fn connecting(
        path: &[u8],
        kind: ErrorKind,
        is_qemu_running: impl FnOnce() -> String,
    ) -> String {
        let path = path_of(path);
        let found = fs::metadata(path).ok();
        match (kind, found) {
            (ErrorKind::NotFound, _) if is_deleted(path) => {
                "a server still listens there, but the socket file was deleted: only a restart of the \
                 server, or a second monitor, makes it reachable"
                    .to_owned()
            }
            (ErrorKind::NotFound, _) => missing_directory(path).unwrap_or_else(is_qemu_running),
            (ErrorKind::PermissionDenied, None) => closed_directory(path),
            (ErrorKind::PermissionDenied, Some(socket)) => not_permitted(&socket),
            (ErrorKind::TimedOut, _) => super::ONE_CLIENT.to_owned(),
            (_, Some(file)) if !file.file_type().is_socket() => {
                format!("that is {}, not a socket", kind_of_file(file.file_type()))
            }
            (ErrorKind::ConnectionRefused, _) => format!(
                "nothing listens there (the socket file is left over); {}",
                is_qemu_running()
            ),
            _ => String::new(),
        }
    }

    pub(super) fn listening(path: &[u8], kind: ErrorKind) -> String {
        let path = path_of(path);
        match kind {
            ErrorKind::NotFound => missing_directory(path).unwrap_or_default(),
            ErrorKind::PermissionDenied => {
                format!("user {} must be able to write to the directory", user_name(own_id()))
            }
            _ => String::new(),
        }
    }

    /// Returns the topmost directory of `path` that does not exist.
    fn missing_directory(path: &Path) -> Option<String> {
        let missing = path
            .ancestors()
            .skip(1)
            .take_while(|directory| fs::symlink_metadata(directory).is_err())
            .filter(|directory| !directory.as_os_str().is_empty())
            .last()?;
        Some(format!("the directory {} does not exist", missing.display()))
    }

    fn closed_directory(path: &Path) -> String {
        let closed = path.ancestors().skip(1).find(|directory| fs::metadata(directory).is_ok());
        match closed {
            Some(directory) if !directory.as_os_str().is_empty() => format!(
                "user {} may not enter the directory {}",
                user_name(own_id()),
                directory.display()
            ),
            _ => "a directory on the way there may not be entered".to_owned(),
        }
    }

    fn not_permitted(socket: &Metadata) -> String {
        let (owner, own) = (socket.uid(), own_id());
        match owner == own {
            true => format!(
                "the socket is yours with mode {:03o}: a write permission is missing, or a security \
                 module (SELinux, AppArmor) forbids it",
                socket.mode() & 0o777
            ),
            false => {
                let group = group_name(socket.gid());
                let members_may = socket.mode() & 0o020 != 0;
                let join = if members_may { ": join that group, or be that user" } else { "" };
                format!(
                    "the socket belongs to uid {} and gid {group} with mode {:03o}, you are uid \
                     {}{join}",
                    user_name(owner),
                    socket.mode() & 0o777,
                    user_name(own)
                )
            }
        }
    }

    fn kind_of_file(file: FileType) -> &'static str {
        match file {
            _ if file.is_dir() => "a directory",
            _ if file.is_file() => "a regular file",
            _ if file.is_fifo() => "a named pipe",
            _ if file.is_char_device() => "a character device",
            _ => "something else",
        }
    }

    /// Returns whether a server still listens on the socket whose file is gone.
    #[cfg(target_os = "linux")]
    fn is_deleted(path: &Path) -> bool {
        use std::os::unix::ffi::OsStrExt;

        use crate::sock_diag::{LISTENING, SHOW_NAME, list};

        let path = path.as_os_str().as_bytes();
        let is_it = |listed: crate::sock_diag::Listed<'_>| {
            let name = listed.name()?;
            (name.strip_suffix(b"\0").unwrap_or(name) == path).then_some(())
        };
        path.starts_with(b"/") && matches!(list(LISTENING, SHOW_NAME, is_it), Ok(Some(())))
    }

    #[cfg(not(target_os = "linux"))]
    fn is_deleted(_: &Path) -> bool {
        false
    }

    fn own_id() -> u32 {
        rustix::process::geteuid().as_raw()
    }

    /// Returns a user id with its name, such as `107 (libvirt-qemu)`. The name is omitted for users
    /// that are not in the file.
    fn user_name(id: u32) -> String {
        name_in("/etc/passwd", id)
    }

    /// Returns a group id with its name.
    fn group_name(id: u32) -> String {
        name_in("/etc/group", id)
    }

    fn name_in(file: &str, id: u32) -> String {
        let entries = fs::read_to_string(file).unwrap_or_default();
        let named = entries.lines().find_map(|line| {
            let mut fields = line.split(':');
            let name = fields.next()?;
            (fields.nth(1)?.parse() == Ok(id)).then_some(name)
        });
        match named {
            Some(name) => format!("{id} ({name})"),
            None => id.to_string(),
        }
    }

    #[cfg(test)]
    mod tests {
        use super::*;

        #[test]
        fn users_are_named_where_the_system_knows_them() {
            assert_eq!(user_name(0), "0 (root)");
            assert_eq!(group_name(0), "0 (root)");
            assert_eq!(user_name(3_999_999_999), "3999999999");
        }

        #[test]
        fn a_socket_of_another_user_is_told_with_both_users() {
            let root_owned = fs::metadata("/").unwrap();
            let told = not_permitted(&root_owned);
            match own_id() {
                0 => assert!(told.starts_with("the socket is yours with mode "), "{told}"),
                id => {
                    assert!(told.starts_with("the socket belongs to uid 0 (root) "), "{told}");
                    assert!(told.contains(&format!("you are uid {id}")), "{told}");
                }
            }
        }

        #[test]
        fn the_innermost_directory_that_exists_is_the_closed_one() {
            let told = closed_directory(Path::new("/nowhere/vm.qmp"));
            assert!(told.ends_with("may not enter the directory /"), "{told}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[cfg(target_os = "linux")]
    fn a_socket_file_deleted_under_a_living_server_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("vm.qmp");
        let listener = std::os::unix::net::UnixListener::bind(&path).unwrap();
        std::fs::remove_file(&path).unwrap();
        let address = Address::unix(path.as_os_str().as_encoded_bytes());
        let told = || crate::connect(&address, None).unwrap_err().to_string();
        assert!(told().contains("still listens there, but the socket file was deleted"));
        drop(listener);
        assert!(told().contains("is QEMU running with -qmp"));
    }

    #[test]
    fn an_agent_that_is_missing_gets_the_options_of_its_channel() {
        let address = "/no/such.sock".parse().unwrap();
        let missing = || io::Error::from(ErrorKind::NotFound);
        let error = crate::ConnectError::new(&address, missing()).for_agent();
        assert!(error.to_string().contains("the directory /no does not exist"), "{error}");
        let address = "/no-such.sock".parse().unwrap();
        let error = crate::ConnectError::new(&address, missing()).for_agent();
        assert!(error.advice().contains("path=/no-such.sock"), "{error}");
        assert!(error.advice().contains("org.qemu.guest_agent.0"), "{error}");
    }

    #[test]
    fn qemu_gets_abstract_names_its_own_way() {
        let option = |text: &str| qemu_option(&text.parse().unwrap());
        assert_eq!(option("abstract:vm"), "unix:vm,abstract=on");
        assert_eq!(option("/run/vm.qmp"), "unix:/run/vm.qmp");
        assert_eq!(option("[::1]:4444"), "tcp:[::1]:4444");
    }

    #[test]
    fn a_name_that_does_not_resolve_is_doubted() {
        let error = crate::connect(&"no-such-host.invalid:1".parse().unwrap(), None).unwrap_err();
        assert!(error.to_string().contains("spelled right"), "{error}");
    }
}

use std::os::unix::net::UnixListener;

use super::*;
use crate::{connect, unix_address};

fn failure(address: &Address) -> String {
    connect(address, None).unwrap_err().to_string()
}

#[test]
fn a_missing_socket_names_the_option_that_makes_it() {
    let directory = tempfile::tempdir().unwrap();
    let address = unix_address(directory.path().join("vm.qmp"));
    assert_eq!(
        failure(&address),
        format!(
            "cannot connect to {address}: No such file or directory; \
             is QEMU running with -qmp {address},server=on,wait=off?"
        )
    );
}

#[test]
fn a_missing_directory_is_named() {
    let directory = tempfile::tempdir().unwrap();
    let missing = directory.path().join("a");
    let message = failure(&unix_address(missing.join("b/vm.qmp")));
    let expected = format!("the directory {} does not exist", missing.display());
    assert!(message.contains(&expected), "{message}");
}

#[test]
fn a_socket_file_left_over_is_told_from_other_files() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("vm.qmp");
    drop(UnixListener::bind(&path).unwrap());
    let message = failure(&unix_address(&path));
    assert!(message.contains("the socket file is left over"), "{message}");

    let file = directory.path().join("file");
    std::fs::write(&file, "").unwrap();
    let message = failure(&unix_address(&file));
    assert!(message.ends_with("that is a regular file, not a socket"), "{message}");
    let message = failure(&unix_address(directory.path()));
    assert!(message.ends_with("that is a directory, not a socket"), "{message}");
}

#[test]
fn nothing_behind_a_tcp_port_is_said() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = Address::from(listener.local_addr().unwrap());
    drop(listener);
    let message = failure(&address);
    assert!(message.contains("Connection refused; nothing listens on that port"), "{message}");
    assert!(message.contains(&format!("-qmp {address},server=on,wait=off")), "{message}");
}

#[test]
fn a_descriptor_that_is_not_open_is_said_to_be_not_inherited() {
    let message = failure(&Address::Descriptor(9999));
    assert!(message.contains("Bad file descriptor; descriptor 9999 is not open"), "{message}");
}

#[test]
#[cfg(target_os = "linux")]
fn nothing_behind_an_abstract_name_is_said() {
    let message = failure(&"unix:@nobody-has-this-name".parse().unwrap());
    assert!(message.contains("same network namespace"), "{message}");
}

#[test]
fn a_timeout_names_the_other_client() {
    let address = Address::unix("/run/vm.qmp");
    let error = ConnectError::timed_out(&address, Duration::from_millis(10_050));
    assert!(error.is_timeout());
    assert_eq!(error.address(), &address);
    assert_eq!(error.io_error().kind(), io::ErrorKind::TimedOut);
    let message = error.to_string();
    let start = "cannot connect to unix:/run/vm.qmp: timed out after 10 s; ";
    assert!(message.starts_with(start), "{message}");
    assert!(message.contains("QMP serves one client per socket"), "{message}");
}

#[test]
fn durations_are_told_in_fitting_units() {
    let told = |ms| timed_out(Duration::from_millis(ms)).to_string();
    assert_eq!(told(250), "timed out after 250 ms");
    assert_eq!(told(1500), "timed out after 1.5 s");
    assert_eq!(told(60_000), "timed out after 60 s");
}

#[cfg(target_os = "linux")]
mod permission {
    use std::os::unix::fs::PermissionsExt;
    use std::os::unix::process::CommandExt;
    use std::path::Path;
    use std::process::Command;

    use super::*;

    const PATH_FOR_CHILD: &str = "QMP_SOCKETS_TEST_CONNECT";

    /// Runs in a process of another user, for the test below.
    #[test]
    fn child_that_may_not_connect() {
        if let Some(path) = std::env::var_os(PATH_FOR_CHILD) {
            println!("{}", failure(&unix_address(path)));
        }
    }

    /// Returns the text for a user other than root: the current user, or another one if this is
    /// root.
    fn failure_without_privilege(path: &Path) -> String {
        if !rustix::process::geteuid().is_root() {
            return failure(&unix_address(path));
        }
        // This name refers to the program even if the other user has no access to its directory.
        let output = Command::new("/proc/self/exe")
            .args([
                "--exact",
                "connect_error::tests::permission::child_that_may_not_connect",
                "--nocapture",
            ])
            .env(PATH_FOR_CHILD, path)
            .current_dir("/")
            .uid(65534)
            .gid(65534)
            .output()
            .unwrap();
        String::from_utf8(output.stdout).unwrap()
    }

    #[test]
    fn a_socket_that_may_not_be_used_is_told_with_its_owner() {
        let directory = tempfile::tempdir().unwrap();
        let mode = |mode| std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(directory.path(), mode(0o755)).unwrap();
        let path = directory.path().join("vm.qmp");
        let _listener = UnixListener::bind(&path).unwrap();
        std::fs::set_permissions(&path, mode(0o500)).unwrap();
        let message = failure_without_privilege(&path);
        assert!(message.contains("Permission denied; "), "{message}");
        let expected = match rustix::process::geteuid().is_root() {
            true => {
                "belongs to uid 0 (root) and gid 0 (root) with mode 500, you are uid 65534 (nobody)"
            }
            false => "the socket is yours with mode 500: a write permission is missing",
        };
        assert!(message.contains(expected), "{message}");

        std::fs::set_permissions(directory.path(), mode(0o600)).unwrap();
        let message = failure_without_privilege(&path);
        std::fs::set_permissions(directory.path(), mode(0o700)).unwrap();
        let expected = format!("may not enter the directory {}", directory.path().display());
        assert!(message.contains(&expected), "{message}");
    }
}

//! Errors contain text from programs, processes and the configuration of a guest. It has to be
//! escaped when it is displayed, so that it cannot control a terminal or forge a line in a log.

use std::io;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;
use std::time::Duration;

use qmp_proto::Address;

use crate::{ConnectError, EndedEarly, LaunchError, ProcessExited, SocketError};

const HOSTILE: &str = "\u{1b}[2J\u{7}\r\n2024 ERROR \u{7f}\u{9b}31m\u{202e}\u{200b}";

#[test]
fn nothing_that_an_error_displays_is_obeyed_by_a_terminal() {
    let error = || io::Error::other(HOSTILE);
    let status = ExitStatus::from_raw(256);
    let text = || HOSTILE.to_owned();
    let connect = || ConnectError::new(&Address::unix(HOSTILE), error());
    let address = format!("tcp:{HOSTILE}").parse::<Address>().unwrap_err();
    let shown = [
        connect().to_string(),
        SocketError::from(connect()).to_string(),
        SocketError::from(address).to_string(),
        LaunchError::new(HOSTILE, error()).to_string(),
        ProcessExited { program: text(), status, stderr: text() }.to_string(),
        EndedEarly { status, waited: Duration::from_secs(1) }.to_string(),
    ];
    let obeyed = |char: char| char.is_control() || matches!(char, '\u{202e}' | '\u{200b}');
    for shown in shown {
        assert!(!shown.contains(obeyed), "{}", shown.escape_debug());
    }
}

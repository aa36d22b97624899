//! `qmp launch`: a server of the shell's own.

use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;
use std::{env, process};

use futures_lite::future::block_on;
use qmp_blocking::ErrorKind;
use qmp_smol::{Client, Deadline, Launch, Process, State};
use rustix::process::{Pid, Signal, kill_process};

use crate::cli::{self, Options};
use crate::config::Config;
use crate::connect::HANDSHAKE;
use crate::exit::{Code, Failure};
use crate::shell::{self, Source};
use crate::show;
use crate::show::json::Layout;

/// How long a server may take to end after `quit`, and after a signal.
const PATIENCE: Duration = Duration::from_secs(5);

/// How long a server that has closed its connection may take to exit.
const SOON: Duration = Duration::from_secs(1);

/// Starts a program, runs the shell on it, and ends it. Returns the program's exit code.
///
/// # Errors
///
/// Returns an error if the program cannot be started or does not answer, or if there is no terminal.
pub(crate) fn run(
    arguments: &cli::Launch,
    config: &Config,
    options: Options,
    layout: Layout,
    is_human: bool,
) -> Result<u8, Failure> {
    let Some((program, rest)) = arguments.program.split_first() else {
        return Err(Failure::usage(
            "the program is missing; write qmp launch -- PROGRAM OPTION...",
        ));
    };
    let is_daemon = Path::new(program).ends_with("qemu-storage-daemon");
    let mut launch = match is_daemon {
        true => Launch::storage_daemon(program),
        false => Launch::qemu(program),
    };
    launch = launch.args(rest);
    let socket = arguments.keep.then(kept_socket).transpose()?;
    if let Some(socket) = &socket {
        let path = socket.display();
        launch = match is_daemon {
            true => launch.args([
                "--chardev",
                &format!("socket,id=qmp-kept,path={path},server=on,wait=off"),
                "--monitor",
                "chardev=qmp-kept",
            ]),
            false => launch.args(["-qmp", &format!("unix:{path},server=on,wait=off")]),
        };
    }
    // Ctrl-C in the terminal is for the shell alone.
    launch = launch.configure(|command| {
        command.process_group(0);
    });
    let builder = qmp_smol::builder().handshake_timeout(2 * HANDSHAKE);
    let (client, mut child) = match block_on(builder.launch(launch)) {
        Ok(launched) => launched,
        Err(error) => {
            let failure = Failure::connecting(&error);
            return match error.kind() {
                ErrorKind::ProcessExited(exited) if code(exited.status) != 0 => {
                    show::tell(&failure);
                    Ok(code(exited.status))
                }
                _ => Err(failure),
            };
        }
    };
    let name = Path::new(program).file_name().unwrap_or_default().to_string_lossy();
    let source = Source::Launched(client.clone(), child.to_string());
    let result = shell::run(&name, source, config, options, layout, is_human);
    if let (Some(socket), None) = (socket, exited(&mut child, Duration::ZERO)) {
        show::tell(format!("{child} continues; its monitor is unix:{}", socket.display()));
        child.detach();
        return result.map(|()| 0);
    }
    let status = end(&client, &mut child);
    report(&mut child, status);
    result.map(|()| status.map_or(0, code))
}

/// The socket of a program that continues, in a folder that only its user can enter.
fn kept_socket() -> Result<PathBuf, Failure> {
    let Some(folder) = env::var_os("XDG_RUNTIME_DIR").filter(|it| !it.is_empty()) else {
        let text = "--keep makes a socket in $XDG_RUNTIME_DIR, which is not set; add -qmp \
                    unix:PATH,server=on,wait=off to the program's options instead";
        return Err(Failure::usage(text));
    };
    Ok(Path::new(&folder).join(format!("qmp-{}.sock", process::id())))
}

/// Ends a program: with `quit`, with a signal, or by force.
fn end(client: &Client, child: &mut Process) -> Option<ExitStatus> {
    if let Some(status) = exited(child, if is_closed(client) { SOON } else { Duration::ZERO }) {
        return Some(status);
    }
    if !is_closed(client) {
        let _ = block_on(client.execute("quit").timeout(PATIENCE));
        if let Some(status) = exited(child, PATIENCE) {
            return Some(status);
        }
    }
    let pid = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok()) {
        show::tell(format!("{child} has not ended after quit; it is asked by SIGTERM"));
        if let Some(status) = exited(child, PATIENCE) {
            return Some(status);
        }
    }
    show::tell(format!("{child} is killed"));
    child.kill().ok()?;
    child.wait().ok()
}

fn is_closed(client: &Client) -> bool {
    matches!(client.state(), State::Closed(_))
}

fn exited(child: &mut Process, limit: Duration) -> Option<ExitStatus> {
    child.wait_until(Deadline::after(limit)).ok().flatten()
}

/// Tells what a program that failed wrote.
fn report(child: &mut Process, status: Option<ExitStatus>) {
    if status.is_some_and(|status| !status.success()) {
        if let Some(exited) = child.exit_report() {
            show::tell(exited);
        }
    }
}

/// The exit code of a program, or 128 and the number of the signal that ended it.
fn code(status: ExitStatus) -> u8 {
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    code.and_then(|code| u8::try_from(code).ok()).unwrap_or(Code::Refused as u8)
}

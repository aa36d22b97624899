//! What the program waits for: said on a terminal after two seconds, and when it is interrupted.

use std::io::{self, IsTerminal};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use qmp_blocking::Escaped;

/// After how long a terminal is told.
const PATIENCE: Duration = Duration::from_secs(2);

/// What happens on Ctrl-C instead of the end of the program.
#[cfg(unix)]
static HANDLER: Mutex<Option<Box<dyn Fn() + Send>>> = Mutex::new(None);

static STATE: Mutex<Option<Waiting>> = Mutex::new(None);

/// What the program waits for.
#[derive(Clone, Debug)]
pub(crate) enum For {
    /// A connection and its handshake, for at most this long.
    Connection(String, Duration),
    /// The reply to a command of a target.
    Reply(String, String),
    /// An event of a target.
    Event(String, String),
}

struct Waiting {
    what: For,
    since: Instant,
    told: bool,
}

/// Notes what the program waits for, until the returned guard is dropped.
pub(crate) fn begin(what: For) -> Guard {
    *state() = Some(Waiting { what, since: Instant::now(), told: false });
    Guard
}

/// Calls `handler` on Ctrl-C from now on, instead of ending the program.
#[cfg(unix)]
pub(crate) fn on_interrupt(handler: impl Fn() + Send + 'static) {
    *HANDLER.lock().unwrap_or_else(PoisonError::into_inner) = Some(Box::new(handler));
}

/// Returns whether a handler was called.
#[cfg(unix)]
fn is_handled() -> bool {
    let handler = HANDLER.lock().unwrap_or_else(PoisonError::into_inner);
    handler.as_ref().map(|handler| handler()).is_some()
}

/// Ends a wait when it is dropped.
#[must_use]
pub(crate) struct Guard;

impl Drop for Guard {
    fn drop(&mut self) {
        *state() = None;
    }
}

fn state() -> MutexGuard<'static, Option<Waiting>> {
    STATE.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Tells a terminal what the program has been waiting for, once.
fn tell() {
    let mut state = state();
    let Some(waiting) = state.as_mut().filter(|it| !it.told && it.since.elapsed() >= PATIENCE)
    else {
        return;
    };
    waiting.told = true;
    let text = match &waiting.what {
        For::Connection(target, limit) => format!(
            "waiting for {target} to answer, for at most {limit:.0?}: another client may be \
             connected, or the server is busy or stopped"
        ),
        For::Reply(command, target) => format!(
            "waiting for the reply to {command} ({target}); the command was sent. --timeout limits \
             the wait"
        ),
        For::Event(name, target) => format!("waiting for {name} ({target})"),
    };
    drop(state);
    crate::show::tell(text);
}

/// Returns what to say when the user interrupts the program.
fn interrupted() -> Option<String> {
    match &state().as_ref()?.what {
        For::Connection(target, _) => {
            Some(format!("interrupted before {} answered; nothing was sent", Escaped(target)))
        }
        For::Reply(command, target) => Some(format!(
            "{command}: interrupted ({target}); the command was sent and not answered: it may have \
             been executed, or still be running"
        )),
        For::Event(..) => None,
    }
}

/// Starts a thread that tells what the program waits for, and ends the program on Ctrl-C.
#[cfg(unix)]
pub(crate) fn watch() {
    use std::io::Read;
    use std::os::unix::net::UnixStream;

    let Ok((mut signals, handler)) = UnixStream::pair() else { return };
    if signal_hook::low_level::pipe::register(signal_hook::consts::SIGINT, handler).is_err() {
        return;
    }
    let is_terminal = io::stderr().is_terminal();
    if is_terminal && signals.set_read_timeout(Some(PATIENCE / 8)).is_err() {
        return;
    }
    let watching = move || {
        let mut signal = [0];
        loop {
            match signals.read(&mut signal) {
                Err(error) if is_timeout(&error) => tell(),
                Ok(1..) if is_handled() => {}
                _ => break,
            }
        }
        if let Some(text) = interrupted() {
            crate::show::tell(text);
        }
        std::process::exit(crate::exit::Code::Interrupted as i32);
    };
    // Without this thread everything but these two works.
    let _ = std::thread::Builder::new().name("watch".into()).spawn(watching);
}

#[cfg(unix)]
fn is_timeout(error: &io::Error) -> bool {
    use io::ErrorKind::{Interrupted, TimedOut, WouldBlock};
    matches!(error.kind(), WouldBlock | TimedOut | Interrupted)
}

/// Starts a thread that tells a terminal what the program waits for.
#[cfg(not(unix))]
pub(crate) fn watch() {
    if io::stderr().is_terminal() {
        let _ = std::thread::Builder::new().name("watch".into()).spawn(|| {
            loop {
                std::thread::sleep(PATIENCE / 8);
                tell();
            }
        });
    }
}

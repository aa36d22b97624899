//! Keys, one byte at a time.
//!
//! While rustyline 18 prints above its line it waits for the terminal, even if it has read more
//! bytes than it has used (its issue 976, solved in a version that needs Rust 1.95). Keys that
//! arrive together, such as a paste or what was typed while a command ran, would be stuck. So stdin
//! becomes the inner end of a pseudo-terminal, and a thread passes each byte on when the one before
//! was read.

use std::env;
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, dup, read, write};
use rustix::process::{Signal, getpgrp, kill_process_group};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{
    InputModes, LocalModes, OptionalActions, SpecialCodeIndex, Termios, isatty, tcgetattr,
    tcsetattr,
};

const CTRL_D: u8 = 4;
const CTRL_Z: u8 = 26;

/// How often a byte is checked for without pause before the thread sleeps.
const SPINS: u32 = 200;

/// Passes keys from the terminal to the editor.
pub(crate) struct Keys {
    terminal: Arc<Terminal>,
}

/// The terminal that the user sees.
struct Terminal {
    keyboard: OwnedFd,
    /// Its modes before the shell.
    modes: Termios,
    is_editing: AtomicBool,
}

impl Keys {
    /// Puts itself between the terminal and the editor. Returns nothing if stdin is no terminal, or
    /// one on which rustyline does not edit.
    ///
    /// # Errors
    ///
    /// Returns the operating system's error if there is no pseudo-terminal.
    pub(crate) fn relay() -> io::Result<Option<Self>> {
        let stdin = io::stdin();
        if !isatty(&stdin) || env::var("TERM").is_ok_and(|term| is_plain(&term)) {
            return Ok(None);
        }
        let outer = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY)?;
        grantpt(&outer)?;
        unlockpt(&outer)?;
        let name = ptsname(&outer, Vec::new())?;
        let name = name.to_str().map_err(io::Error::other)?;
        let inner = File::options().read(true).write(true).open(name)?;
        let mut modes = tcgetattr(&inner)?;
        modes.make_raw();
        tcsetattr(&inner, OptionalActions::Now, &modes)?;
        let terminal = Arc::new(Terminal {
            keyboard: dup(&stdin)?,
            modes: tcgetattr(&stdin)?,
            is_editing: AtomicBool::new(false),
        });
        rustix::stdio::dup2_stdin(&inner)?;
        let from = Arc::clone(&terminal);
        let pass = move || from.pass_to(&outer, &inner);
        thread::Builder::new().name("keys".into()).spawn(pass)?;
        Ok(Some(Self { terminal }))
    }

    /// The editor gets every key from now on.
    pub(crate) fn begin_editing(&self) {
        self.terminal.is_editing.store(true, Ordering::Relaxed);
        self.terminal.make_raw();
    }

    /// The terminal edits lines itself from now on, and Ctrl-C is a signal.
    pub(crate) fn end_editing(&self) {
        self.terminal.is_editing.store(false, Ordering::Relaxed);
        self.terminal.restore();
    }
}

impl Terminal {
    /// Passes keys on until there are no more.
    fn pass_to(&self, outer: &OwnedFd, inner: &File) {
        let mut bytes = [0; 1024];
        loop {
            let count = match read(&self.keyboard, &mut bytes) {
                Ok(count) => count,
                Err(Errno::INTR) => continue,
                Err(_) => return,
            };
            if count == 0 {
                if self.is_editing.load(Ordering::Relaxed) {
                    return;
                }
                // Ctrl-D on a terminal that edits lines itself.
                bytes[0] = CTRL_D;
            }
            for byte in &bytes[..count.max(1)] {
                if *byte == CTRL_Z && self.is_editing.load(Ordering::Relaxed) {
                    self.stop();
                    continue;
                }
                if write(outer, &[*byte]).is_err() {
                    return;
                }
                wait_until_read(inner);
            }
        }
    }

    /// Stops the program until the user continues it.
    fn stop(&self) {
        self.restore();
        let _ = kill_process_group(getpgrp(), Signal::TSTP);
        // The signal may take a moment to arrive.
        thread::sleep(Duration::from_millis(50));
        self.make_raw();
    }

    fn make_raw(&self) {
        let Ok(mut modes) = tcgetattr(self.keyboard.as_fd()) else { return };
        modes.input_modes.remove(
            InputModes::BRKINT
                | InputModes::ICRNL
                | InputModes::INPCK
                | InputModes::ISTRIP
                | InputModes::IXON,
        );
        let locals = LocalModes::ECHO | LocalModes::ICANON | LocalModes::IEXTEN | LocalModes::ISIG;
        modes.local_modes.remove(locals);
        modes.special_codes[SpecialCodeIndex::VMIN] = 1;
        modes.special_codes[SpecialCodeIndex::VTIME] = 0;
        let _ = tcsetattr(&self.keyboard, OptionalActions::Drain, &modes);
    }

    fn restore(&self) {
        let _ = tcsetattr(&self.keyboard, OptionalActions::Drain, &self.modes);
    }
}

/// Waits until the editor has read everything. On Linux, only poll(2) waits until what was written
/// has reached the other end.
fn wait_until_read(inner: &File) {
    let mut spins = 0;
    let is_unread = || poll(&mut [PollFd::new(inner, PollFlags::IN)], Some(&Timespec::default()));
    while matches!(is_unread(), Ok(1..)) {
        spins += 1;
        match spins < SPINS {
            true => thread::yield_now(),
            false => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// Whether rustyline reads whole lines from such a terminal.
fn is_plain(term: &str) -> bool {
    ["dumb", "cons25", "emacs"].iter().any(|it| it.eq_ignore_ascii_case(term))
}

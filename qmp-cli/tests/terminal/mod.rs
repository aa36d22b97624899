//! A terminal that runs the program, for tests of its shell.

#![allow(dead_code, reason = "each test program uses a part of it")]

use std::fs::File;
use std::io::{Read, Write};
use std::num::NonZero;
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use ptyprocess::{PtyProcess, Signal, WaitStatus};
use qmp_mock::Mock;

use crate::cli::program;

/// How long a text may take to appear.
const PATIENCE: Duration = Duration::from_secs(10);

pub(crate) const ENTER: &str = "\r";
pub(crate) const CTRL_C: &str = "\u{3}";
pub(crate) const CTRL_D: &str = "\u{4}";
pub(crate) const CTRL_U: &str = "\u{15}";
pub(crate) const TAB: &str = "\t";
pub(crate) const UP: &str = "\u{1b}[A";
pub(crate) const RIGHT: &str = "\u{1b}[C";

/// The program on a terminal.
pub(crate) struct Terminal {
    process: PtyProcess,
    keys: File,
    output: Arc<Mutex<Output>>,
    /// Its state and configuration, which end with it.
    pub(crate) home: tempfile::TempDir,
}

struct Output {
    screen: vt100::Parser,
    /// Everything that was written.
    raw: Vec<u8>,
}

/// How a terminal is.
pub(crate) struct Options<'o> {
    pub(crate) rows: u16,
    pub(crate) columns: u16,
    pub(crate) term: &'o str,
    pub(crate) arguments: &'o [&'o str],
    pub(crate) has_colors: bool,
}

impl Default for Options<'_> {
    fn default() -> Self {
        Self { rows: 40, columns: 100, term: "xterm", arguments: &[], has_colors: false }
    }
}

impl Terminal {
    /// Starts the shell on a mock.
    pub(crate) fn on(mock: &Mock) -> Self {
        Self::with(mock, Options::default())
    }

    pub(crate) fn with(mock: &Mock, options: Options<'_>) -> Self {
        Self::at(&mock.path().display().to_string(), options)
    }

    /// Starts the shell on a target and waits for its first prompt.
    pub(crate) fn at(target: &str, options: Options<'_>) -> Self {
        let mut program = program();
        program.arg(target).args(options.arguments);
        let terminal = Self::start(program, options);
        terminal.wait_for("> ");
        terminal
    }

    pub(crate) fn start(program: Command, options: Options<'_>) -> Self {
        Self::start_in(program, options, tempfile::tempdir().unwrap())
    }

    /// The same, with the state and the cache of an earlier run.
    pub(crate) fn start_in(
        mut program: Command,
        options: Options<'_>,
        home: tempfile::TempDir,
    ) -> Self {
        program
            .stdin(Stdio::inherit())
            .env("TERM", options.term)
            .env("XDG_STATE_HOME", home.path());
        program.env("XDG_CACHE_HOME", home.path()).env("TZ", "UTC");
        if !options.has_colors {
            program.env("NO_COLOR", "1");
        }
        let mut process = PtyProcess::spawn(program).unwrap();
        process.set_window_size(options.columns, options.rows).unwrap();
        process.set_echo(false, None).unwrap_or_default();
        let mut reader = process.get_raw_handle().unwrap();
        let keys = process.get_raw_handle().unwrap();
        let size = |number| NonZero::new(number).unwrap();
        let screen = vt100::Parser::new(size(options.rows), size(options.columns), 20_000);
        let output = Arc::new(Mutex::new(Output { screen, raw: Vec::new() }));
        let written = Arc::clone(&output);
        thread::spawn(move || {
            let mut bytes = [0; 8192];
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                let mut output = written.lock().unwrap();
                output.screen.process(&bytes[..count]);
                output.raw.extend_from_slice(&bytes[..count]);
            }
        });
        Self { process, keys, output, home }
    }

    /// Presses keys, all at once.
    pub(crate) fn press(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Writes a line and presses Enter.
    pub(crate) fn enter(&mut self, line: &str) {
        self.press(&format!("{line}{ENTER}"));
    }

    /// What the screen shows.
    pub(crate) fn screen(&self) -> String {
        self.output.lock().unwrap().screen.screen().contents()
    }

    /// The line with the cursor, and the column of it.
    pub(crate) fn line(&self) -> (String, u16) {
        let output = self.output.lock().unwrap();
        let screen = output.screen.screen();
        let (row, column) = screen.cursor_position();
        let (_, columns) = screen.size();
        (screen.rows(0, columns.get()).nth(usize::from(row)).unwrap_or_default(), column)
    }

    /// Everything that was written, with the sequences.
    pub(crate) fn raw(&self) -> String {
        String::from_utf8_lossy(&self.output.lock().unwrap().raw).into_owned()
    }

    /// Waits until the screen contains a text.
    pub(crate) fn wait_for(&self, text: &str) {
        self.wait_until(text, |terminal| terminal.screen().contains(text));
    }

    /// Waits until the line with the cursor is this one.
    pub(crate) fn wait_for_line(&self, line: &str) {
        self.wait_until(line, |terminal| terminal.line().0.trim_end() == line.trim_end());
    }

    pub(crate) fn wait_until(&self, what: &str, mut is_so: impl FnMut(&Self) -> bool) {
        let start = Instant::now();
        while !is_so(self) {
            let screen = self.screen();
            assert!(start.elapsed() < PATIENCE, "no {what:?} in:\n{screen}\n{:?}", self.line());
            thread::sleep(Duration::from_millis(5));
        }
    }

    pub(crate) fn resize(&self, columns: u16, rows: u16) {
        let size = |number| NonZero::new(number).unwrap();
        self.output.lock().unwrap().screen.screen_mut().set_size(size(rows), size(columns));
        self.window(columns, rows);
    }

    fn window(&self, columns: u16, rows: u16) {
        let size =
            rustix::termios::Winsize { ws_row: rows, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        rustix::termios::tcsetwinsize(&self.keys, size).unwrap();
    }

    pub(crate) fn pid(&self) -> i32 {
        self.process.pid().as_raw()
    }

    pub(crate) fn kill(&mut self) {
        self.process.signal(Signal::SIGKILL).unwrap();
        self.code();
    }

    /// Waits for the end of the program and returns its exit code.
    pub(crate) fn code(&mut self) -> i32 {
        match self.process.wait().unwrap() {
            WaitStatus::Exited(_, code) => code,
            other => {
                assert!(matches!(other, WaitStatus::Signaled(..)), "{other:?}");
                -1
            }
        }
    }

    /// Leaves the shell and returns its exit code.
    pub(crate) fn leave(mut self) -> i32 {
        // A Ctrl-D before the prompt is lost when the editor takes over the terminal.
        self.wait_until("a prompt", |it| it.line().0.trim_end().ends_with('>'));
        self.press(CTRL_D);
        self.code()
    }
}

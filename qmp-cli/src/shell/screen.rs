//! The terminal: lines that come while a command line is being edited.
//!
//! Only one writer may use the terminal while a line is edited. Other threads leave their lines
//! here, and one thread passes them to the editor, which prints them above the line.

use std::collections::VecDeque;
use std::io::{self, Write};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use qmp_blocking::Escaped;

use crate::shell::burst::Burst;

/// How long lines are gathered before they are printed.
const GATHER: Duration = Duration::from_millis(50);

/// Prints whole lines above the line that is edited.
pub(crate) type Above = Box<dyn FnMut(String) + Send>;

/// Where all threads leave their lines.
pub(crate) struct Screen {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    lines: VecDeque<String>,
    burst: Burst,
    editing: Editing,
}

/// Whether a line is being edited.
#[derive(Default)]
enum Editing {
    #[default]
    No,
    /// By an editor that prints above the line.
    Rich,
    /// By the terminal alone, after this prompt.
    Plain(String),
}

impl Screen {
    pub(crate) fn new() -> Arc<Self> {
        Arc::new(Self { state: Mutex::default(), changed: Condvar::new() })
    }

    /// Starts the thread that prints. `above` is how an editor prints above its line, if it can.
    pub(crate) fn start(self: &Arc<Self>, above: Option<Above>) {
        let screen = Arc::clone(self);
        let run = move || screen.print(above);
        // Without this thread, lines are printed before the next prompt.
        let _ = thread::Builder::new().name("screen".into()).spawn(run);
    }

    /// Leaves a line. What a terminal obeys in it is escaped.
    pub(crate) fn line(&self, text: impl std::fmt::Display) {
        self.lock().lines.push_back(Escaped(text).to_string());
        self.changed.notify_all();
    }

    /// Leaves the line of an event, unless too many came in this second: then it is counted.
    pub(crate) fn event(&self, name: &str, line: impl FnOnce() -> String) {
        let mut state = self.lock();
        let state = &mut *state;
        if let Some(counts) = state.burst.finish(Instant::now()) {
            state.lines.push_back(counts);
        }
        if state.burst.count(name, Instant::now()) {
            state.lines.push_back(line());
        }
        self.changed.notify_all();
    }

    /// Begins to edit a line. `prompt` is given if the editor cannot print above the line.
    pub(crate) fn begin_editing(&self, prompt: Option<&str>) {
        self.flush();
        self.lock().editing = match prompt {
            Some(prompt) => Editing::Plain(prompt.to_owned()),
            None => Editing::Rich,
        };
    }

    pub(crate) fn end_editing(&self) {
        self.lock().editing = Editing::No;
    }

    /// After Ctrl-C, a terminal that edits its line itself has dropped it.
    pub(crate) fn interrupted(&self) {
        if let Editing::Plain(prompt) = &self.lock().editing {
            write(&format!("\n{prompt}"));
        }
    }

    /// Prints everything that was left so far.
    pub(crate) fn flush(&self) {
        let mut state = self.lock();
        if matches!(state.editing, Editing::No) {
            let text = state.take(true);
            write(&text);
        }
    }

    /// Prints what comes, a batch at a time.
    fn print(&self, mut above: Option<Above>) -> ! {
        loop {
            let state = self.changed.wait_while(self.lock(), |state| state.is_idle());
            let state = state.unwrap_or_else(PoisonError::into_inner);
            let pause = match state.lines.is_empty() {
                true => state.burst.rest(Instant::now()),
                false => GATHER,
            };
            drop(state);
            thread::sleep(pause);
            let mut state = self.lock();
            let text = state.take(false);
            if text.is_empty() {
                continue;
            }
            match (&state.editing, &mut above) {
                (Editing::No, _) => write(&text),
                (Editing::Plain(prompt), _) => write(&format!("\r{text}{prompt}")),
                (Editing::Rich, Some(above)) => {
                    // The editor may need the lock before it prints.
                    drop(state);
                    above(text);
                }
                (Editing::Rich, None) => write(&text),
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn is_idle(&self) -> bool {
        self.lines.is_empty() && !self.burst.has_counts()
    }

    /// Takes all lines as one text, with the numbers of events that were only counted, if their
    /// second is over or `all` is asked for.
    fn take(&mut self, all: bool) -> String {
        let counts = match all {
            true => self.burst.take(),
            false => self.burst.finish(Instant::now()),
        };
        self.lines.extend(counts);
        let mut text = String::new();
        for line in self.lines.drain(..) {
            text.push_str(&line);
            text.push('\n');
        }
        text
    }
}

/// Writes to the terminal. An error of it cannot be reported anywhere.
fn write(text: &str) {
    let mut stdout = io::stdout().lock();
    let _ = stdout.write_all(text.as_bytes()).and_then(|()| stdout.flush());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    #[test]
    fn lines_of_other_threads_are_printed_in_order_above_the_line() {
        let screen = Screen::new();
        let (printed, texts) = mpsc::channel();
        screen.start(Some(Box::new(move |text| printed.send(text).unwrap())));
        screen.begin_editing(None);
        let other = Arc::clone(&screen);
        thread::spawn(move || {
            for number in 0..300 {
                other.event("X", || format!("event {number}"));
            }
            other.line("\u{1b}[2J");
        });
        let mut all = String::new();
        while !all.contains("… 100 X\n") || !all.contains("[2J") {
            all += &texts.recv_timeout(Duration::from_secs(5)).unwrap();
        }
        let lines: Vec<_> = all.lines().filter(|line| line.starts_with("event")).collect();
        let expected: Vec<_> = (0..200).map(|number| format!("event {number}")).collect();
        assert_eq!(lines, expected);
        assert!(all.contains("\\u{1b}[2J\n") && all.ends_with('\n'), "{all}");
    }
}

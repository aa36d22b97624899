//! The shell: one command a line, with the grammar of the command line, and events as they come.

mod asking;
mod assistant;
mod burst;
mod colon;
mod commands;
mod editor;
mod event_line;
mod history;
mod interrupt;
mod introduction;
mod keys;
mod link;
mod partial;
mod private;
mod screen;
mod transaction;
mod wait;

use std::cell::RefCell;
use std::path::Path;
use std::sync::Arc;

use crate::cli::Options;
use crate::config::Config;
use crate::exit::{Code, Failure};
use crate::send::SchemaCache;
use crate::show;
use crate::show::json::Layout;
use crate::waiting;
use asking::Asking;
use assistant::{Assistant, Mode};
use colon::Colon;
use editor::{Input, LineEditor};
use link::Link;
pub(crate) use link::Source;
use screen::Screen;
use transaction::Transaction;

/// The longest name in a prompt, in characters.
const LONGEST_NAME: usize = 24;

/// Runs the shell until the user leaves it, or until a launched program has ended. `is_human` is whether it
/// begins in the human monitor.
///
/// # Errors
///
/// Returns an error if the first connection cannot be made, or if there is no terminal.
pub(crate) fn run(
    name: &str,
    source: Source,
    config: &Config,
    options: Options,
    layout: Layout,
    is_human: bool,
) -> Result<(), Failure> {
    let screen = Screen::new();
    let link = Link::open(source, options.clone(), &screen)?;
    let assistant = Assistant::new(Asking::new(link.clone()), config, layout.color);
    let mut editor = LineEditor::new(assistant, layout.color, &screen)?;
    let (interrupt, interrupted) = (link.interrupt().clone(), Arc::clone(&screen));
    waiting::on_interrupt(move || {
        interrupted.interrupted();
        interrupt.press();
    });
    let mut shell = Shell {
        name: short(name),
        config,
        options,
        layout,
        link,
        screen,
        schema: RefCell::default(),
        transaction: None,
        is_human,
        cpu: None,
        asked_to_quit: false,
    };
    show::tell(introduction::of(&shell.link)?);
    shell.read(&mut editor)
}

struct Shell<'s> {
    /// The name in the prompt.
    name: String,
    config: &'s Config,
    options: Options,
    layout: Layout,
    link: Link,
    screen: Arc<Screen>,
    /// What was told about types, on which connection.
    schema: RefCell<(u64, SchemaCache)>,
    transaction: Option<Transaction>,
    /// Whether lines are for the human monitor.
    is_human: bool,
    cpu: Option<u32>,
    /// Whether the last command was a `quit` that was not sent.
    asked_to_quit: bool,
}

/// What follows a line.
enum Next {
    Read,
    Leave,
}

impl Shell<'_> {
    fn read(&mut self, editor: &mut LineEditor<'_>) -> Result<(), Failure> {
        loop {
            if self.link.is_over() {
                self.screen.flush();
                return Ok(());
            }
            match editor.read(&self.prompt(), self.mode())? {
                Input::Dropped => {}
                Input::Interrupted => {
                    if self.transaction.take().is_some() {
                        show::tell("the transaction was dropped; nothing was sent");
                    }
                }
                Input::End if self.is_human => self.is_human = false,
                Input::End => return Ok(()),
                Input::Lines(lines) => {
                    for line in lines.lines() {
                        match self.remembered(line) {
                            Some(line) => editor.remember(&line),
                            None => continue,
                        }
                        match self.line(line) {
                            Ok(Next::Read) => {}
                            Ok(Next::Leave) => return Ok(()),
                            Err(failure) => {
                                show::tell(&failure);
                                if failure.code == Code::Interrupted {
                                    break;
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    fn prompt(&self) -> String {
        let gone = if self.link.is_connected() { "" } else { " (gone)" };
        match (&self.transaction, self.is_human) {
            (Some(_), _) => "trans> ".to_owned(),
            (None, true) => format!("(hmp){gone} "),
            (None, false) => format!("{}{gone}> ", self.name),
        }
    }

    fn mode(&self) -> Mode {
        match (&self.transaction, self.is_human) {
            (Some(_), _) => Mode::Action,
            (None, true) => Mode::Human,
            (None, false) => Mode::Command,
        }
    }

    /// The line for the history, if it is one at all.
    fn remembered(&self, line: &str) -> Option<String> {
        match line.trim() {
            "" => None,
            _ if self.is_human && !line.starts_with([' ', ':']) => Some(format!("!{line}")),
            _ => Some(line.trim_end().to_owned()),
        }
    }

    fn line(&mut self, line: &str) -> Result<Next, Failure> {
        let line = line.trim();
        let asked_to_quit = std::mem::take(&mut self.asked_to_quit);
        if line.starts_with(':') {
            return self.colon(Colon::parse(line)?);
        }
        if let Some(line) = line.strip_prefix('!') {
            self.human(line.trim())?;
        } else if self.is_human {
            self.human(line)?;
        } else if line.starts_with('#') {
            return Ok(Next::Read);
        } else if self.transaction.is_some() {
            self.action(line)?;
        } else if let Some(rest) = Transaction::begins(line) {
            self.transaction = Some(Transaction::default());
            self.action(rest)?;
        } else {
            self.words(line, asked_to_quit)?;
        }
        Ok(Next::Read)
    }
}

/// The name of a target in the prompt: of a path, the name of the socket.
fn short(target: &str) -> String {
    let name = match target.contains('/') {
        true => Path::new(target).file_stem().map(|it| it.to_string_lossy().into_owned()),
        false => None,
    };
    let name = name.unwrap_or_else(|| target.to_owned());
    let name: String = name.chars().filter(|it| !it.is_control()).collect();
    match name.chars().count() > LONGEST_NAME {
        true => name.chars().take(LONGEST_NAME - 1).chain(['…']).collect(),
        false => name,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prompts_are_short() {
        for (target, name) in [
            ("vm1", "vm1"),
            ("unix:/run/vm1.qmp", "vm1"),
            ("/run/vm1.qmp", "vm1"),
            ("localhost:4444", "localhost:4444"),
            ("tcp:a-very-long-name.example.org:4444", "tcp:a-very-long-name.ex…"),
        ] {
            assert_eq!(short(target), name);
        }
    }
}

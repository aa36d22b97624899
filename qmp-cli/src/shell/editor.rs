//! Reading lines from the terminal.

use std::sync::Arc;

use rustyline::config::{BellStyle, ColorMode, CompletionType, Config};
use rustyline::error::ReadlineError;
use rustyline::history::MemHistory;
use rustyline::{Editor, ExternalPrinter as _};

use crate::exit::{Code, Failure};
use crate::shell::assistant::{Assistant, Mode};
use crate::shell::history::{self, History};
use crate::shell::keys::Keys;
use crate::shell::screen::{Above, Screen};

/// Reads lines from the terminal.
pub(crate) struct LineEditor<'c> {
    editor: Editor<Assistant<'c>, MemHistory>,
    history: History,
    screen: Arc<Screen>,
    keys: Option<Keys>,
    /// Whether lines of other threads are printed above the line that is edited.
    is_rich: bool,
}

/// What the user has entered.
pub(crate) enum Input {
    /// One line, or several that were pasted.
    Lines(String),
    /// Ctrl-C in an empty line.
    Interrupted,
    /// Ctrl-C in a line with text, which is dropped.
    Dropped,
    /// Ctrl-D.
    End,
}

impl<'c> LineEditor<'c> {
    /// Prepares the terminal and reads the history.
    ///
    /// # Errors
    ///
    /// Returns an error if there is no terminal.
    pub(crate) fn new(
        assistant: Assistant<'c>,
        color: bool,
        screen: &Arc<Screen>,
    ) -> Result<Self, Failure> {
        let no_keys = |error| Failure::new(Code::Refused, format!("cannot read keys: {error}"));
        let keys = Keys::relay().map_err(no_keys)?;
        let color = if color { ColorMode::Enabled } else { ColorMode::Disabled };
        let config = Config::builder()
            .completion_type(CompletionType::List)
            .completion_show_all_if_ambiguous(true)
            .bell_style(BellStyle::None)
            .color_mode(color)
            .max_history_size(history::LINES)
            .map_err(|error| failed(&error))?
            .build();
        let lines = MemHistory::with_config(&config);
        let mut editor = Editor::with_history(config, lines).map_err(|error| failed(&error))?;
        editor.set_helper(Some(assistant));
        let (history, lines) = History::open();
        for line in lines {
            let _ = editor.add_history_entry(line);
        }
        let above = editor.create_external_printer().ok().map(|mut printer| -> Above {
            Box::new(move |text| {
                // A terminal that cannot be written to ends the editor, too.
                let _ = printer.print(text);
            })
        });
        let is_rich = above.is_some();
        screen.start(above);
        Ok(Self { editor, history, screen: Arc::clone(screen), keys, is_rich })
    }

    /// Reads a line.
    ///
    /// # Errors
    ///
    /// Returns an error if the terminal cannot be read.
    pub(crate) fn read(&mut self, prompt: &str, mode: Mode) -> Result<Input, Failure> {
        if let Some(assistant) = self.editor.helper_mut() {
            assistant.mode = mode;
            assistant.has_text.set(false);
        }
        self.screen.begin_editing((!self.is_rich).then_some(prompt));
        self.keys.iter().for_each(Keys::begin_editing);
        let result = self.editor.readline(prompt);
        self.keys.iter().for_each(Keys::end_editing);
        self.screen.end_editing();
        match result {
            Ok(lines) => Ok(Input::Lines(lines)),
            Err(ReadlineError::Interrupted) => {
                let has_text = self.editor.helper().is_some_and(|it| it.has_text.get());
                Ok(if has_text { Input::Dropped } else { Input::Interrupted })
            }
            Err(ReadlineError::Eof) => Ok(Input::End),
            Err(error) => Err(failed(&error)),
        }
    }

    /// Adds a line to the history, unless it contains a secret or begins with a blank.
    pub(crate) fn remember(&mut self, line: &str) {
        if history::may_keep(line) && matches!(self.editor.add_history_entry(line), Ok(true)) {
            self.history.append(line);
        }
    }
}

fn failed(error: &ReadlineError) -> Failure {
    Failure::new(Code::Refused, format!("cannot read the terminal: {error}"))
}

//! The output: values on stdout, everything else on stderr.

pub(crate) mod json;
pub(crate) mod table;
pub(crate) mod text;

use std::io::{self, IsTerminal, Write};

use qmp_blocking::Escaped;

use crate::exit::Failure;
use crate::filter::Filter;
use crate::show::json::Layout;

/// Writes values to stdout.
#[derive(Debug)]
pub(crate) struct Printer {
    pub(crate) layout: Layout,
    pub(crate) filter: Option<Filter>,
    /// Whether strings are written without quotes.
    pub(crate) raw: bool,
}

impl Printer {
    /// Writes a value, or what the filter makes of it, each on a line.
    pub(crate) fn value(&self, json: &str) -> Result<(), Failure> {
        match &self.filter {
            Some(filter) => filter.run(json, |json| self.line(json)),
            None => self.line(json),
        }
    }

    /// Writes a command instead of sending it.
    pub(crate) fn message(&self, json: &str) -> Result<(), Failure> {
        write((self.layout.write(json) + "\n").as_bytes())
    }

    /// Writes text as it is, escaped on a terminal.
    pub(crate) fn text(&self, text: &str) -> Result<(), Failure> {
        write(text::shown(text, io::stdout().is_terminal()).as_bytes())
    }

    fn line(&self, json: &str) -> Result<(), Failure> {
        if self.raw && json.starts_with('"') {
            if let Ok(text) = serde_json::from_str::<String>(json) {
                return self.text(&(text + "\n"));
            }
        }
        let mut line = self.layout.write(json).into_owned();
        line.push('\n');
        write(line.as_bytes())
    }
}

/// Writes to stdout at once.
pub(crate) fn write(bytes: &[u8]) -> Result<(), Failure> {
    let mut stdout = io::stdout().lock();
    stdout.write_all(bytes).and_then(|()| stdout.flush()).map_err(|error| Failure::output(&error))
}

/// Writes a line to stderr. An error of stderr cannot be reported anywhere.
pub(crate) fn tell(text: impl std::fmt::Display) {
    let _ = writeln!(io::stderr(), "{}", Escaped(text));
}

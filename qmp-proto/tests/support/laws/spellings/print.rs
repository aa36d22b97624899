//! The formats of a server's messages.

use super::choices::Choices;
use super::message::Value;

#[derive(Clone, Copy, Debug)]
pub(super) enum Style {
    /// QEMU's format: a blank after each comma and colon.
    Qemu,
    Compact,
    /// One member per line, with these line ends.
    Pretty(&'static str),
    /// QEMU's format, with other blanks in some gaps.
    Wild(usize),
}

impl Style {
    pub(super) fn any(choices: &mut Choices<'_>) -> Self {
        match choices.below(8) {
            0..3 => Self::Qemu,
            3 => Self::Compact,
            4 => Self::Pretty("\r\n"),
            5 => Self::Pretty("\n"),
            6 => Self::Wild(3),
            _ => Self::Wild(15),
        }
    }
}

/// Returns blanks between messages.
pub(super) const BETWEEN: &[&str] = &["\r\n", "\n", "", " ", "\r", "\t ", "\n\n", "\r\n \r\n"];

const GAPS: &[&str] = &["\n", "\r\n", " ", "\t", "\r", "\n\n", "  ", ""];

pub(super) struct Printer<'c, 'a> {
    pub(super) choices: &'c mut Choices<'a>,
    pub(super) style: Style,
    pub(super) out: String,
}

impl Printer<'_, '_> {
    pub(super) fn print(&mut self, value: &Value, level: usize) {
        match value {
            Value::Text(text) => self.out += text,
            Value::List(elements) => self.parts('[', ']', level, elements, |printer, element| {
                printer.print(element, level + 1);
            }),
            Value::Object(members) => {
                self.parts('{', '}', level, members, |printer, (name, value)| {
                    printer.out += name;
                    printer.gap("");
                    printer.out.push(':');
                    printer.gap(" ");
                    printer.print(value, level + 1);
                });
            }
        }
    }

    fn parts<T>(
        &mut self,
        open: char,
        close: char,
        level: usize,
        parts: &[T],
        mut print: impl FnMut(&mut Self, &T),
    ) {
        self.out.push(open);
        for (number, part) in parts.iter().enumerate() {
            self.gap("");
            if number > 0 {
                self.out.push(',');
                if !matches!(self.style, Style::Pretty(_)) {
                    self.gap(" ");
                }
            }
            self.line(level + 1);
            print(self, part);
        }
        self.gap("");
        self.line(level);
        self.out.push(close);
    }

    fn line(&mut self, level: usize) {
        if let Style::Pretty(end) = self.style {
            self.out += end;
            self.out += &"    ".repeat(level);
        }
    }

    fn gap(&mut self, usual: &str) {
        self.out += match self.style {
            Style::Wild(count) if self.choices.one_in(count) => self.choices.pick(GAPS),
            Style::Compact => "",
            _ => usual,
        };
    }
}

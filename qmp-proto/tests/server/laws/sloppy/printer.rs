//! Printers of clients.

use proptest::prelude::*;

use super::tree::Tree;

/// The format of a client, which escapes quotes and backslashes but no control characters, and does
/// not limit the depth.
#[derive(Clone, Debug)]
pub(super) struct Printer {
    /// The quotes around strings.
    quote: char,
    /// Whether it uses the other kind of quotes around a string that contains the first.
    either: bool,
    escape: Escape,
    comma: &'static str,
    colon: &'static str,
    list: (&'static str, &'static str),
    object: (&'static str, &'static str),
}

/// The form of a quote inside a string.
#[derive(Clone, Copy, Debug)]
enum Escape {
    Backslash,
    Code,
}

impl Printer {
    pub(super) fn write(&self, tree: &Tree) -> String {
        let (open, close) = self.list;
        match tree {
            Tree::Plain(text) => (*text).into(),
            Tree::Text(text) => self.quoted(text),
            Tree::List(all) => {
                let all: Vec<_> = all.iter().map(|it| self.write(it)).collect();
                format!("{open}{}{close}", all.join(self.comma))
            }
            Tree::Object(all) => self.object(all.iter().map(|(name, it)| (&name[..], it))),
            Tree::Deep(levels, inner) => {
                format!("{}{}{}", open.repeat(*levels), self.write(inner), close.repeat(*levels))
            }
        }
    }

    /// Prints a command with one argument.
    pub(super) fn command(&self, name: &str, argument: &Tree) -> String {
        let name = Tree::Text(name.into());
        let arguments = Tree::Object(vec![("x".into(), argument.clone())]);
        self.object([("execute", &name), ("arguments", &arguments)].into_iter())
    }

    /// Prints a command with an id, and with its name last.
    pub(super) fn command_last(&self, name: &str, id: &Tree) -> String {
        self.object([("id", id), ("execute", &Tree::Text(name.into()))].into_iter())
    }

    fn object<'a>(&self, members: impl Iterator<Item = (&'a str, &'a Tree)>) -> String {
        let (open, close) = self.object;
        let members: Vec<_> =
            members.map(|(name, it)| self.quoted(name) + self.colon + &self.write(it)).collect();
        format!("{open}{}{close}", members.join(self.comma))
    }

    fn quoted(&self, text: &str) -> String {
        let other = if self.quote == '"' { '\'' } else { '"' };
        let takes_other = self.either && text.contains(self.quote) && !text.contains(other);
        let quote = if takes_other { other } else { self.quote };
        let escaped = match self.escape {
            Escape::Backslash => format!("\\{quote}"),
            Escape::Code => format!("\\u00{:02x}", quote as u32),
        };
        let inside = text.replace('\\', "\\\\").replace(quote, &escaped);
        format!("{quote}{inside}{quote}")
    }
}

/// Returns any client.
pub(super) fn printer() -> impl Strategy<Value = Printer> {
    use prop::sample::select;
    (
        select(vec!['"', '\'']),
        any::<bool>(),
        select(vec![Escape::Backslash, Escape::Backslash, Escape::Code]),
        select(vec![",", ",\n", ", ", "\n, ", ",\r\n\t", "\n", "\r\n"]),
        select(vec![":", ":\n", " : ", ":\n  "]),
        select(vec![("[", "]"), ("[\n", "\n]"), ("(\n", ")"), ("[ ", " ]")]),
        select(vec![("{", "}"), ("\n{", "}"), ("{\n  ", "\n}"), ("{ ", "\n}\n")]),
    )
        .prop_map(|(quote, either, escape, comma, colon, list, object)| Printer {
            quote,
            either,
            escape,
            comma,
            colon,
            list,
            object,
        })
}

/// Returns a client that separates values by commas and uses one kind of quotes, which never occur
/// inside a string.
pub(super) fn pairing_printer() -> impl Strategy<Value = Printer> {
    printer().prop_map(|by| {
        let comma = if by.comma.contains(',') { by.comma } else { ",\n" };
        Printer { either: false, escape: Escape::Code, comma, ..by }
    })
}

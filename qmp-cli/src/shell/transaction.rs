//! `transaction(` … `)`: several actions as one command.

use crate::exit::Failure;
use crate::request::{Files, Request};
use crate::words::Node;

/// The actions so far.
#[derive(Clone, Debug, Default)]
pub(crate) struct Transaction {
    actions: Vec<(String, Vec<(String, Node)>)>,
}

/// What a line of a transaction does.
#[derive(Debug, PartialEq)]
pub(crate) enum Step {
    /// More lines follow.
    More,
    /// It is complete.
    Send,
}

impl Transaction {
    /// Returns the rest of the line if it begins a transaction.
    pub(crate) fn begins(line: &str) -> Option<&str> {
        line.strip_prefix("transaction")?.trim_start().strip_prefix('(')
    }

    /// Reads a line: an action, `)`, or both.
    ///
    /// # Errors
    ///
    /// Returns an error if the line is not an action. The earlier actions are kept.
    pub(crate) fn line(&mut self, line: &str) -> Result<Step, Failure> {
        let line = line.trim();
        let (action, step) = match line.strip_suffix(')') {
            Some(action) if action.is_empty() || action.ends_with(char::is_whitespace) => {
                (action.trim_end(), Step::Send)
            }
            _ => (line, Step::More),
        };
        if action.starts_with(')') {
            return Err(Failure::usage("nothing may follow the closing parenthesis"));
        }
        if !action.is_empty() {
            let number = self.actions.len() + 1;
            let action = read(action).map_err(|it| it.within(format!("action {number}")))?;
            self.actions.push(action);
        }
        Ok(step)
    }

    /// Removes the last action and returns its name.
    pub(crate) fn undo(&mut self) -> Option<String> {
        self.actions.pop().map(|(name, _)| name)
    }

    /// The names of the actions.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.actions.iter().map(|(name, _)| name.as_str())
    }

    /// The command that executes all actions or none.
    pub(crate) fn request(&self) -> Request {
        let action = |(name, members): &(String, Vec<(String, Node)>)| {
            let data = Node::Object(members.clone());
            Node::Object(vec![("type".into(), Node::Text(name.clone())), ("data".into(), data)])
        };
        let actions = Node::Array(self.actions.iter().map(action).collect());
        Request::Words {
            name: "transaction".to_owned(),
            members: vec![("actions".to_owned(), actions)],
            is_secret_visible: false,
        }
    }
}

fn read(line: &str) -> Result<(String, Vec<(String, Node)>), Failure> {
    if line.starts_with('{') {
        return Err(Failure::usage("an action is written as words"));
    }
    let words = shlex::split(line).ok_or_else(|| Failure::usage("a quote is not closed"))?;
    if let Some(option) = words.iter().find(|word| word.starts_with('-')) {
        return Err(Failure::usage(format!("{option:?} is an option; an action has none")));
    }
    match Request::parse(&words, &Files::without_stdin())? {
        Request::Words { name, members, .. } => Ok((name, members)),
        Request::Raw { .. } => Err(Failure::usage("an action is written as words")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::cli::Options;
    use crate::send::Sender;

    fn message(lines: &[&str]) -> String {
        let mut transaction = Transaction::default();
        for (at, line) in lines.iter().enumerate() {
            let step = transaction.line(line).unwrap_or_else(|failure| panic!("{failure}"));
            assert_eq!(step == Step::Send, at + 1 == lines.len());
        }
        Sender::dry(&Options::default()).message(&transaction.request()).unwrap()
    }

    #[test]
    fn actions_are_on_one_line_or_on_many() {
        let snapshot = "blockdev-snapshot-sync node-name=007 snapshot-file=/x snapshot-node-name=s";
        let action = r#"{"type": "blockdev-snapshot-sync", "data": {"node-name": "007", "snapshot-file": "/x", "snapshot-node-name": "s"}}"#;
        let whole = |actions: &str| {
            format!(r#"{{"execute": "transaction", "arguments": {{"actions": [{actions}]}}}}"#)
        };
        assert_eq!(message(&[snapshot, ")"]), whole(action));
        assert_eq!(message(&[&format!("{snapshot} )")]), whole(action));
        let abort = r#"{"type": "abort", "data": {}}"#;
        assert_eq!(message(&["", snapshot, "abort )"]), whole(&format!("{action}, {abort}")));
        assert_eq!(message(&[")"]), whole(""));
    }

    #[test]
    fn a_mistake_keeps_the_earlier_actions() {
        let mut transaction = Transaction::default();
        transaction.line("abort").unwrap();
        for (line, why) in [
            (") abort", "nothing may follow"),
            ("abort x", "action 2: abort: x: write KEY=TEXT"),
            ("abort 'x", "action 2: a quote is not closed"),
            ("abort -q .x", "is an option"),
            ("{\"execute\": \"stop\"}", "written as words"),
        ] {
            let failure = transaction.line(line).unwrap_err();
            assert!(failure.to_string().contains(why), "{failure}");
        }
        assert_eq!(transaction.names().collect::<Vec<_>>(), ["abort"]);
        assert_eq!(transaction.undo().as_deref(), Some("abort"));
        assert_eq!(transaction.undo(), None);
        assert_eq!(Transaction::begins("transaction( abort )"), Some(" abort )"));
        assert_eq!(Transaction::begins("transaction actions:=[]"), None);
    }
}

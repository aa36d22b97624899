//! The human monitor.

use std::io::{self, IsTerminal};

use crate::exit::{Code, Failure};
use crate::request::Request;
use crate::send::Sender;
use crate::show::{Printer, text};
use crate::words::Node;
use crate::words::typing::string;

/// Runs a line and prints its output.
///
/// # Errors
///
/// Returns an error if the human monitor reports one.
pub(crate) fn run(
    sender: &Sender<'_>,
    line: &str,
    cpu: Option<u32>,
    printer: &Printer,
) -> Result<(), Failure> {
    let output = sender.send(&request(line, cpu)).value?;
    let mut output: String = serde_json::from_str(&output).map_err(|_| {
        Failure::new(Code::Refused, "the server returned something that is not text")
    })?;
    output = output.replace("\r\n", "\n");
    if is_error(&output) {
        let shown = text::shown(output.trim_end(), io::stderr().is_terminal()).replace('\n', "; ");
        return Err(Failure::new(Code::Refused, format!("hmp {line}: {shown}")));
    }
    if !output.is_empty() && !output.ends_with('\n') {
        output.push('\n');
    }
    printer.text(&output)
}

/// The command for a line.
pub(crate) fn request(line: &str, cpu: Option<u32>) -> Request {
    let mut members = vec![("command-line".to_owned(), Node::Json(string(line)))];
    if let Some(cpu) = cpu {
        members.push(("cpu-index".to_owned(), Node::Json(cpu.to_string())));
    }
    Request::Words { name: "human-monitor-command".to_owned(), members, is_secret_visible: false }
}

/// Whether an output is an error. The human monitor has no other sign of it.
fn is_error(output: &str) -> bool {
    let output = output.trim();
    let last = output.lines().last().unwrap_or_default();
    output.starts_with("Error:")
        || output.starts_with("unknown command:")
        || last.starts_with("Try \"help") && last.ends_with("for more information")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_known_by_their_words() {
        for error in [
            "Error: Device 'd0' is writable but does not support snapshots\r\n",
            "unknown command: 'nope'\r\n",
            "migrate: expected a string\r\nTry \"help migrate\" for more information\r\n",
        ] {
            assert!(is_error(error), "{error}");
        }
        for output in ["", "VM status: running\r\n", "a\r\nError: b\r\n", "Try this\n"] {
            assert!(!is_error(output), "{output}");
        }
    }
}

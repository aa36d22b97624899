//! Commands from stdin, one a line.

use std::io::{self, BufRead, BufReader, Stdin};

use crate::exit::{Code, Failure};
use crate::request::{Files, Request};
use crate::send::Sender;
use crate::show::{self, Printer};

/// Sends the commands of stdin.
///
/// # Errors
///
/// Returns the first error, with its line and how many commands were not sent.
pub(crate) fn run(sender: &Batch<'_>) -> Result<(), Failure> {
    let mut lines = Lines { input: BufReader::new(io::stdin()), number: 0 };
    let (mut done, mut failed) = (0_u64, 0_u64);
    let mut first: Option<Code> = None;
    while let Some(line) = lines.next()? {
        let Err(failure) = line.and_then(|line| sender.run(&line)) else {
            done += 1;
            continue;
        };
        if failure.code == Code::ClosedPipe {
            return Err(failure);
        }
        let failure = failure.within(format!("line {}", lines.number));
        if !sender.keep_going || !failure.leaves_connection() {
            let (unsent, is_all) = lines.count_rest();
            let least = if is_all { "" } else { "at least " };
            let failed =
                if failed > 0 { format!("{failed} failed before, ") } else { String::new() };
            return Err(failure.and(format!("{done} done, {failed}{least}{unsent} not sent")));
        }
        show::tell(&failure);
        first.get_or_insert(failure.code);
        failed += 1;
    }
    match first {
        Some(code) => Err(Failure::new(code, format!("{done} done, {failed} failed"))),
        None => Ok(()),
    }
}

/// How commands of stdin are sent.
pub(crate) struct Batch<'b> {
    pub(crate) sender: Sender<'b>,
    pub(crate) printer: &'b Printer,
    pub(crate) keep_going: bool,
    /// Whether whole replies are printed.
    pub(crate) replies: bool,
    /// Whether commands are shown instead of sent.
    pub(crate) dry_run: bool,
}

impl Batch<'_> {
    /// Sends one line. With whole replies a line is printed whatever happens.
    fn run(&self, line: &str) -> Result<(), Failure> {
        let request = match parse(line) {
            Ok(request) => request,
            Err(failure) => return self.no_reply(failure),
        };
        if self.dry_run {
            return self.printer.message(&self.sender.message(&request)?);
        }
        let answer = self.sender.send(&request);
        let whole = self.replies || matches!(request, Request::Raw { .. });
        match (whole, answer.reply, answer.value) {
            (true, Some(reply), value) => {
                self.printer.value(&reply)?;
                value.map(drop)
            }
            (_, _, Ok(value)) => self.printer.value(&value),
            (_, _, Err(failure)) => self.no_reply(failure),
        }
    }

    /// Keeps replies aligned with commands.
    fn no_reply(&self, failure: Failure) -> Result<(), Failure> {
        if self.replies {
            show::write(b"null\n")?;
        }
        Err(failure)
    }
}

/// Reads a command as a shell would, or a whole message.
fn parse(line: &str) -> Result<Request, Failure> {
    let words = match line.starts_with('{') {
        true => vec![line.to_owned()],
        false => match shlex::split(line) {
            Some(words) => words,
            None => return Err(Failure::usage("a quote is not closed")),
        },
    };
    if let Some(option) = words.iter().find(|word| word.starts_with('-')) {
        let text = format!("{option:?} is an option; options stand on the command line of qmp");
        return Err(Failure::usage(text));
    }
    if let Some(verb @ ("events" | "wait" | "hmp" | "raw")) = words.first().map(String::as_str) {
        return Err(Failure::usage(format!(
            "{verb} is a verb of qmp; only commands can be read here"
        )));
    }
    Request::parse(&words, &Files::without_stdin())
}

struct Lines {
    input: BufReader<Stdin>,
    /// The number of the last line, from 1.
    number: u64,
}

impl Lines {
    /// Returns the next line with a command, or an error if it is not text.
    #[allow(clippy::type_complexity)]
    fn next(&mut self) -> Result<Option<Result<String, Failure>>, Failure> {
        loop {
            let mut line = Vec::new();
            let read = self.input.read_until(b'\n', &mut line);
            let failed = |error| Failure::usage(format!("cannot read stdin: {error}"));
            if read.map_err(failed)? == 0 {
                return Ok(None);
            }
            self.number += 1;
            if !is_command(&line) {
                continue;
            }
            return Ok(Some(match String::from_utf8(line) {
                Ok(line) => Ok(line.trim().to_owned()),
                Err(_) => Err(Failure::usage("it is not UTF-8")),
            }));
        }
    }

    /// Counts the commands that are left, as far as they can be read without waiting for their
    /// writer. Returns whether these are all.
    fn count_rest(&mut self) -> (u64, bool) {
        let mut count = 0;
        let mut line = Vec::new();
        while !self.input.buffer().is_empty() || is_readable() {
            line.clear();
            match self.input.read_until(b'\n', &mut line) {
                Ok(0) | Err(_) => return (count, true),
                Ok(_) => count += u64::from(is_command(&line)),
            }
        }
        (count, false)
    }
}

/// Empty lines and comments are not commands.
fn is_command(line: &[u8]) -> bool {
    let line = line.trim_ascii();
    !line.is_empty() && !line.starts_with(b"#")
}

#[cfg(unix)]
fn is_readable() -> bool {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};

    let stdin = io::stdin();
    let limit = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };
    poll(&mut [PollFd::new(&stdin, PollFlags::IN)], Some(&limit)).is_ok_and(|ready| ready > 0)
}

#[cfg(not(unix))]
const fn is_readable() -> bool {
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_split_as_by_a_shell() {
        let Request::Words { name, members, .. } = parse(r#"x a='b c' d:='{"e": 1}'"#).unwrap()
        else {
            panic!("not words")
        };
        assert_eq!((name.as_str(), members.len()), ("x", 2));
        assert!(matches!(parse(r#"{"execute": "stop"}"#).unwrap(), Request::Raw { .. }));
        for (line, why) in [
            ("x a='b", "a quote is not closed"),
            ("x --oob", "\"--oob\" is an option"),
            ("wait STOP", "wait is a verb"),
            ("x a=@-", "the commands come from stdin"),
        ] {
            let failure = parse(line).unwrap_err();
            assert!(failure.to_string().contains(why), "{failure}");
        }
        assert!(!is_command(b"  \n") && !is_command(b" # x\n") && is_command(b"stop"));
    }
}

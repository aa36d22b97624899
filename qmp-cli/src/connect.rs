//! Connecting, and watching the wire.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::Path;
use std::time::{Duration, Instant, SystemTime};

use qmp_blocking::{Client, Direction, EscapedBytes, RawJson};

use crate::cli::Options;
use crate::exit::Failure;
use crate::show;
use crate::target::Target;
use crate::waiting;
use crate::words::typing::string;

/// The deadline for connecting, and for the handshake.
pub(crate) const HANDSHAKE: Duration = Duration::from_secs(5);

/// Connects to a target.
///
/// # Errors
///
/// Returns an error if the log cannot be opened, or if the connection cannot be made.
pub(crate) fn connect(target: &Target, options: &Options, oob: bool) -> Result<Client, Failure> {
    let limit = options.timeout.map_or(HANDSHAKE, |timeout| timeout.min(HANDSHAKE));
    let mut builder = qmp_blocking::builder().connect_timeout(limit).handshake_timeout(limit);
    if target.agent {
        builder = builder.agent();
    }
    if oob {
        builder = builder.out_of_band();
    }
    if let Some(timeout) = options.timeout {
        builder = builder.timeout(timeout);
    }
    if options.verbose || options.log.is_some() {
        let mut watcher = Watcher::new(options, show::tell)?;
        builder = builder.on_wire(move |direction, message| watcher.note(direction, message));
    }
    let _waiting = waiting::begin(waiting::For::Connection(target.address.to_string(), limit));
    builder.connect(&target.address).map_err(|error| {
        let failure = Failure::connecting(&error);
        match &target.advice {
            Some(advice) => failure.and(advice),
            None => failure,
        }
    })
}

/// Writes the messages of a connection to stderr and to a log.
pub(crate) struct Watcher {
    start: Instant,
    /// Whether messages are shown.
    pub(crate) verbose: bool,
    show: Box<dyn FnMut(String) + Send>,
    log: Option<File>,
}

impl Watcher {
    /// Returns a watcher that shows messages with a function.
    ///
    /// # Errors
    ///
    /// Returns an error if the log cannot be opened.
    pub(crate) fn new(
        options: &Options,
        show: impl FnMut(String) + Send + 'static,
    ) -> Result<Self, Failure> {
        let (start, show) = (Instant::now(), Box::new(show));
        let mut watcher = Self { start, verbose: options.verbose, show, log: None };
        watcher.log_to(options.log.as_deref())?;
        Ok(watcher)
    }

    /// Appends messages to a file from now on, or to none.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be opened.
    pub(crate) fn log_to(&mut self, path: Option<&Path>) -> Result<(), Failure> {
        self.log = None;
        let Some(path) = path else { return Ok(()) };
        let mut open = OpenOptions::new();
        open.append(true).create(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut open, 0o600);
        let failed = |error| Failure::usage(format!("cannot open {}: {error}", path.display()));
        self.log = Some(open.open(path).map_err(failed)?);
        Ok(())
    }

    pub(crate) fn note(&mut self, direction: Direction, message: &[u8]) {
        if self.verbose {
            let milliseconds = self.start.elapsed().as_millis();
            let arrow = match direction {
                Direction::Sent => '>',
                _ => '<',
            };
            (self.show)(format!("{milliseconds:>6} {arrow} {}", EscapedBytes(message)));
        }
        let Some(log) = &mut self.log else { return };
        let line = log_line(direction, message);
        if let Err(error) = log.write_all(line.as_bytes()) {
            (self.show)(format!("the log ends here, it cannot be written: {error}"));
            self.log = None;
        }
    }
}

/// Writes a message as one JSON value on a line; as a string if it is not JSON.
fn log_line(direction: Direction, message: &[u8]) -> String {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
    let direction = match direction {
        Direction::Sent => "sent",
        _ => "received",
    };
    let text = String::from_utf8_lossy(message);
    let message = match RawJson::parse(&text) {
        Ok(json) => json.to_string(),
        Err(_) => string(&text),
    };
    format!("{{\"time\": {:.6}, \"{direction}\": {message}}}\n", since.as_secs_f64())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_line_of_the_log_is_json() {
        for (message, shown) in [
            (&b"{\"return\": {}}"[..], r#""received": {"return": {}}"#),
            (b"{\r\n    \"return\": {}}", r#""received": {      "return": {}}"#),
            (b"\xff{", "\"received\": \"\u{fffd}{\""),
        ] {
            let line = log_line(Direction::Received, message);
            let value: serde_json::Value = serde_json::from_str(&line).unwrap();
            assert!(value["time"].is_number() && line.contains(shown), "{line}");
            assert_eq!(line.matches('\n').count(), 1);
        }
    }
}

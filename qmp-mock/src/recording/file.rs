//! A file with recorded sessions.

use std::fs;
use std::path::Path;

use crate::Mock;
use crate::builder::Setup;
use crate::recording::line::Line;
use crate::recording::session::{Pace, Session};
use crate::recording::timeline::Timeline;
use crate::recording::{RecordingError, Replay};

/// Sessions recorded by a [`Recorder`](crate::Recorder), to be replayed.
///
/// [`Mock::replay`] is a shortcut for the common case.
///
/// ```no_run
/// # fn main() -> Result<(), qmp_mock::RecordingError> {
/// let mock = qmp_mock::Recording::open("tests/data/backup.jsonl")?.loose().replay();
/// # Ok(())
/// # }
/// ```
///
/// # The format
///
/// Each line is a JSON object with these members: `t`, the milliseconds since the connection was
/// made; `dir`, `c2s` or `s2c`; `hex`, the bytes; `fds`, the number of file descriptors sent with
/// them, if any; and `event`, on lines without bytes: `connect` begins a session, `close` means
/// that the client closed the connection, `eof` and `reset` that the server did.
#[derive(Debug)]
pub struct Recording {
    timelines: Vec<Timeline>,
    loose: bool,
    pace: Pace,
}

impl Recording {
    /// Reads a recording.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read, is not a recording, or contains output that is
    /// not valid QMP. The last happens if it was recorded over a transport that wraps the messages.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| RecordingError::io(path, error))?;
        let mut sessions: Vec<Vec<Line>> = Vec::new();
        for (number, text) in text.lines().enumerate() {
            let line: Line = serde_json::from_str(text).map_err(|error| {
                RecordingError::content(
                    path,
                    Some(number + 1),
                    format!("not a line of a recording: {error}"),
                )
            })?;
            match sessions.last_mut() {
                Some(session) if !line.begins_a_session(session) => session.push(line),
                _ => sessions.push(vec![line]),
            }
        }
        let timelines: Result<Vec<_>, _> =
            sessions.iter().map(|lines| Timeline::new(lines)).collect();
        let timelines = timelines.map_err(|why| RecordingError::content(path, None, why))?;
        if timelines.is_empty() {
            return Err(RecordingError::content(path, None, "it contains no session"));
        }
        Ok(Self { timelines, loose: false, pace: Pace::AtOnce })
    }

    /// Accepts commands in any order and any number of times. Each is looked up by name and
    /// arguments, first among the recorded commands that were not sent yet. By default commands
    /// must arrive in the recorded order, each exactly as often as recorded.
    ///
    /// Use this for clients with concurrent tasks.
    pub fn loose(mut self) -> Self {
        self.loose = true;
        self
    }

    /// Keeps the recorded delays before each reply and event. By default there are no delays.
    pub fn at_recorded_pace(mut self) -> Self {
        self.pace = Pace::AsRecorded;
        self
    }

    /// Starts a mock that replays this recording. The first client gets the first recorded session,
    /// the second client the second, and all clients after the last session get the last one.
    ///
    /// A command matches a recorded one if name and arguments are equal; the reply has the client's
    /// own id. Rules of the mock take precedence over the recording. Commands that do not match get
    /// `CommandNotFound`. [`Mock::verify`] reports them, and also the recorded commands that did
    /// not arrive.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot provide a socket or a thread.
    #[track_caller]
    pub fn replay(self) -> Mock {
        let first = &self.timelines[0];
        let mut setup: Setup = Mock::builder().without_usual_answers().into_setup();
        setup.agent = first.is_agent();
        setup.out_of_band = first.offers_out_of_band();
        let (loose, pace) = (self.loose, self.pace);
        let sessions = self.timelines.into_iter();
        let sessions = sessions.map(|timeline| Session::new(timeline, loose, pace)).collect();
        Mock::start(setup, Some(Replay::new(sessions, loose)))
    }
}

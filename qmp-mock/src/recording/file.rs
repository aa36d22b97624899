//! A file with recorded sessions.

use std::fs;
use std::path::Path;

use crate::Mock;
use crate::builder::Setup;
use crate::recording::line::Line;
use crate::recording::session::{Pace, Session};
use crate::recording::timeline::Timeline;
use crate::recording::{RecordingError, Replay};

/// Sessions that a [`Recorder`](crate::Recorder) wrote down, read to be replayed.
///
/// [`Mock::replay`] is short for the usual case.
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
/// One line is one JSON object: `t`, the milliseconds since the connection was made; `dir`, `c2s`
/// or `s2c`; `hex`, the bytes; `fds`, how many descriptors went with them, if any did; and `event`,
/// if it is no bytes: `connect` begins a session, `close` is the client's end, `eof` and `reset` are
/// the server's.
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
    /// If it cannot be read, is no recording, or holds what no QMP server says: it may have been
    /// taken over a transport that wraps the messages into something else.
    pub fn open(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        let path = path.as_ref();
        let text = fs::read_to_string(path).map_err(|error| RecordingError::io(path, error))?;
        let mut sessions: Vec<Vec<Line>> = Vec::new();
        for (number, text) in text.lines().enumerate() {
            let line: Line = serde_json::from_str(text).map_err(|error| {
                RecordingError::content(path, Some(number + 1), format!("no line of one: {error}"))
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
            return Err(RecordingError::content(path, None, "it holds no session"));
        }
        Ok(Self { timelines, loose: false, pace: Pace::AtOnce })
    }

    /// Answers commands in any order, and any number of times: each is looked up by name and
    /// arguments, first among those that have not come yet. Otherwise they have to come in the
    /// recorded order, and each as often as there.
    ///
    /// For clients whose tasks race each other.
    pub fn loose(mut self) -> Self {
        self.loose = true;
        self
    }

    /// Lets as much time pass before each answer and event as then, where otherwise they come at
    /// once.
    pub fn at_recorded_pace(mut self) -> Self {
        self.pace = Pace::AsRecorded;
        self
    }

    /// Begins to serve clients with it. The first gets the first recorded session, the second the
    /// second, and all after the last get the last.
    ///
    /// A command is the recorded one if it has its name and its arguments; its id is the client's
    /// own. Rules of the mock go before the recording. What the recording has no place for is
    /// answered with `CommandNotFound`, and [`Mock::verify`] tells of it, and of what has not come.
    ///
    /// # Panics
    ///
    /// If the system has no socket or thread for it.
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

//! The mock, as a test holds it.

use std::fmt;
use std::os::unix::net::UnixStream;
use std::panic::Location;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use qmp_proto::Address;
use qmp_sockets::{Deadline, IntoAddress, Listener, SocketError, connect};
use serde::Serialize;
use tempfile::TempDir;

use crate::builder::{Builder, Setup};
use crate::recording::{Recording, RecordingError, Replay};
use crate::rules::event_data;
use crate::serving::{accept_clients, spawn};
use crate::shared::{Injected, Shared};
use crate::{Gate, NextClient, On, ReceivedCommand, Unmet};

/// How long [`Mock::wait_for`] and the like wait.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A QMP server that says what a test tells it to.
///
/// It listens on a socket of its own, and threads of its own serve it until it is dropped, so it can
/// be used in any test, asynchronous ones too. All methods take `&self` and none but the
/// `wait_for…` ones waits.
///
/// ```
/// use qmp_mock::Mock;
/// use serde_json::json;
///
/// # fn main() -> Result<(), qmp_blocking::Error> {
/// let mock = Mock::monitor();
/// mock.on("query-status").answer(json!({"status": "paused", "running": false}));
/// mock.on("cont").event("RESUME", ());
///
/// // What is to be tested:
/// let qemu = qmp_blocking::connect(mock.address())?;
/// qemu.execute("query-status").run()?;
/// qemu.execute("cont").run()?;
/// qemu.event().named("RESUME").wait()?;
///
/// assert_eq!(mock.received(), ["query-status", "cont"]);
/// mock.verify();
/// # Ok(())
/// # }
/// ```
pub struct Mock {
    shared: Arc<Shared>,
    path: PathBuf,
    address: Address,
    accepting: Option<JoinHandle<()>>,
    _folder: TempDir,
}

impl Mock {
    /// A monitor, as QEMU and the storage daemon have them.
    ///
    /// # Panics
    ///
    /// If the system has no socket or thread for it.
    #[track_caller]
    pub fn monitor() -> Self {
        Self::builder().start()
    }

    /// A guest agent.
    ///
    /// # Panics
    ///
    /// If the system has no socket or thread for it.
    #[track_caller]
    pub fn agent() -> Self {
        Self::builder().agent().start()
    }

    /// For one with another version, without `oob`, and the like.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Replays a [recording](crate::Recorder): the commands have to come in the recorded order, and
    /// get the recorded answers, with the events between them. [`Recording`] has
    /// other ways.
    ///
    /// # Errors
    ///
    /// If it cannot be read, or is no recording.
    ///
    /// # Panics
    ///
    /// If the system has no socket or thread for it.
    #[track_caller]
    pub fn replay(path: impl AsRef<Path>) -> Result<Self, RecordingError> {
        Ok(Recording::open(path)?.replay())
    }

    #[track_caller]
    pub(crate) fn start(setup: Setup, replay: Option<Replay>) -> Self {
        match Self::try_start(setup, replay) {
            Ok(mock) => mock,
            Err(error) => panic!("the mock cannot listen: {error}"),
        }
    }

    fn try_start(setup: Setup, replay: Option<Replay>) -> Result<Self, Box<dyn std::error::Error>> {
        // Its path short, for sockets.
        let folder = tempfile::Builder::new().prefix("qmp").tempdir()?;
        let path = folder.path().join("mock");
        let address = Address::unix(path.as_os_str().as_encoded_bytes());
        let listener = Listener::bind(&address)?;
        let shared = Shared::new(setup, replay);
        let accepting = accept_clients(&shared, listener)?;
        Ok(Self { shared, path, address, accepting: Some(accepting), _folder: folder })
    }

    /// Where to connect to: a unix socket.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Where to connect to, as a path.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// A connection that is made already, for clients that take one: the client's end of a socket
    /// pair. It is served at once, whoever else is connected.
    ///
    /// # Panics
    ///
    /// If the system has no socket pair or thread for it.
    #[track_caller]
    pub fn connect(&self) -> UnixStream {
        let pair = UnixStream::pair();
        let connected = pair.and_then(|(theirs, ours)| {
            spawn(&self.shared, ours.into())?;
            Ok(theirs)
        });
        match connected {
            Ok(stream) => stream,
            Err(error) => panic!("the mock cannot be connected to: {error}"),
        }
    }

    /// Connects to a client that listens, as QEMU does with `-qmp unix:PATH` without `server=on`,
    /// and serves it.
    ///
    /// # Errors
    ///
    /// If the address cannot be understood, or nobody listens there for ten seconds.
    ///
    /// # Panics
    ///
    /// If the system has no thread for it.
    #[track_caller]
    pub fn connect_to(&self, address: impl IntoAddress) -> Result<(), SocketError> {
        let address = address.into_address()?;
        let socket = connect(&address, Deadline::after(CONNECT_DEADLINE).instant())?;
        match spawn(&self.shared, socket) {
            Ok(()) => Ok(()),
            Err(error) => panic!("the mock cannot serve {address}: {error}"),
        }
    }

    /// Says what to do when this command comes. Of several rules for it the first that
    /// [applies](On::with), and is not [used up](On::times), is followed; without one, common
    /// commands get [their usual answers](Builder::without_usual_answers), and all others
    /// `CommandNotFound`, of which [`verify`](Self::verify) complains.
    #[track_caller]
    pub fn on(&self, command: &str) -> On {
        On::new(&self.shared, command, Location::caller())
    }

    /// Forgets all rules for this command, so that others can be made.
    pub fn forget(&self, command: &str) {
        self.shared.lock().rules.retain(|rule| rule.name != command);
    }

    /// Says how the next client is received, if not in the usual way.
    pub fn next_client(&self) -> NextClient {
        NextClient::new(&self.shared)
    }

    /// Emits an event now, to all clients that have negotiated; `()` for one without data. As with
    /// QEMU, a client that comes later does not get it: see
    /// [`wait_until_ready`](Self::wait_until_ready).
    ///
    /// # Panics
    ///
    /// If `data` cannot be serialized.
    #[track_caller]
    pub fn event(&self, name: &str, data: impl Serialize) {
        let data = event_data(&data);
        self.shared.lock().inject(&Injected::Event { name: name.to_owned(), data });
    }

    /// Sends bytes now, as they are, to all clients.
    pub fn bytes(&self, bytes: impl Into<Vec<u8>>) {
        self.shared.lock().inject(&Injected::Bytes(bytes.into()));
    }

    /// Hangs up on all clients, once they have been sent what was said before.
    pub fn hang_up(&self) {
        self.shared.lock().inject(&Injected::HangUp);
    }

    /// A gate that answers can be [held](On::hold) at; it is closed.
    pub fn gate(&self) -> Gate {
        Gate::new(&self.shared)
    }

    /// All commands that came so far, of all clients, in order. They compare with names:
    /// `assert_eq!(mock.received(), ["query-status", "quit"])`.
    pub fn received(&self) -> Vec<ReceivedCommand> {
        self.shared.lock().received.clone()
    }

    /// How many clients have connected so far.
    pub fn clients(&self) -> usize {
        self.shared.lock().clients
    }

    /// How many clients are connected.
    pub fn connected(&self) -> usize {
        self.shared.lock().connected()
    }

    /// Waits until this command has come, and returns the last that did.
    ///
    /// # Panics
    ///
    /// If it does not come within 30 seconds.
    #[track_caller]
    pub fn wait_for(&self, command: &str) -> ReceivedCommand {
        let last = self.shared.wait(Instant::now() + PATIENCE, |state| {
            state.received.iter().rfind(|received| received.name() == command).cloned()
        });
        match last {
            Some(received) => received,
            None => panic!("`{command}` did not come within {PATIENCE:?}"),
        }
    }

    /// Waits until a client is there that has negotiated, and so gets events.
    ///
    /// # Panics
    ///
    /// If none comes within 30 seconds.
    #[track_caller]
    pub fn wait_until_ready(&self) {
        let ready =
            self.shared.wait(Instant::now() + PATIENCE, |state| state.is_ready().then_some(()));
        assert!(ready.is_some(), "no client has negotiated within {PATIENCE:?}");
    }

    /// Waits until no client is connected.
    ///
    /// # Panics
    ///
    /// If one stays for 30 seconds.
    #[track_caller]
    pub fn wait_until_alone(&self) {
        let alone = self
            .shared
            .wait(Instant::now() + PATIENCE, |state| (state.connected() == 0).then_some(()));
        assert!(alone.is_some(), "a client is still connected after {PATIENCE:?}");
    }

    /// Whether all came that was to come, and nothing else: each rule was followed as often as it
    /// says, or at least once; no command was unexpected; no client sent what is no command.
    ///
    /// # Errors
    ///
    /// If not; it says what.
    pub fn check(&self) -> Result<(), Unmet> {
        Unmet::find(&self.shared.lock())
    }

    /// As [`check`](Self::check), for the end of a test.
    ///
    /// # Panics
    ///
    /// If something was not as expected; the message says what.
    #[track_caller]
    pub fn verify(&self) {
        if let Err(unmet) = self.check() {
            panic!("the mock is not content:\n{unmet}");
        }
    }
}

impl Drop for Mock {
    fn drop(&mut self) {
        self.shared.lock().stop();
        if let Some(accepting) = self.accepting.take() {
            let _ = accepting.join();
        }
    }
}

impl fmt::Debug for Mock {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let state = self.shared.lock();
        f.debug_struct("Mock")
            .field("address", &self.address)
            .field("connected", &state.connected())
            .field("received", &state.received)
            .finish_non_exhaustive()
    }
}

//! The mock server, as tests use it.

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

/// How long [`Mock::wait_for`] and similar methods wait.
const PATIENCE: Duration = Duration::from_secs(30);
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// A QMP server that is scripted by a test.
///
/// The mock listens on a unix socket of its own and is served by threads of its own until it is
/// dropped, so that both blocking and asynchronous tests can use it. All methods take `&self`. Only
/// the `wait_for…` and `wait_until…` methods wait.
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
/// // The code under test:
/// let qemu = qmp_blocking::connect(mock.address())?;
/// qemu.execute("query-status").run()?;
/// let resumed = qemu.event().named("RESUME");
/// qemu.execute("cont").run()?;
/// resumed.run()?;
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
    /// Starts a monitor, as QEMU and the storage daemon provide.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot provide a socket or a thread.
    #[track_caller]
    pub fn monitor() -> Self {
        Self::builder().start()
    }

    /// Starts a guest agent.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot provide a socket or a thread.
    #[track_caller]
    pub fn agent() -> Self {
        Self::builder().agent().start()
    }

    /// Returns a builder, for example to set another version or to turn off `oob`.
    pub fn builder() -> Builder {
        Builder::default()
    }

    /// Replays a [recording](crate::Recorder). Commands must arrive in the recorded order; they get
    /// the recorded replies, with the events between them. See [`Recording`] for other ways to
    /// replay.
    ///
    /// # Errors
    ///
    /// Returns an error if the file cannot be read or is not a recording.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot provide a socket or a thread.
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
        // A short path, because the path of a unix socket is limited in length.
        let folder = tempfile::Builder::new().prefix("qmp").tempdir()?;
        let path = folder.path().join("mock");
        let address = Address::unix(path.as_os_str().as_encoded_bytes());
        let listener = Listener::bind(&address)?;
        let shared = Shared::new(setup, replay);
        let accepting = accept_clients(&shared, listener)?;
        Ok(Self { shared, path, address, accepting: Some(accepting), _folder: folder })
    }

    /// Returns the address to connect to, which is a unix socket.
    pub const fn address(&self) -> &Address {
        &self.address
    }

    /// Returns the path of the socket to connect to.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Returns the client's end of a connected socket pair, for clients that accept one. The
    /// connection is served at once, even while other clients are connected.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot provide a socket pair or a thread.
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
    /// Returns an error if the address is invalid, or if nothing listens there within ten seconds.
    ///
    /// # Panics
    ///
    /// Panics if the system cannot provide a thread.
    #[track_caller]
    pub fn connect_to(&self, address: impl IntoAddress) -> Result<(), SocketError> {
        let address = address.into_address()?;
        let socket = connect(&address, Deadline::after(CONNECT_DEADLINE).instant())?;
        match spawn(&self.shared, socket) {
            Ok(()) => Ok(()),
            Err(error) => panic!("the mock cannot serve {address}: {error}"),
        }
    }

    /// Adds a rule for a command. Of several rules for the same command, the first one that
    /// [applies](On::with) and is not [used up](On::times) is followed. Without a rule, common
    /// commands get [default replies](Builder::without_usual_answers), and all others get
    /// `CommandNotFound`, which [`verify`](Self::verify) reports.
    #[track_caller]
    pub fn on(&self, command: &str) -> On {
        On::new(&self.shared, command, Location::caller())
    }

    /// Removes all rules for this command.
    pub fn forget(&self, command: &str) {
        self.shared.lock().rules.retain(|rule| rule.name != command);
    }

    /// Sets how the next client is received.
    pub fn next_client(&self) -> NextClient {
        NextClient::new(&self.shared)
    }

    /// Emits an event now to all clients that have negotiated. Pass `()` for an event without data.
    /// As in QEMU, a client that connects later does not get it: see
    /// [`wait_until_ready`](Self::wait_until_ready).
    ///
    /// # Panics
    ///
    /// Panics if `data` cannot be serialized.
    #[track_caller]
    pub fn event(&self, name: &str, data: impl Serialize) {
        let data = event_data(&data);
        self.shared.lock().inject(&Injected::Event { name: name.to_owned(), data });
    }

    /// Sends bytes unchanged to all clients now.
    pub fn bytes(&self, bytes: impl Into<Vec<u8>>) {
        self.shared.lock().inject(&Injected::Bytes(bytes.into()));
    }

    /// Closes all connections after all earlier output is sent.
    pub fn hang_up(&self) {
        self.shared.lock().inject(&Injected::HangUp);
    }

    /// Returns a new, closed gate, at which replies can be [held](On::hold).
    pub fn gate(&self) -> Gate {
        Gate::new(&self.shared)
    }

    /// Returns all commands received so far from all clients, in order. They compare with names:
    /// `assert_eq!(mock.received(), ["query-status", "quit"])`.
    pub fn received(&self) -> Vec<ReceivedCommand> {
        self.shared.lock().received.clone()
    }

    /// Returns how many clients have connected so far.
    pub fn clients(&self) -> usize {
        self.shared.lock().clients
    }

    /// Returns how many clients are connected.
    pub fn connected(&self) -> usize {
        self.shared.lock().connected()
    }

    /// Waits until this command has been received, and returns the latest one.
    ///
    /// # Panics
    ///
    /// Panics if the command is not received within 30 seconds.
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

    /// Waits until a client has negotiated and therefore gets events.
    ///
    /// # Panics
    ///
    /// Panics if no client negotiates within 30 seconds.
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
    /// Panics if a client stays connected for 30 seconds.
    #[track_caller]
    pub fn wait_until_alone(&self) {
        let alone = self
            .shared
            .wait(Instant::now() + PATIENCE, |state| (state.connected() == 0).then_some(()));
        assert!(alone.is_some(), "a client is still connected after {PATIENCE:?}");
    }

    /// Checks that all expected commands arrived, and no others: each rule was followed as often as
    /// it requires (at least once by default), no command was unexpected, and every message from a
    /// client was a valid command.
    ///
    /// # Errors
    ///
    /// Returns every expectation that was not met.
    pub fn check(&self) -> Result<(), Unmet> {
        Unmet::find(&self.shared.lock())
    }

    /// Calls [`check`](Self::check) and panics if it fails. Use this at the end of a test.
    ///
    /// # Panics
    ///
    /// Panics if an expectation was not met; the message lists them.
    #[track_caller]
    pub fn verify(&self) {
        if let Err(unmet) = self.check() {
            panic!("the expectations of the mock were not met:\n{unmet}");
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

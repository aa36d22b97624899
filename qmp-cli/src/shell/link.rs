//! The connection of a shell: it is kept, and made again when it is lost.

use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use futures_lite::future::{block_on, or, poll_fn};
use futures_lite::stream::Stream;
use qmp_blocking::{EventItem, Reply};
use qmp_smol::{Address, Builder, Client, Smol, Subscription};

use crate::cli::Options;
use crate::connect::{HANDSHAKE, Watcher};
use crate::exit::{Code, Failure};
use crate::send::{Channel, Outgoing, Unanswered, answered, refused};
use crate::shell::event_line::{self, Selection};
use crate::shell::interrupt::Interrupt;
use crate::shell::private;
use crate::shell::screen::Screen;
use crate::show::json::Layout;
use crate::target::Target;

/// The pauses between attempts to connect again.
const PAUSES: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

/// The connection of a shell. Clones share it.
#[derive(Clone)]
pub(crate) struct Link(Arc<Shared>);

/// Where the connection comes from.
pub(crate) enum Source {
    /// It is made, and made again.
    Target(Target),
    /// The only one to a program that was launched, and the name of that program.
    Launched(Client, String),
}

struct Shared {
    source: Source,
    options: Options,
    screen: Arc<Screen>,
    watcher: Arc<Mutex<Watcher>>,
    interrupt: Interrupt,
    events: Mutex<Shown>,
    state: Mutex<State>,
    changed: Condvar,
    /// How many connections were made.
    made: AtomicU64,
}

/// How events are printed.
#[derive(Clone, Debug, Default)]
pub(crate) struct Shown {
    pub(crate) selection: Selection,
    pub(crate) json: bool,
}

struct State {
    /// The connection, or why there is none.
    connection: Result<Connection, String>,
    /// How many attempts to connect again have failed.
    failed: u64,
    /// Whether the next attempt is made at once.
    in_a_hurry: bool,
}

/// One connection.
#[derive(Clone)]
pub(crate) struct Connection {
    pub(crate) client: Client,
    events: Arc<Mutex<Subscription>>,
    /// Connections are counted from 1.
    pub(crate) number: u64,
    /// Whether the monitor is the shell's own.
    pub(crate) is_private: bool,
}

impl Link {
    /// Connects, and keeps the connection until the program ends.
    ///
    /// # Errors
    ///
    /// Returns an error if the first connection cannot be made, or if the log cannot be opened.
    pub(crate) fn open(
        source: Source,
        options: Options,
        screen: &Arc<Screen>,
    ) -> Result<Self, Failure> {
        let lines = Arc::clone(screen);
        let watcher = Watcher::new(&options, move |line| lines.line(line))?;
        let shared = Shared {
            source,
            options,
            screen: Arc::clone(screen),
            watcher: Arc::new(Mutex::new(watcher)),
            interrupt: Interrupt::default(),
            events: Mutex::default(),
            state: Mutex::new(State {
                connection: Err("not connected yet".into()),
                failed: 0,
                in_a_hurry: false,
            }),
            changed: Condvar::new(),
            made: AtomicU64::new(0),
        };
        let link = Self(Arc::new(shared));
        let connection = link.connect()?;
        link.state().connection = Ok(connection);
        let following = link.clone();
        // Without this thread, events are printed before the next reply.
        let _ = thread::Builder::new().name("link".into()).spawn(move || following.follow());
        Ok(link)
    }

    /// Returns the connection.
    ///
    /// # Errors
    ///
    /// Returns an error if it is lost.
    pub(crate) fn connection(&self) -> Result<Connection, Failure> {
        self.state().connection.clone().map_err(|why| {
            let failure = Failure::new(Code::NotConnected, format!("not connected: {why}"));
            failure.and_place(&self.peer())
        })
    }

    pub(crate) fn is_connected(&self) -> bool {
        self.state().connection.is_ok()
    }

    pub(crate) fn is_agent(&self) -> bool {
        matches!(&self.0.source, Source::Target(target) if target.agent)
    }

    /// Whether the server is surely on this machine.
    pub(crate) fn is_local(&self) -> bool {
        match &self.0.source {
            Source::Target(target) => {
                matches!(target.address, Address::Unix(_) | Address::Abstract(_))
            }
            Source::Launched(..) => true,
        }
    }

    /// Whether the program was launched, with a connection that nobody else can use.
    pub(crate) fn is_launched(&self) -> bool {
        matches!(self.0.source, Source::Launched(..))
    }

    /// Whether the only connection that there can be has ended.
    pub(crate) fn is_over(&self) -> bool {
        self.is_launched() && !self.is_connected()
    }

    /// Waits a while for the end of a launched program, which was asked to quit.
    pub(crate) fn wait_for_the_end(&self) {
        if self.is_launched() {
            let is_connected = |state: &mut State| state.connection.is_ok();
            let waited = self.0.changed.wait_timeout_while(self.state(), HANDSHAKE, is_connected);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
        }
    }

    pub(crate) fn interrupt(&self) -> &Interrupt {
        &self.0.interrupt
    }

    pub(crate) fn watcher(&self) -> MutexGuard<'_, Watcher> {
        self.0.watcher.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn shown(&self) -> MutexGuard<'_, Shown> {
        self.0.events.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Ends the connection and makes another one at once.
    ///
    /// # Errors
    ///
    /// Returns an error if it cannot be made. Attempts continue.
    pub(crate) fn reconnect(&self) -> Result<(), Failure> {
        if let Source::Launched(_, name) = &self.0.source {
            let text = format!("{name} was launched with one connection");
            return Err(Failure::usage(text));
        }
        let mut state = self.state();
        state.in_a_hurry = true;
        let (failed, made) = (state.failed, self.0.made.load(Ordering::Relaxed));
        if let Ok(connection) = &state.connection {
            connection.client.abort();
        }
        self.0.changed.notify_all();
        let waits = |state: &mut State| match &state.connection {
            Ok(connection) => connection.number <= made,
            Err(_) => state.failed == failed,
        };
        let limit = 3 * HANDSHAKE;
        let waited = self.0.changed.wait_timeout_while(state, limit, waits);
        drop(waited.unwrap_or_else(PoisonError::into_inner));
        self.connection().map(drop)
    }

    /// Leaves the lines of all events that were received so far.
    pub(crate) fn settle(&self) {
        let Ok(connection) = self.connection() else { return };
        let mut events = lock(&connection.events);
        while let Some(item) = events.try_recv() {
            self.print(item);
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        lock(&self.0.state)
    }

    fn connect(&self) -> Result<Connection, Failure> {
        let target = match &self.0.source {
            Source::Target(target) => target,
            Source::Launched(client, _) => {
                let client = client.clone();
                self.watch(&client);
                return Ok(self.connected(client, false));
            }
        };
        let shared = block_on(self.builder().connect(&target.address)).map_err(|error| {
            let failure = Failure::connecting(&error);
            match &target.advice {
                Some(advice) => failure.and(advice),
                None => failure,
            }
        })?;
        let wants_private = !self.0.options.no_private && !target.agent && self.is_local();
        let private = match wants_private {
            true => {
                let number = self.0.made.load(Ordering::Relaxed) + 1;
                block_on(private::open(&shared, number, self.builder()))
            }
            false => None,
        };
        let is_private = private.is_some();
        // The shared connection ends here if there is a private one.
        Ok(self.connected(private.unwrap_or(shared), is_private))
    }

    fn connected(&self, client: Client, is_private: bool) -> Connection {
        let events = Arc::new(Mutex::new(client.events().with_backlog().subscribe()));
        let number = self.0.made.fetch_add(1, Ordering::Relaxed) + 1;
        Connection { client, events, number, is_private }
    }

    /// Shows and logs what a client that exists already sends and receives from now on.
    fn watch(&self, client: &Client) {
        let watcher = Arc::clone(&self.0.watcher);
        client.watch_wire(move |direction, message| lock(&watcher).note(direction, message));
    }

    fn builder(&self) -> Builder<Smol> {
        let options = &self.0.options;
        let limit = options.timeout.map_or(HANDSHAKE, |timeout| timeout.min(HANDSHAKE));
        let mut builder = qmp_smol::builder().connect_timeout(limit).handshake_timeout(limit);
        if self.is_agent() {
            builder = builder.agent();
        }
        if options.oob {
            builder = builder.out_of_band();
        }
        let watcher = Arc::clone(&self.0.watcher);
        builder.on_wire(move |direction, message| lock(&watcher).note(direction, message))
    }

    /// Prints events, and connects again when a connection is lost.
    fn follow(&self) {
        loop {
            let Ok(connection) = self.connection() else {
                self.connect_again();
                continue;
            };
            self.print_events(&connection.events);
            let reason = lock(&connection.events).close_reason();
            let reason = reason.map_or_else(|| "closed".to_owned(), |reason| reason.to_string());
            let mut state = self.state();
            state.connection = Err(reason.clone());
            let is_wanted = state.in_a_hurry;
            drop(state);
            if let Source::Launched(_, name) = &self.0.source {
                self.0.screen.line(format!("{name}: {reason}"));
                return self.0.changed.notify_all();
            }
            if !is_wanted {
                self.0.screen.line(format!(
                    "the connection to {} is lost: {reason}; it is made again when the server is \
                     back",
                    self.peer()
                ));
            }
        }
    }

    /// Tries until there is a connection.
    fn connect_again(&self) {
        let (mut pause, longest) = PAUSES;
        loop {
            let waits = |state: &mut State| !state.in_a_hurry;
            let waited = self.0.changed.wait_timeout_while(self.state(), pause, waits);
            drop(waited.unwrap_or_else(PoisonError::into_inner));
            let connected = self.connect();
            let mut state = self.state();
            state.in_a_hurry = false;
            let is_connected = connected.is_ok();
            state.failed += u64::from(!is_connected);
            state.connection = connected.map_err(|failure| failure.to_string());
            drop(state);
            self.0.changed.notify_all();
            if is_connected {
                let place = self.peer();
                return self.0.screen.line(format!("connected again to {place}"));
            }
            pause = longest.min(pause * 2);
        }
    }

    /// Prints events until the connection ends.
    fn print_events(&self, events: &Mutex<Subscription>) {
        // Printed under the lock, so that `settle` cannot overtake an event.
        let next = || {
            poll_fn(|cx| {
                let mut events = lock(events);
                Pin::new(&mut *events).poll_next(cx).map(|item| {
                    let has_item = item.is_some();
                    item.into_iter().for_each(|item| self.print(item));
                    has_item
                })
            })
        };
        while block_on(next()) {}
    }

    fn print(&self, item: EventItem) {
        let event = match item {
            EventItem::Event(event) => event,
            EventItem::Lagged(count) => {
                let text = "events were lost, because they were not read in time";
                return self.0.screen.line(format!("{count} {text}"));
            }
            _ => return,
        };
        let shown = self.shown();
        if !shown.selection.has(event.name()) {
            return;
        }
        self.0.screen.event(event.name(), || match shown.json {
            true => {
                let json = String::from_utf8_lossy(event.message());
                Layout::default().write(&json).into_owned()
            }
            false => event_line::of(&event),
        });
    }

    /// Waits on another thread for the reply that the user did not wait for.
    fn print_later(&self, name: String, id: Option<String>, command: qmp_smol::Execute) {
        let screen = Arc::clone(&self.0.screen);
        let wait = move || {
            let answer = match block_on(command) {
                Ok(reply) => answered(reply, id.as_deref()),
                Err(error) => refused(&name, error, id.as_deref()),
            };
            match answer.value {
                Ok(value) => {
                    let value = Layout::default().write(&value).into_owned();
                    screen.line(format!("{name}, the late reply: {value}"));
                }
                Err(failure) => screen.line(format!("{name}, the late reply: {failure}")),
            }
        };
        let _ = thread::Builder::new().name("late reply".into()).spawn(wait);
    }
}

impl Channel for Link {
    fn peer(&self) -> String {
        match &self.0.source {
            Source::Target(target) => target.address.to_string(),
            Source::Launched(_, name) => name.clone(),
        }
    }

    fn exchange(&self, outgoing: Outgoing<'_>) -> Result<Reply, Unanswered> {
        let connection = self.connection().map_err(Unanswered::Failure)?;
        let client = &connection.client;
        let (name, id) = outgoing.name_and_id();
        let mut command =
            outgoing.command(|text| client.raw(text).untyped(), |name| client.execute(name));
        self.0.interrupt.clear();
        let result = block_on(or(async { Some((&mut command).await) }, async {
            self.0.interrupt.pressed().await;
            None
        }));
        self.settle();
        self.0.screen.flush();
        match result {
            Some(result) => result.map_err(Unanswered::Error),
            None if command.is_queued() => Err(Unanswered::Failure(Failure::new(
                Code::Interrupted,
                format!("{name}: interrupted; the command was not sent"),
            ))),
            None => {
                self.print_later(name.clone(), id, command);
                Err(Unanswered::Failure(Failure::new(
                    Code::Interrupted,
                    format!(
                        "{name}: sent, no reply yet: the command may still run; its reply is \
                             printed when it comes"
                    ),
                )))
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

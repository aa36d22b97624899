//! State shared between the test and the server's threads.

use std::collections::{HashSet, VecDeque};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use qmp_proto::OwnedRawJson;
use qmp_proto::server::Response;

use crate::ReceivedCommand;
use crate::act::Act;
use crate::builder::Setup;
use crate::reception::Reception;
use crate::recording::Replay;
use crate::rules::{OUT_OF_BAND, Rule, usual};

pub(crate) struct Shared {
    pub(crate) setup: Setup,
    state: Mutex<State>,
    /// Notified when something is received and when a client connects or disconnects.
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) rules: Vec<Rule>,
    pub(crate) replay: Option<Replay>,
    pub(crate) receptions: VecDeque<Reception>,
    pub(crate) received: Vec<ReceivedCommand>,
    /// Commands among them that no rule expected.
    pub(crate) unexpected: Vec<String>,
    /// Invalid messages, and failures of the test's own closures.
    pub(crate) faults: Vec<String>,
    links: Vec<Link>,
    /// The number of gates, and those that are open.
    pub(crate) gates: usize,
    pub(crate) open_gates: HashSet<usize>,
    pub(crate) clients: usize,
    pub(crate) stopping: bool,
    /// Wakes the thread that accepts connections.
    pub(crate) accepting: Option<UnixStream>,
}

/// A newly connected client.
pub(crate) struct Arrival {
    pub(crate) client: usize,
    pub(crate) reception: Reception,
    pub(crate) open_gates: HashSet<usize>,
}

/// The steps to take for a command.
pub(crate) struct Followed {
    pub(crate) acts: Vec<Act>,
    /// The command's number in the recording that is replayed.
    pub(crate) recorded: Option<usize>,
}

/// A handle to the thread that serves a client.
struct Link {
    client: usize,
    wake: UnixStream,
    injected: VecDeque<Injected>,
    ready: bool,
}

/// An action that the test requests now.
#[derive(Clone, Debug)]
pub(crate) enum Injected {
    Event {
        name: String,
        data: Option<OwnedRawJson>,
    },
    Bytes(Vec<u8>),
    HangUp,
    /// A gate, by its number.
    Open(usize),
    Close(usize),
}

impl Shared {
    pub(crate) fn new(setup: Setup, replay: Option<Replay>) -> Arc<Self> {
        let state = State { replay, ..State::default() };
        Arc::new(Self { setup, state: Mutex::new(state), changed: Condvar::new() })
    }

    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn notify(&self) {
        self.changed.notify_all();
    }

    /// Waits until `done` returns a value or the deadline passes.
    pub(crate) fn wait<T>(
        &self,
        deadline: Instant,
        mut done: impl FnMut(&State) -> Option<T>,
    ) -> Option<T> {
        let mut state = self.lock();
        loop {
            if let Some(done) = done(&state) {
                return Some(done);
            }
            let left = deadline.checked_duration_since(Instant::now())?;
            let waited = self.changed.wait_timeout(state, left);
            state = waited.unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Registers a new client. Returns `None` if the mock is stopping.
    pub(crate) fn arrive(&self, wake: UnixStream) -> Option<Arrival> {
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        let client = state.clients;
        state.clients += 1;
        // An agent does not negotiate.
        let ready = self.setup.agent;
        state.links.push(Link { client, wake, injected: VecDeque::new(), ready });
        let reception = state.receptions.pop_front().unwrap_or_default();
        self.notify();
        Some(Arrival { client, reception, open_gates: state.open_gates.clone() })
    }

    pub(crate) fn negotiated(&self, client: usize) {
        if let Some(link) = self.lock().link(client) {
            link.ready = true;
        }
        self.notify();
    }

    pub(crate) fn leave(&self, client: usize) {
        self.lock().links.retain(|link| link.client != client);
        self.notify();
    }

    /// Returns the test's requests to the thread that serves this client, or `None` if it must
    /// stop.
    pub(crate) fn injected(&self, client: usize) -> Option<VecDeque<Injected>> {
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        Some(state.link(client).map(|link| std::mem::take(&mut link.injected)).unwrap_or_default())
    }

    /// Records a command and returns the steps to take for it.
    pub(crate) fn receive(&self, command: &ReceivedCommand) -> Followed {
        let mut guard = self.lock();
        let state = &mut *guard;
        state.received.push(command.clone());
        self.notify();
        let refused = command.is_out_of_band() && !state.allows_out_of_band(command.name());
        if let Some(rule) = state.rules.iter_mut().find(|rule| rule.applies_to(command)) {
            let acts = if refused { state.refuse_out_of_band(command) } else { rule.use_it() };
            return Followed { acts, recorded: None };
        }
        let complaint = if let Some(replay) = &mut state.replay {
            match replay.answer(command) {
                Ok(found) => return Followed { acts: found.acts, recorded: Some(found.number) },
                Err(complaint) => complaint,
            }
        } else {
            let names: Vec<String> = state.rules.iter().map(|rule| rule.name.clone()).collect();
            match usual(&self.setup, command, &names) {
                Some(acts) => {
                    let acts = if refused { state.refuse_out_of_band(command) } else { acts };
                    return Followed { acts, recorded: None };
                }
                None => format!("unexpected command {command}"),
            }
        };
        state.unexpected.push(complaint);
        let unknown = Response::command_not_found(command.name()).into_owned();
        Followed { acts: vec![Act::answer(unknown)], recorded: None }
    }

    pub(crate) fn takes_descriptor(&self, name: &str) -> bool {
        let asked = |rule: &Rule| rule.takes_descriptor && rule.name == name;
        matches!(name, "getfd" | "add-fd") || self.lock().rules.iter().any(asked)
    }

    pub(crate) fn fault(&self, text: String) {
        self.lock().faults.push(text);
        self.notify();
    }
}

impl State {
    fn link(&mut self, client: usize) -> Option<&mut Link> {
        self.links.iter_mut().find(|link| link.client == client)
    }

    /// Returns whether a command of this name may be executed out of band.
    fn allows_out_of_band(&self, name: &str) -> bool {
        let allowed = |rule: &Rule| rule.out_of_band && rule.name == name;
        OUT_OF_BAND.contains(&name) || self.rules.iter().any(allowed)
    }

    /// Returns the reply to a command that may not.
    fn refuse_out_of_band(&mut self, command: &ReceivedCommand) -> Vec<Act> {
        self.unexpected.push(format!("{command} came with `exec-oob`, which it does not allow"));
        vec![Act::answer(Response::no_out_of_band(command.name()))]
    }

    /// Requests an action on all connections.
    pub(crate) fn inject(&mut self, what: &Injected) {
        for link in &mut self.links {
            link.injected.push_back(what.clone());
            wake(&link.wake);
        }
    }

    /// Stops all threads.
    pub(crate) fn stop(&mut self) {
        self.stopping = true;
        self.links.iter().map(|link| &link.wake).chain(&self.accepting).for_each(wake);
    }

    pub(crate) fn connected(&self) -> usize {
        self.links.len()
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.links.iter().any(|link| link.ready)
    }
}

fn wake(mut stream: &UnixStream) {
    // If the pipe is full, the thread is awake already; if it is closed, the thread has ended.
    let _ = stream.write(&[0]);
}

//! What the test and the threads that serve have in common.

use std::collections::{HashSet, VecDeque};
use std::io::Write;
use std::os::unix::net::UnixStream;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use qmp_proto::OwnedJson;
use qmp_proto::server::Response;

use crate::ReceivedCommand;
use crate::act::Act;
use crate::builder::Setup;
use crate::next_client::Reception;
use crate::recording::Replay;
use crate::rules::{OUT_OF_BAND, Rule, usual};

pub(crate) struct Shared {
    pub(crate) setup: Setup,
    state: Mutex<State>,
    /// Something was received, or somebody came or left.
    changed: Condvar,
}

#[derive(Default)]
pub(crate) struct State {
    pub(crate) rules: Vec<Rule>,
    pub(crate) replay: Option<Replay>,
    pub(crate) receptions: VecDeque<Reception>,
    pub(crate) received: Vec<ReceivedCommand>,
    /// Of those, the ones that nobody had said what to answer to.
    pub(crate) unexpected: Vec<String>,
    /// What was no command at all, and what went wrong in the test's own closures.
    pub(crate) faults: Vec<String>,
    links: Vec<Link>,
    /// How many gates there are, and which are open.
    pub(crate) gates: usize,
    pub(crate) open_gates: HashSet<usize>,
    pub(crate) clients: usize,
    pub(crate) stopping: bool,
    /// The thread that accepts.
    pub(crate) accepting: Option<UnixStream>,
}

/// A client that has come, and what is to be known about it.
pub(crate) struct Arrival {
    pub(crate) client: usize,
    pub(crate) reception: Reception,
    pub(crate) open_gates: HashSet<usize>,
}

/// What is to be done about a command.
pub(crate) struct Followed {
    pub(crate) acts: Vec<Act>,
    /// Which one it is in the recording that is replayed.
    pub(crate) recorded: Option<usize>,
}

/// The way to a thread that serves a client.
struct Link {
    client: usize,
    wake: UnixStream,
    injected: VecDeque<Injected>,
    ready: bool,
}

/// What the test wants done now.
#[derive(Clone, Debug)]
pub(crate) enum Injected {
    Event {
        name: String,
        data: Option<OwnedJson>,
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

    /// Waits until `done` has something, or the deadline.
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

    /// A client has come. `None` if nobody is served any more.
    pub(crate) fn arrive(&self, wake: UnixStream) -> Option<Arrival> {
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        let client = state.clients;
        state.clients += 1;
        // Nobody negotiates with an agent.
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

    /// What the test wants of the thread that serves this client; `None` if it wants an end.
    pub(crate) fn injected(&self, client: usize) -> Option<VecDeque<Injected>> {
        let mut state = self.lock();
        if state.stopping {
            return None;
        }
        Some(state.link(client).map(|link| std::mem::take(&mut link.injected)).unwrap_or_default())
    }

    /// Writes a command down; and what to do about it.
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
                None => format!("nobody expected {command}"),
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

    /// Whether a command of this name can be run out of band.
    fn allows_out_of_band(&self, name: &str) -> bool {
        let allowed = |rule: &Rule| rule.out_of_band && rule.name == name;
        OUT_OF_BAND.contains(&name) || self.rules.iter().any(allowed)
    }

    /// The reply to one that cannot.
    fn refuse_out_of_band(&mut self, command: &ReceivedCommand) -> Vec<Act> {
        self.unexpected.push(format!("{command} came with `exec-oob`, which it does not allow"));
        vec![Act::answer(Response::no_out_of_band(command.name()))]
    }

    /// Has something done on all connections.
    pub(crate) fn inject(&mut self, what: &Injected) {
        for link in &mut self.links {
            link.injected.push_back(what.clone());
            wake(&link.wake);
        }
    }

    /// Ends all threads.
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
    // Full means that it is awake already; closed, that it is gone.
    let _ = stream.write(&[0]);
}

//! The replay of a recording to clients.

use std::collections::HashMap;

use qmp_proto::OwnedRawJson;

use crate::ReceivedCommand;
use crate::act::Act;
use crate::recording::session::Session;

pub(crate) struct Replay {
    sessions: Vec<Session>,
    loose: bool,
    /// For each client, which recorded commands were received.
    come: HashMap<usize, Vec<bool>>,
}

/// A recorded command, by its number, and the steps that follow it.
pub(crate) struct Found {
    pub(crate) number: usize,
    pub(crate) acts: Vec<Act>,
}

impl Replay {
    pub(super) fn new(sessions: Vec<Session>, loose: bool) -> Self {
        Self { sessions, loose, come: HashMap::new() }
    }

    /// Returns the recorded session for a client.
    fn session(&self, client: usize) -> &Session {
        &self.sessions[client.min(self.sessions.len() - 1)]
    }

    pub(crate) fn greeting(&self, client: usize) -> Option<OwnedRawJson> {
        self.session(client).greeting.clone()
    }

    /// Returns the steps that follow the negotiation.
    pub(crate) fn opening(&self, client: usize) -> Vec<Act> {
        self.session(client).opening.clone()
    }

    /// Returns the steps that follow a command, or why it does not match.
    pub(crate) fn answer(&mut self, received: &ReceivedCommand) -> Result<Found, String> {
        let client = received.client();
        let session = &self.sessions[client.min(self.sessions.len() - 1)];
        let commands = &session.commands;
        let come = self.come.entry(client).or_insert_with(|| vec![false; commands.len()]);
        let place = match self.loose {
            true => {
                let alike = || (0..commands.len()).filter(|place| commands[*place].is(received));
                let last = alike().next_back();
                alike().find(|place| !come[*place]).or(last)
            }
            false => come.iter().position(|come| !come).filter(|next| commands[*next].is(received)),
        };
        if let Some(number) = place {
            come[number] = true;
            return Ok(Found { number, acts: commands[number].acts.clone() });
        }
        Err(match come.iter().position(|come| !come) {
            _ if self.loose => format!("the recording has no {received}"),
            Some(next) => {
                format!("the recording continues with {}, not with {received}", commands[next])
            }
            None => format!("received after the end of the recording: {received}"),
        })
    }

    /// Lists recorded commands that were not received. A loose replay requires none.
    pub(crate) fn complaints(&self) -> Vec<String> {
        if self.loose {
            return Vec::new();
        }
        let first =
            (!self.come.contains_key(&0)).then(|| (0, vec![false; self.session(0).commands.len()]));
        let clients = self.come.iter().map(|(client, come)| (*client, come.clone())).chain(first);
        let mut complaints: Vec<(usize, String)> = clients
            .filter_map(|(client, come)| {
                let next = come.iter().position(|come| !come)?;
                let command = &self.session(client).commands[next];
                let text = format!(
                    "the recording continues with {command}, which client {client} did not send"
                );
                Some((client, text))
            })
            .collect();
        complaints.sort();
        complaints.into_iter().map(|(_, complaint)| complaint).collect()
    }
}

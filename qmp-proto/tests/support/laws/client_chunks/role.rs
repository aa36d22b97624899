//! Clients, and their actions before the stream.

use qmp_proto::{Client, Options};

use super::side::Side;

/// A low limit for messages.
const LONGEST: usize = 300;

const HIGH_LIMITS: u8 = 0x08;
const STRING_IDS: u8 = 0x10;

/// One of eight roles, with options.
#[derive(Clone, Copy, Debug)]
pub(super) struct Role {
    kind: Kind,
    choice: u8,
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Kind {
    Greeted,
    Negotiating,
    Busy,
    BusyOutOfBand,
    WithoutIds,
    Unsynced,
    Syncing,
    Synced,
}

const KINDS: [Kind; 8] = [
    Kind::Greeted,
    Kind::Negotiating,
    Kind::Busy,
    Kind::BusyOutOfBand,
    Kind::WithoutIds,
    Kind::Unsynced,
    Kind::Syncing,
    Kind::Synced,
];

impl Role {
    pub(super) fn new(choice: u8) -> Self {
        Self { kind: KINDS[usize::from(choice % 8)], choice }
    }

    /// Returns the bytes of the roles for which such a stream is interesting.
    pub(super) fn all(agent: bool) -> Vec<u8> {
        let kinds = if agent { 5..8 } else { 0..5 };
        let mut roles: Vec<u8> = kinds.clone().map(|kind| kind | HIGH_LIMITS).collect();
        roles.push(kinds.end - 1);
        roles.push(kinds.start | STRING_IDS);
        roles
    }

    /// Creates a client in this role.
    pub(super) fn put<S: Side>(self, side: impl Fn(Client<u32>, usize) -> S) -> S {
        let (monitor, agent) = (self.options(Options::monitor()), self.options(Options::agent()));
        let limit = if self.choice & HIGH_LIMITS == 0 { LONGEST } else { 65 * 1024 * 1024 };
        let client = match self.kind {
            Kind::Greeted | Kind::Negotiating | Kind::Busy | Kind::BusyOutOfBand => {
                Client::monitor(monitor)
            }
            Kind::WithoutIds => Client::negotiated(monitor.echoes_ids(false), 7),
            Kind::Unsynced | Kind::Syncing | Kind::Synced => Client::agent(agent),
        };
        let mut side = side(client, limit);
        for sent in self.sent() {
            side.feed(sent.as_bytes(), &mut |_, _| {}).unwrap();
            let out_of_band = self.kind == Kind::BusyOutOfBand;
            side.sends(&mut |sender| sender.negotiates(out_of_band));
        }
        match self.kind {
            Kind::Syncing => side.sends(&mut |sender| sender.syncs()),
            Kind::Synced => {
                side.sends(&mut |sender| sender.syncs());
                let answer = [b"\xFF", self.answer(&SEVEN.to_string()).as_bytes()].concat();
                side.feed(&answer, &mut |_, _| {}).unwrap();
            }
            _ => {}
        }
        side.sends(&mut |sender| (100..104).for_each(|mark| sender.executes(mark)));
        side
    }

    fn options(self, options: Options) -> Options {
        let options = options.string_ids(self.choice & STRING_IDS != 0);
        if self.choice & HIGH_LIMITS != 0 {
            return options;
        }
        options.longest_message(LONGEST).deepest_message(12)
    }

    /// Returns the messages that a monitor has sent before.
    fn sent(self) -> Vec<String> {
        const GREETING: &str = "{\"QMP\": {\"version\": {}, \"capabilities\": [\"oob\"]}}\r\n";
        match self.kind {
            Kind::Negotiating => vec![GREETING.into()],
            Kind::Busy | Kind::BusyOutOfBand => vec![GREETING.into(), self.answer("{}")],
            _ => vec![],
        }
    }

    fn answer(self, value: &str) -> String {
        format!("{{\"return\": {value}, \"id\": {SEVEN}}}\n")
    }
}

/// The id of a handshake with nonce 7.
const SEVEN: u64 = (1 << 52) + 7;

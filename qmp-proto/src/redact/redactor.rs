//! Masking the secrets of a connection in both directions.

use alloc::borrow::Cow;
use alloc::boxed::Box;
use alloc::collections::VecDeque;
use core::fmt;

use crate::redact::Direction;
use crate::redact::scan::{Found, Scan};
use crate::redact::secrets::{Known, Secrets};

/// The maximum number of unanswered commands whose replies are masked specially.
const MOST_UNANSWERED: usize = 64;

/// Masks the messages of one connection for a log of the wire.
///
/// Masks what [`redact`](crate::redact()) masks, and the secrets of earlier commands in replies and
/// events: in an error that quotes a URL with its password, or in the reply to `qom-get` of the
/// `data` of a secret object.
///
/// Pass every message once, in the order of the wire. The redactor keeps the secrets of earlier
/// commands as [`Secrets`] does, and the ids of up to 64 unanswered commands.
///
/// ```
/// use qmp_proto::{Direction, Redactor};
///
/// let mut redactor = Redactor::new();
/// let command = br#"{"execute":"blockdev-add","arguments":{"driver":"https","cookie":"s=81"}}"#;
/// redactor.redact(Direction::Sent, command);
/// let answer = br#"{"error": {"class": "GenericError", "desc": "bad cookie 's=81'"}}"#;
/// assert_eq!(
///     String::from_utf8_lossy(&redactor.redact(Direction::Received, answer)),
///     r#"{"error": {"class": "GenericError", "desc": "bad cookie '••••'"}}"#
/// );
/// ```
#[derive(Default)]
pub struct Redactor {
    lasting: Secrets,
    unanswered: VecDeque<Unanswered>,
}

/// A command whose reply may contain more than its secrets.
struct Unanswered {
    id: Option<Box<[u8]>>,
    secrets: Secrets,
    hides_answer: bool,
}

impl Redactor {
    /// Creates a redactor for a new connection.
    pub const fn new() -> Self {
        Self { lasting: Secrets::new(), unanswered: VecDeque::new() }
    }

    /// Masks one message. If nothing is masked, nothing is copied.
    pub fn redact<'m>(&mut self, direction: Direction, message: &'m [u8]) -> Cow<'m, [u8]> {
        let found = match direction {
            Direction::Sent => self.sent(message),
            Direction::Received => self.received(message),
        };
        match found.marks.is_empty() {
            true => Cow::Borrowed(message),
            false => Cow::Owned(found.marks.apply(message)),
        }
    }

    fn sent(&mut self, message: &[u8]) -> Found {
        let found = Scan::new(message).of_client().run();
        let mut secrets = Secrets::new();
        found.marks.report(message, 0, &mut |text, scope| secrets.add(text, scope));
        self.lasting.add_lasting(&secrets);
        let hides_answer = found.facts.hides_answer();
        if hides_answer || secrets.has_passing() {
            if self.unanswered.len() == MOST_UNANSWERED {
                self.unanswered.pop_front();
            }
            let id = found.id.clone().and_then(|id| message.get(id)).map(Box::from);
            self.unanswered.push_back(Unanswered { id, secrets, hides_answer });
        }
        found
    }

    fn received(&mut self, message: &[u8]) -> Found {
        let known = Known::new(&[&self.lasting], message);
        let found = Scan::new(message).knowing(known).run();
        if self.unanswered.is_empty() || !found.is_answer {
            return found;
        }
        let id = found.id.clone().and_then(|id| message.get(id));
        let command = match id {
            // A reply without an id may belong to any command.
            None => return self.answered_by_any(message),
            Some(id) => {
                self.unanswered.iter().position(|command| command.id.as_deref() == Some(id))
            }
        };
        let Some(command) = command.and_then(|command| self.unanswered.remove(command)) else {
            return found;
        };
        let known = Known::new(&[&self.lasting, &command.secrets], message);
        let scan = Scan::new(message).knowing(known);
        if command.hides_answer { scan.hiding_answer().run() } else { scan.run() }
    }

    fn answered_by_any(&self, message: &[u8]) -> Found {
        let sets: alloc::vec::Vec<_> =
            self.unanswered.iter().map(|command| &command.secrets).collect();
        let sets = [&sets[..], &[&self.lasting]].concat();
        let scan = Scan::new(message).knowing(Known::new(&sets, message));
        match self.unanswered.iter().any(|command| command.hides_answer) {
            true => scan.hiding_answer().run(),
            false => scan.run(),
        }
    }
}

/// Shows only the number of secrets.
impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redactor").field("secrets", &self.lasting).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::format;
    use std::string::String;

    use super::*;

    /// Masks a session, whose lines start with `>` if sent and `<` if received.
    fn shown(session: &str) -> String {
        let mut redactor = Redactor::new();
        let mut show = |line: &str| {
            let (direction, message) = match line.split_at(2) {
                ("> ", message) => (Direction::Sent, message),
                (_, message) => (Direction::Received, message),
            };
            let message = redactor.redact(direction, message.as_bytes());
            String::from_utf8(message.into_owned()).unwrap() + "\n"
        };
        session.lines().map(str::trim).filter(|line| !line.is_empty()).map(&mut show).collect()
    }

    #[test]
    fn repetitions_of_a_secret_by_the_server_are_masked() {
        let shown = shown(
            r#"
            > {"execute":"blockdev-add","arguments":{"url":"https://me:hunter2@h/x"},"id":1}
            < {"id": 1, "error": {"class": "GenericError", "desc": "no 'hunter2' at h"}}
            > {"execute":"set_password","arguments":{"password":"swordfish"},"id":2}
            < {"error": {"class": "GenericError", "desc": "\u0073wordfish is short"}, "id": 2}
            < {"event": "X", "data": {"text": ["hunter2", "swordfish"]}}
            < {"return": {"hunter2": 1, "status": "running"}, "id": 3}
            "#,
        );
        let lines: alloc::vec::Vec<_> = shown.lines().collect();
        assert_eq!(
            lines[1],
            r#"{"id": 1, "error": {"class": "GenericError", "desc": "no '••••' at h"}}"#
        );
        assert_eq!(
            lines[3],
            r#"{"error": {"class": "GenericError", "desc": "•••• is short"}, "id": 2}"#
        );
        assert_eq!(lines[4], r#"{"event": "X", "data": {"text": ["••••", "••••"]}}"#);
        assert_eq!(lines[5], r#"{"return": {"hunter2": 1, "status": "running"}, "id": 3}"#);
    }

    #[test]
    fn words_of_a_command_line_are_masked_in_its_reply() {
        let shown = shown(
            r#"
            > {"execute":"human-monitor-command","arguments":{"command-line":"frob hunter2"},"id":1}
            > {"execute":"query-status","id":2}
            < {"return": {"text": "frob"}, "id": 2}
            < {"return": "unknown command: 'frob' (hunter2)\r\n", "id": 1}
            < {"return": {"text": "frob"}, "id": 1}
            "#,
        );
        let lines: alloc::vec::Vec<_> = shown.lines().collect();
        assert_eq!(lines[2], r#"{"return": {"text": "frob"}, "id": 2}"#);
        assert_eq!(lines[3], r#"{"return": "unknown command: '••••' (••••)\r\n", "id": 1}"#);
        assert_eq!(lines[4], r#"{"return": {"text": "frob"}, "id": 1}"#, "its reply has arrived");
    }

    #[test]
    fn a_reply_that_is_a_secret_is_masked() {
        let session = r#"
            > {"execute":"qom-get","arguments":{"path":"/objects/s","property":"data"},"id":1}
            > {"execute":"qom-get","arguments":{"path":"/x","property":"type"},"id":2}
            > {"execute":"ringbuf-read","arguments":{"device":"r","size":9},"id":3}
            < {"return": "plain", "id": 2}
            < {"return": "hunter2", "id": 3}
            < {"return": {"hunter2": 1}, "id": 1}
        "#;
        let shown = shown(session);
        assert!(!shown.contains("hunter2"), "{shown}");
        assert!(shown.contains(r#"{"return": "plain", "id": 2}"#), "{shown}");
    }

    #[test]
    fn a_reply_without_an_id_may_belong_to_any_command() {
        let session = r#"
            > {"execute":"guest-exec","arguments":{"path":"/x","arg":["hunter2"]},"id":1}
            > {"execute":"qom-get","arguments":{"property":"password"},"id":2}
            < {"error": {"class": "GenericError", "desc": "no hunter2"}}
            < {"return": "swordfish"}
            < {"event": "X", "data": "swordfish"}
        "#;
        let shown = shown(session);
        assert!(
            !shown.contains(": \"no hunter2") && !shown.contains("return\": \"sword"),
            "{shown}"
        );
        assert!(shown.contains(r#"{"event": "X", "data": "swordfish"}"#), "{shown}");
    }

    #[test]
    fn every_sent_message_is_masked_as_a_command() {
        let session = r#"
            > {"return":1,"arguments":{"arg":["hunter2"],"keys":["hunter2"]},"execute":"send-key"}
            > {"event":"X","data":{"data":"hunter2"}}
        "#;
        assert!(!shown(session).contains("hunter2"));
    }

    #[test]
    fn received_messages_add_no_secrets_and_memory_is_bounded() {
        let mut redactor = Redactor::new();
        let answer = br#"{"execute":"set_password","arguments":{"password":"running"}}"#;
        redactor.redact(Direction::Received, answer);
        let status = br#"{"return": {"status": "running"}}"#;
        assert!(matches!(redactor.redact(Direction::Received, status), Cow::Borrowed(_)));
        for id in 0..3 * MOST_UNANSWERED {
            let command = format!(r#"{{"execute":"ringbuf-read","id":{id}}}"#);
            redactor.redact(Direction::Sent, command.as_bytes());
        }
        assert_eq!(redactor.unanswered.len(), MOST_UNANSWERED);
        assert!(!format!("{redactor:?}").contains("running"));
    }
}

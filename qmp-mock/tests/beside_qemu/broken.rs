//! Broken input: sends the same bytes to QEMU and to our server, and compares how their replies
//! differ with the counts in `docs/broken-input.md`.

use conformance::server::Suite;

use crate::inputs::{Input, kept, many};
use crate::ours::Ours;
use crate::real::{NEGOTIATE, Real};
use crate::reply::Reply;
use crate::table::Counts;

conformance::on_every_qemu!(
    replies_to_broken_input_differ_as_documented,
    both_answer_the_commands_behind_what_a_person_types,
    both_answer_alike_until_something_is_broken,
);

/// The number of inputs.
const MANY: usize = 3000;

/// How replies differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) enum Kind {
    /// No difference.
    Same,
    /// The same requests are answered, but the errors differ.
    Complaints,
    /// QEMU answers requests that our server skips.
    Fewer,
    /// Our server answers requests that QEMU does not.
    More,
    /// Both of these.
    Other,
}

/// Both servers.
struct Pair {
    qemu: Real,
    ours: Ours,
    is_wordless: bool,
    sent: usize,
}

impl Pair {
    fn connect(server: &mut conformance::server::Server, suite: &Suite) -> Self {
        let qemu = Real::connect(server, NEGOTIATE);
        // 11.1 has other error texts, and reports errors earlier.
        Self { qemu, ours: Ours::new(NEGOTIATE), is_wordless: suite.is_newest(), sent: 0 }
    }

    /// Returns the replies of QEMU and of our server to some bytes, followed by 0xFF, after which
    /// both start again, and a command.
    fn send(&mut self, bytes: &[u8]) -> (Vec<Reply>, Vec<Reply>) {
        self.sent += 1;
        let end = format!("\"end {}\"", self.sent);
        let last = format!("{{\"execute\":\"query-name\",\"id\":{end}}}\n");
        let stream = [bytes, b"\xFF", last.as_bytes()].concat();
        self.qemu.send(&stream);
        self.ours.hear(&stream);
        let read = |lines: Vec<String>| {
            lines.iter().map(|line| Reply::read(line, self.is_wordless)).collect::<Vec<_>>()
        };
        (read(self.qemu.lines_until(&end)), read(self.ours.lines()))
    }
}

fn kind(qemu: &[Reply], ours: &[Reply]) -> Kind {
    if qemu == ours {
        return Kind::Same;
    }
    let requests = |replies: &[Reply]| -> Vec<Reply> {
        replies.iter().filter(|reply| reply.is_to_request()).cloned().collect()
    };
    let (qemu, ours) = (requests(qemu), requests(ours));
    match (is_part(&ours, &qemu), is_part(&qemu, &ours)) {
        (true, true) => Kind::Complaints,
        (true, false) => Kind::Fewer,
        (false, true) => Kind::More,
        (false, false) => Kind::Other,
    }
}

/// Returns whether all of `these` are in `those`, in the same order.
fn is_part(these: &[Reply], those: &[Reply]) -> bool {
    let mut those = those.iter();
    these.iter().all(|reply| those.any(|other| other == reply))
}

fn replies_to_broken_input_differ_as_documented(suite: &Suite) {
    let mut server = suite.qemu();
    let mut pair = Pair::connect(&mut server, suite);
    let mut counts = Counts::default();
    for Input { name, bytes } in many(MANY) {
        let (qemu, ours) = pair.send(&bytes);
        let kind = kind(&qemu, &ours);
        counts.add(kind);
        let differs = qemu.iter().zip(&ours).take_while(|(one, other)| one == other).count();
        // 11.1 reports grammar errors at once, our server when the message is complete.
        let told = if pair.is_wordless { differs + 1 } else { differs };
        let is_broken = ours.iter().take(told).any(Reply::is_complaint);
        assert!(
            kind == Kind::Same || is_broken,
            "{name}: nothing is broken, but {qemu:?} and {ours:?} differ"
        );
    }
    counts.check(suite.version());
}

/// Commands with the id `smuggled` in the stored inputs must not be executed, whatever QEMU does; it
/// executes some of them.
fn both_answer_alike_until_something_is_broken(suite: &Suite) {
    let mut server = suite.qemu();
    let mut pair = Pair::connect(&mut server, suite);
    let (mut same, mut smuggled) = (0, 0);
    for Input { name, bytes } in kept() {
        let (qemu, ours) = pair.send(&bytes);
        let runs = |replies: &[Reply]| replies.iter().any(|it| it.is_to("\"smuggled\""));
        assert!(!runs(&ours) || name == "cut-and-closing", "{name}");
        smuggled += usize::from(runs(&qemu));
        if matches!(&name[..], "legal" | "refused" | "doubled-key" | "words" | "commas") {
            assert_eq!(kind(&qemu, &ours), Kind::Same, "{name}: {qemu:?} {ours:?}");
            same += 1;
        }
    }
    assert_eq!(same, 5);
    assert!(smuggled > 5, "{smuggled}");
}

fn both_answer_the_commands_behind_what_a_person_types(suite: &Suite) {
    const COMMANDS: usize = 1000;
    let commands = "{\"execute\":\"query-name\",\"id\":\"typed\"}\n".repeat(COMMANDS);
    let mut server = suite.qemu();
    let mut pair = Pair::connect(&mut server, suite);
    for typed in [
        "\u{1B}[A\n",
        "{\"execute\":\u{1B}[D\"query-name\"\u{1B}[3~}\n",
        "{\"execute\":\"query-name}\n",
        "{\"execute\":\"query-n\u{1}",
        "{\"execute\":\"query-n\u{3}\n",
    ] {
        let (qemu, ours) = pair.send(format!("{typed}{commands}").as_bytes());
        for replies in [qemu, ours] {
            let answered = replies.iter().filter(|it| it.is_to("\"typed\"")).count();
            assert_eq!(answered, COMMANDS, "{typed:?}");
        }
    }
}

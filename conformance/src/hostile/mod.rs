//! Hostile peers: what the user of a client or a server sees of them, that it ends, and the most
//! memory it costs. There is one table of servers, run against every client, and one of clients,
//! run against every server. `docs/hostile-peers.md` contains the same, which is checked.
//!
//! The tests of an adapter declare `static HEAP: PeakAlloc` as their allocator and pass it in.

mod clients;
mod host;
mod report;
mod servers;
mod spellings;
mod user;
mod wire;

use std::sync::mpsc::{RecvTimeoutError, Sender, channel};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Duration;

pub use peak_alloc::PeakAlloc;

use self::report::Report;
use crate::Adapter;
pub use host::{Asynchronous, Blocking, Conduct, Host};

/// Longer than any step takes, even on a busy machine.
const PLENTY: Duration = Duration::from_secs(60);
/// How long a user waits for a reply that does not arrive.
const MOMENT: Duration = Duration::from_millis(400);

const MIB: usize = 1 << 20;
/// The maximum message length where it is set.
const LIMIT: usize = MIB;
/// The default maximum message length.
const USUAL_LIMIT: usize = 65 * MIB;
/// What a connection, its task and the peer's thread take besides messages.
const REST: usize = MIB / 2;
/// What one message of at most `longest` bytes may take: while its buffer grows, the old buffer and
/// the new one exist together.
const fn one_message(longest: usize) -> usize {
    2 * longest + REST
}

/// Memory is counted for the whole process.
static ONE_AT_A_TIME: Mutex<()> = Mutex::new(());

/// Runs every hostile server against the clients of an adapter.
pub fn servers<A: Adapter>(heap: PeakAlloc, adapter: &str) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut report = Report::new(format!("servers, and a client of {adapter}"));
    for case in servers::ALL.iter().chain(spellings::ALL) {
        let _watchdog = Watchdog::new(case.does);
        report.add(case.does, case.says, case.most, || user::meets::<A>(case, heap));
    }
    report.finish();
}

/// Runs every hostile client against the servers of an adapter.
pub fn clients<H: Host>(heap: PeakAlloc, adapter: &str) {
    let _alone = ONE_AT_A_TIME.lock().unwrap_or_else(PoisonError::into_inner);
    let mut report = Report::new(format!("clients, and a server of {adapter}"));
    for case in clients::ALL {
        let _watchdog = Watchdog::new(case.does);
        report.add(case.does, case.says, case.most, || host::meets::<H>(case, heap));
    }
    report.finish();
}

/// The peak of allocated memory since `begin`.
struct Peak {
    heap: PeakAlloc,
    before: usize,
}

impl Peak {
    fn begin(heap: PeakAlloc) -> Self {
        heap.reset_peak_usage();
        Self { heap, before: heap.current_usage() }
    }

    fn bytes(&self) -> usize {
        self.heap.peak_usage().saturating_sub(self.before)
    }
}

/// Ends the tests if one hangs.
struct Watchdog(#[allow(dead_code)] Sender<()>);

impl Watchdog {
    fn new(does: &'static str) -> Self {
        let (sender, receiver) = channel();
        thread::spawn(move || {
            if receiver.recv_timeout(2 * PLENTY) == Err(RecvTimeoutError::Timeout) {
                eprintln!("it hangs when the peer {does}");
                std::process::exit(1);
            }
        });
        Self(sender)
    }
}

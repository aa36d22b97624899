//! What lies under the one lock of a connection.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::Waker;
use std::time::{Duration, Instant};

use crate::Disconnect;
use qmp_proto::Direction;
use qmp_proto::{Client, Output, OwnedFailure, OwnedGreeting, Phase, Refusal, Sink};
use qmp_sockets::nonce;

use crate::Transport;
use crate::connection::turns::TIME_TO_TAKE;
use crate::connection::waits::{Answer, Keeper, Wait, Waits};
use crate::connection::wire::Seen;
use crate::transport::Descriptor;
use crate::waking::wake_all;
use crate::writing::WriteHalf;

/// How long after its deadline a wait ends in any case, when a server sends so much that never everything
/// is read.
const GRACE: Duration = Duration::from_millis(50);

/// What a person should look for where a deadline had to be kept for the driver.
pub(crate) const NOT_POLLED: &str = "the driver of this connection is not polled: is the runtime \
     running that it was spawned on?";

/// How long an agent has for one sync before another is sent: what was written before it opened
/// its port may be lost.
const SYNC_AGAIN: Duration = Duration::from_secs(2);

/// How long an agent has to close its end once we have closed ours.
pub(crate) const AGENT_LINGERS: Duration = Duration::from_millis(200);

/// The client machine, what it wants to send, and who waits for what.
///
/// Nothing of the user's runs while this is locked: no waker is cloned, woken or dropped, no
/// predicate runs, nothing is serialized. What is left to do goes into an [`After`].
pub(crate) struct Machine {
    pub(crate) client: Client<usize>,
    pub(crate) writing: WriteHalf,
    pub(crate) waits: Waits,
    pub(crate) lifecycle: Lifecycle,
    /// `None` once the connection has ended.
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// The driver's; `None` while it is under way to being polled.
    pub(crate) driver: Option<Waker>,
    /// What the driver's timer is set to.
    pub(crate) armed: Option<Instant>,
    /// When the watchdog looks after the connection.
    watched_at: Option<Instant>,
    /// The runtime polls the driver with threads of its own.
    pub(crate) always_driven: bool,
    /// Futures that are left to the driver, and that it has not taken over yet.
    pub(crate) adopted: Vec<(Adopted, Option<Instant>)>,
    /// The driver polls such futures, whose commands are accepted although we are closing.
    pub(crate) deferring: bool,
    /// When the first of them is given up.
    pub(crate) deferred_until: Option<Instant>,
    /// Until when the driver waits for readers of events, and reads nothing.
    pub(crate) patience: Option<Instant>,
    /// Whether somebody looks at the wire.
    pub(crate) watched: bool,
    pub(crate) seen: Seen,
}

/// A future that was dropped before it completed.
pub(crate) type Adopted = Pin<Box<dyn Future<Output = ()> + Send>>;

/// Where the connection stands.
#[derive(Debug, Default)]
pub(crate) struct Lifecycle {
    pub(crate) greeting: Option<Arc<OwnedGreeting>>,
    /// The handshake under way.
    pub(crate) handshake: Option<Box<Handshake>>,
    /// Why the last one failed, or is likely to.
    pub(crate) failed: Option<Box<Failed>>,
    pub(crate) closing: Option<Closing>,
    /// Closing took too long.
    pub(crate) closed_late: bool,
    /// Set once; nothing happens after.
    pub(crate) ended: Option<Disconnect>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Handshake {
    pub(crate) waited: Duration,
    pub(crate) deadline: Option<Instant>,
    /// When an agent is sent a sync, again and again.
    sync_at: Option<Instant>,
    /// Without it there is no connection; a sync that is repeated may fail.
    pub(crate) vital: bool,
}

#[derive(Clone, Debug)]
pub(crate) enum Failed {
    Refused(OwnedFailure),
    Silent { waited: Duration, advice: String },
}

/// What the clock asks of the driver.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Due {
    Nothing,
    /// Other tasks have to be polled before anything else is done.
    Yield,
    /// The handshake took too long.
    GiveUp(Handshake),
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct Closing {
    pub(crate) deadline: Option<Instant>,
    /// Answers are awaited, too.
    pub(crate) answers: bool,
    /// Everything is done, and the server is given time to read it and to close.
    pub(crate) lingers: bool,
}

/// What is left to do once the lock is released.
#[derive(Debug, Default)]
pub(crate) struct After {
    pub(crate) driver: Option<Waker>,
    pub(crate) wakers: Vec<Waker>,
    pub(crate) stale: Option<Waker>,
    pub(crate) leaving: Option<Wait>,
    pub(crate) descriptor: Option<Descriptor>,
    pub(crate) transport: Option<Arc<dyn Transport>>,
    /// When the watchdog is to look after the connection.
    pub(crate) look_after: Option<Instant>,
}

impl After {
    /// What is not woken is dropped. The descriptor that has left is closed, too: the server has its
    /// own.
    pub(crate) fn run(self) {
        wake_all(self.wakers.into_iter().chain(self.driver));
    }
}

impl Handshake {
    pub(crate) fn begin(now: Instant, waited: Duration, agent: bool, vital: bool) -> Self {
        Self { waited, deadline: now.checked_add(waited), sync_at: agent.then_some(now), vital }
    }

    pub(crate) fn next(&self) -> Option<Instant> {
        self.deadline.into_iter().chain(self.sync_at).min()
    }
}

impl Machine {
    pub(crate) fn new(
        client: Client<usize>,
        transport: Arc<dyn Transport>,
        handshake: Option<Handshake>,
    ) -> Self {
        Self {
            client,
            writing: WriteHalf::new(Output::new()),
            waits: Waits::default(),
            lifecycle: Lifecycle { handshake: handshake.map(Box::new), ..Lifecycle::default() },
            transport: Some(transport),
            driver: None,
            armed: None,
            watched_at: None,
            always_driven: false,
            adopted: Vec::new(),
            deferring: false,
            deferred_until: None,
            patience: None,
            watched: false,
            seen: Seen::new(),
        }
    }

    /// Has the client machine say something.
    pub(crate) fn say<R>(
        &mut self,
        say: impl FnOnce(&mut Client<usize>, &mut Output<Descriptor>) -> R,
    ) -> R {
        let before = self.writing.output.length();
        let result = say(&mut self.client, &mut self.writing.output);
        if self.watched {
            let said = self.writing.output.since(before);
            if !said.is_empty() {
                self.seen.push_back((Direction::Sent, said.to_vec()));
            }
        }
        result
    }

    /// By the transport's clock.
    pub(crate) fn now(&self) -> Instant {
        match &self.transport {
            Some(transport) => transport.now(),
            None => Instant::now(),
        }
    }

    pub(crate) fn is_ready(&self) -> bool {
        self.client.phase() == Phase::Ready
    }

    /// The error that a monitor sent in the place of its greeting.
    pub(crate) fn error_before_greeting(&self) -> Option<&OwnedFailure> {
        match self.lifecycle.failed.as_deref() {
            Some(Failed::Refused(failure)) if self.client.phase() == Phase::Greeting => {
                Some(failure)
            }
            _ => None,
        }
    }

    /// Writes what can be written at once; the driver is woken for the rest.
    pub(crate) fn try_write(&mut self, after: &mut After) {
        // An answer is to be read.
        if self.patience.is_some() {
            self.wake_driver(after);
        }
        let transport = self.transport.as_deref();
        if self.writing.try_write(transport, &mut after.descriptor) {
            self.wake_driver(after);
        }
    }

    /// Sees to it that the driver's timer rings in time.
    pub(crate) fn arm(&mut self, deadline: Option<Instant>, after: &mut After) {
        if deadline.is_some_and(|deadline| self.armed.is_none_or(|armed| deadline < armed)) {
            self.wake_driver(after);
        }
    }

    /// Sees to it that a deadline is kept, by the driver or for it.
    pub(crate) fn keep(&mut self, deadline: Option<Instant>, after: &mut After) {
        self.arm(deadline, after);
        let Some(at) = deadline.and_then(|deadline| deadline.checked_add(GRACE)) else {
            return;
        };
        if self.always_driven || self.watched_at.is_some_and(|set| set <= at) {
            return;
        }
        let driven = |transport: &Arc<dyn Transport>| transport.clock_runs_here();
        if !self.transport.as_ref().is_none_or(driven) {
            self.watched_at = Some(at);
            after.look_after = Some(at);
        }
    }

    /// Ends the waits whose deadline the driver should have noticed some time ago, and returns why the
    /// connection is to be ended, if its handshake or its end took too long.
    pub(crate) fn pass_late_deadlines(&mut self, after: &mut After) -> Option<Disconnect> {
        self.watched_at = None;
        let late = self.now().checked_sub(GRACE)?;
        if self.waits.expire(late, Keeper::Watchdog, &mut after.wakers) {
            self.offer(1, after);
        }
        if let Err(reason) = self.close_late(late) {
            return Some(reason);
        }
        let handshake = self.lifecycle.handshake.as_deref().copied();
        if let Some(handshake) = handshake.filter(|it| passed(it.deadline, late)) {
            let (waited, advice) = (handshake.waited, NOT_POLLED.to_owned());
            self.shake(Some(Failed::Silent { waited, advice }), after);
            if handshake.vital {
                return Some(Disconnect::Handshake(NOT_POLLED.into()));
            }
        }
        self.keep(self.callers_deadline(), after);
        None
    }

    /// The first of those that callers wait for.
    fn callers_deadline(&self) -> Option<Instant> {
        let waits = self.waits.first_deadline();
        waits.into_iter().chain(self.lifecycle.deadline()).min()
    }

    /// This many slots may be free.
    pub(crate) fn offer(&mut self, count: usize, after: &mut After) {
        if self.waits.turns.is_empty() {
            return;
        }
        let now = self.now();
        let until = match &self.transport {
            Some(transport) if transport.has_deadlines() => now + TIME_TO_TAKE,
            // The clock stands still.
            _ => now,
        };
        self.waits.offer(count, until, &mut after.wakers);
        self.arm(self.waits.turns.next_pass(), after);
    }

    /// Passes over commands that have not taken the turn they were offered. Returns whether the driver
    /// has to yield, so that others can take theirs.
    fn pass_over(&mut self, now: Instant, after: &mut After) -> bool {
        let passed = self.waits.turns.pass_over(now);
        if passed.any {
            self.offer(1, after);
        }
        passed.yields
    }

    pub(crate) fn wake_driver(&mut self, after: &mut After) {
        if let Some(driver) = self.driver.take() {
            after.driver = Some(driver);
        }
    }

    /// What the driver has to wake up for.
    pub(crate) fn next_deadline(&self) -> Option<Instant> {
        let handshake = self.lifecycle.handshake.as_deref().and_then(Handshake::next);
        let closing = self.lifecycle.closing.and_then(|closing| closing.deadline);
        let waits = self.waits.first_deadline();
        let turn = self.waits.turns.next_pass();
        let others = [handshake, closing, turn, self.patience, self.deferred_until];
        others.into_iter().flatten().chain(waits).min()
    }

    /// What the driver's timer is to be set to. One that rings too early costs less than one that is
    /// set anew for each command with a deadline; but after the handshake many connections are idle.
    pub(crate) fn timer(&self, now: Instant, shaking: &mut bool) -> Option<Instant> {
        let next = self.next_deadline();
        let was_shaking = std::mem::replace(shaking, self.lifecycle.handshake.is_some());
        let serves = |set: Instant| now < set && next.is_none_or(|next| set <= next);
        match self.armed {
            Some(set) if serves(set) && *shaking == was_shaking => Some(set),
            _ => next,
        }
    }

    /// Sends a sync if it is time for one.
    fn sync_when_due(&mut self, now: Instant) -> Result<(), Refusal> {
        let Some(handshake) = &mut self.lifecycle.handshake else {
            return Ok(());
        };
        if handshake.sync_at.is_none_or(|due| due > now) {
            return Ok(());
        }
        handshake.sync_at = now.checked_add(SYNC_AGAIN);
        self.say(|client, output| client.sync(output, nonce()))
    }

    /// The handshake is over.
    pub(crate) fn shake(&mut self, failed: Option<Failed>, after: &mut After) {
        self.lifecycle.handshake = None;
        self.lifecycle.failed = failed.map(Box::new);
        self.waits.wake_watchers(&mut after.wakers);
        self.offer(usize::MAX, after);
    }

    /// Ends the connection: all who wait are told.
    pub(crate) fn end(&mut self, reason: Disconnect, after: &mut After) {
        for lost in self.client.drain() {
            let answer = Answer::None(lost.ending);
            self.waits.settle(lost.token, lost.request, answer, &mut after.wakers);
        }
        after.descriptor = self.writing.close().or_else(|| after.descriptor.take());
        self.lifecycle.ended.get_or_insert(reason);
        self.lifecycle.handshake = None;
        self.waits.wake_all(&mut after.wakers);
        self.wake_driver(after);
        after.transport = self.transport.take();
    }

    /// Ends the waits whose deadline has passed, passes over commands that do not take their turn, and
    /// syncs when it is time to.
    ///
    /// What arrived in time counts, however late it is read: so waits end only when everything was read
    /// that is there (`read_all`).
    pub(crate) fn pass_deadlines(
        &mut self,
        now: Instant,
        read_all: bool,
        after: &mut After,
    ) -> Result<Due, Disconnect> {
        let until = match read_all {
            true => Some(now),
            false => now.checked_sub(GRACE),
        };
        if until.is_some_and(|until| self.waits.expire(until, Keeper::Driver, &mut after.wakers)) {
            self.offer(1, after);
        }
        self.close_late(now)?;
        let handshake = self.lifecycle.handshake.as_deref().copied();
        if handshake.is_some_and(|handshake| passed(handshake.deadline, now)) {
            return Ok(handshake.map_or(Due::Nothing, Due::GiveUp));
        }
        if let Err(refusal) = self.sync_when_due(now) {
            return Err(Disconnect::Handshake(refusal.to_string().into()));
        }
        match self.pass_over(now, after) {
            true => Ok(Due::Yield),
            false => Ok(Due::Nothing),
        }
    }

    /// The reason to end the connection, if closing took too long.
    fn close_late(&mut self, now: Instant) -> Result<(), Disconnect> {
        match self.lifecycle.closing.filter(|closing| passed(closing.deadline, now)) {
            Some(closing) => {
                self.lifecycle.closed_late = !closing.lingers;
                Err(Disconnect::ByUs)
            }
            None => Ok(()),
        }
    }

    /// Whether closing has nothing left to wait for but the driver's own.
    pub(crate) fn has_finished(&self) -> bool {
        let Some(closing) = self.lifecycle.closing else {
            return false;
        };
        self.writing.output.is_empty()
            && self.adopted.is_empty()
            && (!closing.answers || self.client.in_flight() == 0)
    }

    /// Has the server read what was sent before the connection is closed; `false` if it has.
    ///
    /// QEMU drops what it has not read when its client closes, and an agent on a unix socket exits
    /// when a client leaves something unread.
    pub(crate) fn linger(&mut self, agent: bool) -> bool {
        let lingers = agent || self.client.in_flight() > 0;
        let now = self.now();
        if let Some(closing) = self.lifecycle.closing.as_mut().filter(|it| lingers && !it.lingers) {
            closing.lingers = true;
            if agent {
                let limit = now.checked_add(AGENT_LINGERS);
                closing.deadline = [closing.deadline, limit].into_iter().flatten().min();
            }
        }
        lingers
    }
}

fn passed(deadline: Option<Instant>, now: Instant) -> bool {
    deadline.is_some_and(|deadline| deadline <= now)
}

impl Lifecycle {
    /// When the handshake, or closing, takes too long.
    pub(crate) fn deadline(&self) -> Option<Instant> {
        let handshake = self.handshake.as_deref().and_then(|handshake| handshake.deadline);
        let closing = self.closing.and_then(|closing| closing.deadline);
        handshake.into_iter().chain(closing).min()
    }
}

impl fmt::Debug for Machine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Machine")
            .field("client", &self.client)
            .field("lifecycle", &self.lifecycle)
            .finish_non_exhaustive()
    }
}

//! Commands, put together and run.

use std::fmt;
use std::future::{Future, poll_fn};
use std::pin::Pin;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use qmp_driver::{Error, Response, Untyped};
use serde::Serialize;

use crate::client::Client;
use crate::stream::Stream;

/// A command; [`run`](Self::run), [`send`](Self::send) or [`queue`](Self::queue) sends it.
#[must_use = "a command does nothing until it is run, sent or queued"]
pub struct Execute<'c, S: Stream, R = Untyped> {
    client: &'c Client<S>,
    command: qmp_driver::Execute<R>,
    has_deadline: bool,
}

impl<S: Stream> Execute<'_, S, Untyped> {
    /// Sets all arguments: anything that serializes to a JSON object, or to `null` for none.
    pub fn arguments<A: Serialize + ?Sized>(self, arguments: &A) -> Self {
        self.with(|command| command.arguments(arguments))
    }

    /// Adds an argument.
    pub fn argument<A: Serialize + ?Sized>(self, name: &str, value: &A) -> Self {
        self.with(|command| command.argument(name, value))
    }
}

impl<'c, S: Stream, R> Execute<'c, S, R> {
    pub(crate) const fn new(client: &'c Client<S>, command: qmp_driver::Execute<R>) -> Self {
        Self { client, command, has_deadline: false }
    }

    fn with(
        mut self,
        change: impl FnOnce(qmp_driver::Execute<R>) -> qmp_driver::Execute<R>,
    ) -> Self {
        self.command = change(self.command);
        self
    }

    /// Executes the command [out of band](qmp_driver::Execute::out_of_band): at once, also while an
    /// in-band command is busy.
    pub fn out_of_band(self) -> Self {
        self.with(qmp_driver::Execute::out_of_band)
    }

    /// Declares that the server sends [no success response](qmp_driver::Execute::without_answer) to
    /// this command.
    pub fn without_answer(self) -> Self {
        self.with(qmp_driver::Execute::without_answer)
    }

    /// Sends a [file descriptor](qmp_driver::Execute::descriptor) with the command.
    #[cfg(unix)]
    pub fn descriptor(self, descriptor: impl Into<std::os::fd::OwnedFd>) -> Self {
        self.with(|command| command.descriptor(descriptor))
    }

    /// Sets how long to wait for the answer, and before that for a free slot, counted from when it is
    /// run or sent.
    ///
    /// When it passes the command is not taken back: its outcome is unknown.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.has_deadline = true;
        self.with(|command| command.deadline(deadline))
    }
}

impl<'c, S: Stream, R: Response> Execute<'c, S, R> {
    /// Sends the command and waits for its answer.
    ///
    /// # Errors
    ///
    /// If it cannot be sent, the server answers with an error, the deadline passes, or the connection
    /// ends. [`Error::outcome`] tells whether it may have been executed.
    pub fn run(self) -> Result<R::Value, Error> {
        self.client.check_deadline(self.has_deadline)?;
        self.client.thread.run(self.command)
    }

    /// Sends the command without waiting for its answer, so that several can be in flight.
    ///
    /// At the in-flight limit (64; 7 in-band ones with out-of-band execution) it waits until one is
    /// answered.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn send(self) -> Result<PendingReply<'c, S, R>, Error> {
        let Self { client, mut command, has_deadline } = self;
        client.check_deadline(has_deadline)?;
        let sent = poll_fn(|cx| match Pin::new(&mut command).poll(cx) {
            Poll::Pending if command.is_queued() => Poll::Pending,
            Poll::Pending => Poll::Ready(None),
            Poll::Ready(answer) => Poll::Ready(Some(answer)),
        });
        let done = client.thread.run(sent).transpose()?;
        Ok(PendingReply { client, command, done })
    }

    /// As [`send`](Self::send), but the command is written together with others, in one system call:
    /// when something is waited for, when 64 KiB are queued, or with [`Client::flush`].
    ///
    /// Until then it is not sent, and if the client is dropped, never.
    ///
    /// ```no_run
    /// # let qemu = qmp_blocking::connect("/run/vm.qmp")?;
    /// let cpus = qemu.execute("query-cpus-fast").queue()?;
    /// let block = qemu.execute("query-block").queue()?;
    /// let (cpus, block) = (cpus.recv()?, block.recv()?);
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn queue(self) -> Result<PendingReply<'c, S, R>, Error> {
        self.client.inner.hold_output();
        self.send()
    }
}

impl<S: Stream, R> fmt::Debug for Execute<'_, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

/// The answer to a command that was sent.
///
/// Dropping it discards the answer when it comes; the command is not taken back.
#[must_use = "the answer is discarded unless it is received"]
pub struct PendingReply<'c, S: Stream, R: Response = Untyped> {
    client: &'c Client<S>,
    command: qmp_driver::Execute<R>,
    done: Option<R::Value>,
}

impl<S: Stream, R: Response> PendingReply<'_, S, R> {
    /// Waits for the answer. Answers may be awaited in any order.
    ///
    /// # Errors
    ///
    /// As [`Execute::run`].
    pub fn recv(self) -> Result<R::Value, Error> {
        match self.done {
            Some(value) => Ok(value),
            None => self.client.thread.run(self.command),
        }
    }

    /// Returns the answer if it has come, without waiting: reads what is in the socket. Its deadline
    /// can pass here, too.
    ///
    /// # Errors
    ///
    /// As [`Execute::run`].
    ///
    /// # Panics
    ///
    /// If it has returned an answer or an error before.
    pub fn try_recv(&mut self) -> Result<Option<R::Value>, Error> {
        if let Some(value) = self.done.take() {
            return Ok(Some(value));
        }
        let mut cx = Context::from_waker(Waker::noop());
        for last in [false, true] {
            if let Poll::Ready(answer) = Pin::new(&mut self.command).poll(&mut cx) {
                return answer.map(Some);
            }
            if !last {
                self.client.thread.run_now();
            }
        }
        Ok(None)
    }
}

impl<S: Stream, R: Response> fmt::Debug for PendingReply<'_, S, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.command.fmt(f)
    }
}

//! Operations: sequences of commands and events.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use crate::connection::handover::Adopted;
use crate::connection::waiting::Timer;
use crate::{Client, Error, ErrorKind};

/// A sequence of commands and events, written once for all adapters.
///
/// [`Client::run`] runs it, and so does `run` of the blocking client. An operation may only await
/// futures of the client: commands, events, [timeouts](Client::timeout) and [deferred
/// futures](Client::defer). Dropping its future cancels it; put what has to be undone in that case
/// into a deferred future.
///
/// ```no_run
/// use qmp_driver::{Client, Error, Operation};
///
/// /// Stops the guest and resumes it.
/// struct Blink;
///
/// impl Operation for Blink {
///     type Output = ();
///
///     async fn run(self, client: &Client) -> Result<(), Error> {
///         let resume = client.defer(client.execute("cont"));
///         client.execute("stop").await?;
///         resume.await?;
///         Ok(())
///     }
/// }
///
/// # async fn example(qemu: Client) -> Result<(), Error> {
/// qemu.run(Blink).await?;
/// # Ok(())
/// # }
/// ```
pub trait Operation: Send {
    /// The output of the operation.
    type Output;

    /// Runs the operation.
    ///
    /// # Errors
    ///
    /// Returns the errors of the operation.
    fn run(self, client: &Client) -> impl Future<Output = Result<Self::Output, Error>> + Send;
}

impl Client {
    /// Runs an operation: a sequence of commands and events.
    ///
    /// # Errors
    ///
    /// Returns the errors of the operation.
    pub fn run<O: Operation>(
        &self,
        operation: O,
    ) -> impl Future<Output = Result<O::Output, Error>> + Send {
        operation.run(self)
    }

    /// Limits how long a future may take. It uses the timer of this client's connection, which
    /// works in all adapters.
    ///
    /// The time is counted from the first poll. When it has passed, the future is dropped together
    /// with the [`Timeout`]. Commands of the future that were already sent are not taken back.
    ///
    /// ```no_run
    /// # use std::time::Duration;
    /// # async fn example(qemu: qmp_driver::Client) -> Result<(), qmp_driver::Error> {
    /// let both = async {
    ///     qemu.execute("stop").await?;
    ///     qemu.execute("query-status").await
    /// };
    /// let status = qemu.timeout(Duration::from_secs(5), both).await??;
    /// # Ok(())
    /// # }
    /// ```
    pub fn timeout<F: Future>(&self, timeout: Duration, future: F) -> Timeout<F> {
        let timer = Timer::new(self.connection(), Some(timeout));
        Timeout { future: Box::pin(future), timer }
    }

    /// Creates a future that is completed even if it is dropped early: the driver then takes it
    /// over.
    ///
    /// Use it for what an operation has to undo, such as thawing a file system or closing a handle.
    /// The future may itself await the reply that contains the handle.
    ///
    /// The driver polls the future until it completes, but not longer than the deadline of the
    /// handshake (10 seconds by default). The connection is closed after that:
    /// [`close`](Self::close) and dropping the last client wait for it. If the connection is lost,
    /// the commands of the future fail.
    ///
    /// A future that holds a client keeps the connection open. If it panics while the driver polls
    /// it, it is dropped.
    pub fn defer<F>(&self, future: F) -> Deferred<F::Output>
    where
        F: Future + Send + 'static,
        F::Output: 'static,
    {
        Deferred { client: self.clone(), future: Some(Box::pin(future)) }
    }
}

/// A future with a time limit, created by [`Client::timeout`].
///
/// Its output is the output of the future, or an error with [`ErrorKind::TimedOut`]. If the connection
/// ends before the future completes, the timer ends with it, and the error is
/// [`ErrorKind::Disconnected`].
#[must_use = "futures do nothing unless you `.await` or poll them"]
pub struct Timeout<F> {
    future: Pin<Box<F>>,
    timer: Timer,
}

impl<F: Future> Future for Timeout<F> {
    type Output = Result<F::Output, Error>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Err(cause) = self.timer.refuse() {
            return Poll::Ready(Err(self.timer.connection().error(cause)));
        }
        // The time is counted from the first poll.
        self.timer.start();
        if let Poll::Ready(output) = self.future.as_mut().poll(cx) {
            return Poll::Ready(Ok(output));
        }
        if let Poll::Ready(waited) = self.timer.poll(cx) {
            return Poll::Ready(Err(self.timer.connection().error(ErrorKind::TimedOut { waited })));
        }
        let connection = self.timer.connection();
        let ended = connection.lock().lifecycle.ended.clone();
        match ended {
            Some(reason) => Poll::Ready(Err(connection.disconnected(Some(reason), false))),
            None => Poll::Pending,
        }
    }
}

impl<F> fmt::Debug for Timeout<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Timeout").field("timer", &self.timer).finish_non_exhaustive()
    }
}

/// A future that is completed even if it is dropped early, created by [`Client::defer`].
#[must_use = "dropping it leaves the future to the driver"]
pub struct Deferred<T: 'static> {
    client: Client,
    /// `None` after completion.
    future: Option<Pin<Box<dyn Future<Output = T> + Send>>>,
}

impl<T> Future for Deferred<T> {
    type Output = T;

    /// # Panics
    ///
    /// Panics if it is polled after completion.
    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<T> {
        let Some(future) = &mut self.future else {
            panic!("a deferred future was polled after it completed");
        };
        let polled = future.as_mut().poll(cx);
        if polled.is_ready() {
            self.future = None;
        }
        polled
    }
}

impl<T> Drop for Deferred<T> {
    fn drop(&mut self) {
        if let Some(future) = self.future.take() {
            let adopted: Adopted = Box::pin(async { drop(future.await) });
            self.client.connection().adopt(adopted);
        }
    }
}

impl<T> fmt::Debug for Deferred<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Deferred")
            .field("completed", &self.future.is_none())
            .finish_non_exhaustive()
    }
}

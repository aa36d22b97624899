//! Commands, put together.

use std::borrow::Cow;
use std::fmt;
use std::marker::PhantomData;
use std::sync::Arc;
use std::time::Duration;

use qmp_proto::{Command, Request};
use qmp_sockets::{ArgumentsBuilder, Cause, Error, Response, Typed, Untyped};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Connection;
use crate::answer::Place;
use crate::connection::Descriptor;
use crate::sent::{Clock, Sent};
use crate::stream::Stream;

/// More is not queued.
const MOST_QUEUED: usize = 64 * 1024;

/// A command that is being put together; [`run`](Self::run), [`send`](Self::send) or
/// [`queue`](Self::queue) sends it.
#[must_use = "a command does nothing until it is run or sent"]
pub struct Execute<'c, S: Stream, R> {
    connection: &'c mut Connection<S>,
    name: Name<'c>,
    arguments: ArgumentsBuilder,
    out_of_band: bool,
    answered: bool,
    descriptor: Option<Descriptor>,
    deadline: Option<Duration>,
    response: PhantomData<fn() -> R>,
}

/// A typed command's needs no copy.
#[derive(Clone, Copy)]
enum Name<'c> {
    Known(&'static str),
    Lent(&'c str),
}

impl<'c> Name<'c> {
    fn as_str(self) -> &'c str {
        match self {
            Self::Known(name) => name,
            Self::Lent(name) => name,
        }
    }

    fn into_owned(self) -> Cow<'static, str> {
        match self {
            Self::Known(name) => Cow::Borrowed(name),
            Self::Lent(name) => Cow::Owned(name.to_owned()),
        }
    }
}

impl<'c, S: Stream> Execute<'c, S, Untyped> {
    pub(crate) fn new(connection: &'c mut Connection<S>, name: &'c str) -> Self {
        Self::named(connection, Name::Lent(name))
    }
}

impl<'c, S, C> Execute<'c, S, Typed<C>>
where
    S: Stream,
    C: Command<Output: DeserializeOwned> + Serialize,
{
    pub(crate) fn typed(connection: &'c mut Connection<S>, command: &C) -> Self {
        let mut execute = Self::named(connection, Name::Known(C::NAME)).arguments(command);
        execute.answered &= C::SUCCESS_RESPONSE;
        execute
    }
}

impl<'c, S: Stream, R: Response> Execute<'c, S, R> {
    fn named(connection: &'c mut Connection<S>, name: Name<'c>) -> Self {
        let deadline = connection.settings.deadline;
        Self {
            connection,
            name,
            arguments: ArgumentsBuilder::none(),
            out_of_band: false,
            answered: Request::<'_, _, Descriptor>::new(name.as_str()).is_answered(),
            descriptor: None,
            deadline,
            response: PhantomData,
        }
    }

    /// With all these arguments: anything that serializes to a JSON object, or to `null` for none.
    pub fn arguments<A: Serialize + ?Sized>(mut self, arguments: &A) -> Self {
        self.arguments = ArgumentsBuilder::of(arguments);
        self
    }

    /// With one more argument.
    pub fn argument<A: Serialize + ?Sized>(mut self, name: &str, value: &A) -> Self {
        self.arguments.add(name, value);
        self
    }

    /// Out of band: run at once, also while an in-band command is busy. Only for commands that allow
    /// it (`query-yank`, `yank`, `migrate-pause`, `migrate-recover`), on a connection that was
    /// [built for it](crate::Builder::out_of_band).
    pub fn out_of_band(mut self) -> Self {
        self.out_of_band = true;
        self
    }

    /// The server answers this command only when it fails. Then [`run`](Self::run) succeeds when
    /// the connection ends, a later command is answered, or nothing has come for the deadline, 10
    /// seconds if it has none. The guest agent's `guest-shutdown` and `guest-suspend-…` are known
    /// by name.
    pub fn without_answer(mut self) -> Self {
        self.answered = false;
        self
    }

    /// With a file descriptor (`getfd`, `add-fd`). It is closed once it has left: the server has
    /// its own then. Descriptors take turns: the command waits until the one before is answered.
    ///
    /// A server keeps a file that came with a command that takes none, and gives it to the next
    /// command that does.
    #[cfg(unix)]
    pub fn descriptor(mut self, descriptor: impl Into<std::os::fd::OwnedFd>) -> Self {
        self.descriptor = Some(descriptor.into());
        self
    }

    /// How long to wait for the answer, from now; and for a turn, if too many are in flight.
    ///
    /// When it passes, the command is not taken back: its outcome is unknown.
    pub fn deadline(mut self, deadline: Duration) -> Self {
        self.deadline = Some(deadline);
        self
    }

    /// Sends the command and waits for its answer.
    ///
    /// # Errors
    ///
    /// If it cannot be sent, the server answers with an error, the deadline passes, or the
    /// connection ends. [`Error::outcome`] says whether it may have been done.
    pub fn run(self) -> Result<R::Value, Error> {
        let (connection, sent) = self.submit()?;
        sent.wait(connection)
    }

    /// Sends the command without waiting for its answer, which [`Sent::wait`] does later: so
    /// several can be in flight.
    ///
    /// If as many are unanswered as may be (64; 7 in-band ones with out-of-band execution), it waits
    /// until one is answered.
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn send(self) -> Result<Sent<R>, Error> {
        let (connection, sent) = self.submit()?;
        // It leaves now, if there is room in the socket.
        connection.write_now();
        Ok(sent)
    }

    /// As [`send`](Self::send), but the command leaves together with others, in one write: with the
    /// next that is sent or run, when an answer or an event has to be waited for, when 64 KiB are
    /// queued, or with [`Connection::flush`]. Until then it is not sent, and if the connection is
    /// dropped, never. Its deadline counts from now.
    ///
    /// ```no_run
    /// # use qmp_blocking::Connection;
    /// # let mut qemu = Connection::connect("/run/vm.qmp")?;
    /// let cpus = qemu.execute("query-cpus-fast").queue()?;
    /// let block = qemu.execute("query-block").queue()?;
    /// let (cpus, block) = (cpus.wait(&mut qemu)?, block.wait(&mut qemu)?);
    /// # Ok::<(), qmp_blocking::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// If it cannot be sent.
    pub fn queue(self) -> Result<Sent<R>, Error> {
        let (connection, sent) = self.submit()?;
        if connection.session.output().unsent() >= MOST_QUEUED {
            connection.write_now();
        }
        Ok(sent)
    }

    fn submit(self) -> Result<(&'c mut Connection<S>, Sent<R>), Error> {
        let Self {
            connection,
            name: command,
            arguments,
            out_of_band,
            answered,
            mut descriptor,
            deadline,
            ..
        } = self;
        let (name, command) = (command.as_str(), command);
        connection.check_deadline(deadline).map_err(|error| error.in_command(name))?;
        if descriptor.is_some() && !connection.stream.carries_descriptors() {
            return Err(connection.error(Cause::NoDescriptors).in_command(name));
        }
        let arguments =
            arguments.finish().map_err(|cause| connection.error(cause).in_command(name))?;
        let clock = Clock::start(deadline, answered, connection.stream.has_deadlines());
        let place = Place::default();
        let request = connection.admit(name, &clock, |connection| {
            let mut request = Request::new(name);
            request = if out_of_band { request.out_of_band() } else { request };
            request = if answered { request } else { request.without_answer() };
            if let Some(descriptor) = descriptor.take() {
                request = request.descriptor(descriptor);
            }
            let sent = match &arguments {
                Some(arguments) => {
                    connection.try_submit(request.checked(arguments.as_arguments()), &place)
                }
                None => connection.try_submit(request, &place),
            };
            sent.map_err(|(refusal, back)| {
                descriptor = back;
                refusal
            })
        })?;
        let sent = Sent {
            request,
            place,
            peer: Arc::clone(&connection.peer),
            name: command.into_owned(),
            answered,
            clock,
            response: PhantomData,
        };
        Ok((connection, sent))
    }
}

impl<S: Stream, R> fmt::Debug for Execute<'_, S, R> {
    /// Not the arguments: they may hold a password.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Execute")
            .field("name", &self.name.as_str())
            .field("deadline", &self.deadline)
            .finish_non_exhaustive()
    }
}

//! The asynchronous client, on any runtime. Its inherent methods take precedence over the traits'
//! methods of the same names.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::process::ExitStatus;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use qmp_driver::{
    Address, Builder, Client, CloseReason, Command, Error, EventItem, Launch, Options, OwnedEvent,
    Process, Reply, Runtime, Socket, Subscription, Version,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Build, Execute, Subject};
use crate::scenarios::join_all;

/// A command that was polled once, so it is sent or waits for its turn.
#[derive(Debug)]
pub enum Polled {
    /// It was still pending.
    Under(qmp_driver::Execute),
    /// It completed at once.
    Done(Result<Reply, Error>),
}

impl<R: Runtime> Build for Builder<R> {
    type Client = Client;
    type Listener = R::Listener;

    fn agent(self) -> Self {
        self.agent()
    }

    fn out_of_band(self) -> Self {
        self.out_of_band()
    }

    fn options(self, options: Options) -> Self {
        self.options(options)
    }

    fn connect_timeout(self, deadline: Duration) -> Self {
        self.connect_timeout(deadline)
    }

    fn handshake_timeout(self, deadline: Duration) -> Self {
        self.handshake_timeout(deadline)
    }

    async fn connect(self, address: &Address) -> Result<Client, Error> {
        self.connect(address).await
    }

    async fn connect_with_retry(
        self,
        address: &Address,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Client, Error> {
        self.connect_with_retry(address, has_ended).await
    }

    async fn accept(self, listener: &R::Listener) -> Result<Client, Error> {
        self.accept(listener).await
    }

    async fn launch(self, launch: Launch) -> Result<(Client, Process), Error> {
        self.launch(launch).await
    }

    async fn connect_over(self, stream: UnixStream, peer: &str) -> Result<Client, Error> {
        let transport = self.runtime().transport(Socket::from(stream)).unwrap();
        self.connect_over(transport, peer).await
    }
}

impl Subject for Client {
    type Sent<'c> = Polled;
    type Events<'c> = Subscription;

    fn execute(&self, name: &str) -> impl Execute<Sent = Polled> {
        Self::execute(self, name)
    }

    async fn call<C: Command<Output: DeserializeOwned> + Serialize>(
        &self,
        command: &C,
    ) -> Result<C::Output, Error> {
        Self::call(self, command).await
    }

    async fn raw(&self, message: &str) -> Result<Vec<u8>, Error> {
        Self::raw(self, message).await
    }

    async fn answers(&self, sent: Vec<Polled>) -> Vec<Result<Reply, Error>> {
        let answer = async |sent| match sent {
            Polled::Under(command) => command.await,
            Polled::Done(answer) => answer,
        };
        join_all(sent.into_iter().map(answer)).await
    }

    fn events(&self, names: &[&'static str]) -> Subscription {
        let builder = Self::events(self).with_backlog();
        names.iter().fold(builder, |builder, name| builder.named(name)).subscribe()
    }

    async fn event(
        &self,
        events: &mut Subscription,
        within: Duration,
    ) -> Result<OwnedEvent, Error> {
        events.event().timeout(within).await
    }

    fn names(&self, events: &mut Subscription) -> Vec<String> {
        names(events.drain())
    }

    fn version(&self) -> Option<Version> {
        self.version()
    }

    fn supports(&self, capability: &str) -> bool {
        self.supports(capability)
    }

    fn is_out_of_band(&self) -> bool {
        self.is_out_of_band()
    }

    fn is_ready(&self) -> bool {
        self.is_ready()
    }

    async fn sync(&self) -> Result<(), Error> {
        Self::sync(self).await
    }

    async fn close(&self) -> Result<(), Error> {
        Self::close(self).await
    }

    async fn closed(&self) -> CloseReason {
        Self::closed(self).await
    }
}

impl Execute for qmp_driver::Execute {
    type Sent = Polled;

    fn arguments<A: Serialize + ?Sized>(self, arguments: &A) -> Self {
        self.arguments(arguments)
    }

    fn argument<A: Serialize + ?Sized>(self, name: &str, value: &A) -> Self {
        self.argument(name, value)
    }

    fn out_of_band(self) -> Self {
        self.out_of_band()
    }

    fn descriptor(self, descriptor: impl Into<OwnedFd>) -> Self {
        self.descriptor(descriptor)
    }

    fn timeout(self, deadline: Duration) -> Self {
        self.timeout(deadline)
    }

    async fn run(self) -> Result<Reply, Error> {
        self.await
    }

    async fn send(self) -> Result<Polled, Error> {
        let mut command = self;
        Ok(match Pin::new(&mut command).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Polled::Done(answer),
            Poll::Pending => Polled::Under(command),
        })
    }
}

/// The names of events, and counts of those that were dropped.
pub(crate) fn names(items: Vec<EventItem>) -> Vec<String> {
    let name = |item| match item {
        EventItem::Event(event) => OwnedEvent::name(&event).to_owned(),
        EventItem::Lagged(count) => format!("{count} lagged"),
        other => panic!("{other:?}"),
    };
    items.into_iter().map(name).collect()
}

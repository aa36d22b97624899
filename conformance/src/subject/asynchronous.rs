//! The asynchronous client, on any runtime. Its own methods come before the traits' of the same
//! names.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::pin::Pin;
use std::process::ExitStatus;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use qmp_driver::{
    Address, Builder, Client, Command, Disconnect, Error, Events, Launch, Options, OwnedEvent,
    OwnedReply, Process, Queued, Running, Runtime, Socket, Untyped, Version,
};
use serde::Serialize;

use super::{Build, Execute, Subject};
use crate::scenarios::join_all;

/// A command that was polled once: so it is sent, or has joined those that wait for their turn.
#[derive(Debug)]
pub enum Polled {
    /// Not answered then.
    Under(Running<Untyped>),
    /// What it came to at once.
    Done(Result<OwnedReply, Error>),
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

    fn connect_deadline(self, deadline: Duration) -> Self {
        self.connect_deadline(deadline)
    }

    fn handshake_deadline(self, deadline: Duration) -> Self {
        self.handshake_deadline(deadline)
    }

    async fn connect(self, address: &Address) -> Result<Client, Error> {
        self.connect(address).await
    }

    async fn connect_when_up(
        self,
        address: &Address,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Client, Error> {
        self.connect_when_up(address, has_ended).await
    }

    async fn accept(self, listener: &R::Listener) -> Result<Client, Error> {
        self.accept(listener).await
    }

    async fn launch(self, launch: Launch) -> Result<(Client, Process), Error> {
        self.launch(launch).await
    }

    async fn over(self, stream: UnixStream, peer: &str) -> Result<Client, Error> {
        self.over(R::transport(Socket::from(stream)).unwrap(), peer).await
    }
}

impl Subject for Client {
    type Sent = Polled;
    type Events = Events;

    fn execute<'c>(&'c mut self, name: &'c str) -> impl Execute<Sent = Polled> {
        Self::execute(self, name)
    }

    async fn call<C: Command<Output: serde::de::DeserializeOwned> + Serialize>(
        &mut self,
        command: &C,
    ) -> Result<C::Output, Error> {
        Self::call(self, command).await
    }

    async fn raw(&mut self, message: &str) -> Result<Vec<u8>, Error> {
        Self::raw(self, message).await
    }

    async fn answers(&mut self, sent: Vec<Polled>) -> Vec<Result<OwnedReply, Error>> {
        let answer = async |sent| match sent {
            Polled::Under(running) => running.await,
            Polled::Done(answer) => answer,
        };
        join_all(sent.into_iter().map(answer)).await
    }

    fn events(&mut self, names: &[&'static str]) -> Events {
        let subscribe = Self::events(self);
        names.iter().fold(subscribe, |subscribe, name| subscribe.named(name)).subscribe()
    }

    async fn event(&mut self, events: &mut Events, within: Duration) -> Result<OwnedEvent, Error> {
        events.event().deadline(within).await
    }

    fn names(&mut self, events: &mut Events) -> Vec<String> {
        names(events)
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

    async fn sync(&mut self) -> Result<(), Error> {
        Self::sync(self).await
    }

    async fn close(self) -> Result<(), Error> {
        Self::close(&self).await
    }

    async fn closed(&mut self) -> Disconnect {
        Self::closed(self).await
    }
}

impl Execute for qmp_driver::Execute<Untyped> {
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

    fn deadline(self, deadline: Duration) -> Self {
        self.deadline(deadline)
    }

    async fn run(self) -> Result<OwnedReply, Error> {
        self.await
    }

    async fn send(self) -> Result<Polled, Error> {
        let mut running = self.into_future();
        Ok(match Pin::new(&mut running).poll(&mut Context::from_waker(Waker::noop())) {
            Poll::Ready(answer) => Polled::Done(answer),
            Poll::Pending => Polled::Under(running),
        })
    }
}

/// What has come: the names of events, and notices.
pub(crate) fn names(events: &mut Events) -> Vec<String> {
    let name = |queued: Queued<OwnedEvent>| match queued {
        Queued::Event(event) => event.name().to_owned(),
        Queued::Lost(count) => format!("{count} lost"),
        Queued::Reconnected => "reconnected".to_owned(),
    };
    events.drain().into_iter().map(name).collect()
}

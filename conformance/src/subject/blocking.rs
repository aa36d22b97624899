//! The blocking client. Its inherent methods take precedence over the traits' methods of the same
//! names.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::time::Duration;

use qmp_blocking::{
    Address, Builder, Client, CloseReason, Command, Error, Launch, Listener, Options, OwnedEvent,
    PendingReply, Process, Reply, Socket, Subscription, Version,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::{Build, Execute, Subject, names};

impl Build for Builder {
    type Client = Client;
    type Listener = Listener;

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
        self.connect(address)
    }

    async fn connect_with_retry(
        self,
        address: &Address,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Client, Error> {
        self.connect_with_retry(address, has_ended)
    }

    async fn accept(self, listener: &Listener) -> Result<Client, Error> {
        self.accept(listener)
    }

    async fn launch(self, launch: Launch) -> Result<(Client, Process), Error> {
        self.launch(launch)
    }

    async fn connect_over(self, stream: UnixStream, peer: &str) -> Result<Client, Error> {
        self.connect_over(Socket::from(stream), peer)
    }
}

impl Subject for Client {
    type Sent<'c> = PendingReply<'c, Socket>;
    type Events<'c> = Subscription<'c, Socket>;

    fn execute<'c>(&'c self, name: &str) -> impl Execute<Sent = PendingReply<'c, Socket>> {
        self.execute(name)
    }

    async fn call<C: Command<Output: DeserializeOwned> + Serialize>(
        &self,
        command: &C,
    ) -> Result<C::Output, Error> {
        self.call(command).run()
    }

    async fn raw(&self, message: &str) -> Result<Vec<u8>, Error> {
        self.raw(message).run()
    }

    async fn answers<'c>(
        &'c self,
        sent: Vec<PendingReply<'c, Socket>>,
    ) -> Vec<Result<Reply, Error>> {
        sent.into_iter().map(PendingReply::recv).collect()
    }

    fn events(&self, names: &[&'static str]) -> Subscription<'_, Socket> {
        let builder = self.events().with_backlog();
        names.iter().fold(builder, |builder, name| builder.named(name)).subscribe()
    }

    async fn event<'c>(
        &'c self,
        events: &mut Subscription<'c, Socket>,
        within: Duration,
    ) -> Result<OwnedEvent, Error> {
        events.event().timeout(within).run()
    }

    fn names<'c>(&'c self, events: &mut Subscription<'c, Socket>) -> Vec<String> {
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
        self.sync()
    }

    async fn close(&self) -> Result<(), Error> {
        self.close()
    }

    async fn closed(&self) -> CloseReason {
        self.closed()
    }
}

impl<'c> Execute for qmp_blocking::Execute<'c, Socket> {
    type Sent = PendingReply<'c, Socket>;

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
        self.run()
    }

    async fn send(self) -> Result<PendingReply<'c, Socket>, Error> {
        self.send()
    }
}

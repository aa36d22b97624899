//! The blocking client. Its own methods come before the traits' of the same names.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::process::ExitStatus;
use std::time::Duration;

use qmp_blocking::{
    Address, Builder, Cause, Command, Connection, Disconnect, Error, Launch, Listener, Options,
    OwnedEvent, OwnedReply, Process, Sent, Socket, Untyped, Version,
};
use serde::Serialize;

use super::{Build, Execute, Subject};

/// The names of events, which the connection keeps.
#[derive(Debug)]
pub struct Kept(Vec<&'static str>);

impl Build for Builder {
    type Client = Connection;
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

    fn connect_deadline(self, deadline: Duration) -> Self {
        self.connect_deadline(deadline)
    }

    fn handshake_deadline(self, deadline: Duration) -> Self {
        self.handshake_deadline(deadline)
    }

    async fn connect(self, address: &Address) -> Result<Connection, Error> {
        self.connect(address)
    }

    async fn connect_when_up(
        self,
        address: &Address,
        has_ended: impl FnMut() -> io::Result<Option<ExitStatus>>,
    ) -> Result<Connection, Error> {
        self.connect_when_up(address, has_ended)
    }

    async fn accept(self, listener: &Listener) -> Result<Connection, Error> {
        self.accept(listener)
    }

    async fn launch(self, launch: Launch) -> Result<(Connection, Process), Error> {
        self.launch(launch)
    }

    async fn over(self, stream: UnixStream, peer: &str) -> Result<Connection, Error> {
        self.over(Socket::from(stream), peer)
    }
}

impl Subject for Connection {
    type Sent = Sent;
    type Events = Kept;

    fn execute<'c>(&'c mut self, name: &'c str) -> impl Execute<Sent = Sent> {
        self.execute(name)
    }

    async fn call<C: Command<Output: serde::de::DeserializeOwned> + Serialize>(
        &mut self,
        command: &C,
    ) -> Result<C::Output, Error> {
        self.call(command).run()
    }

    async fn raw(&mut self, message: &str) -> Result<Vec<u8>, Error> {
        self.raw(message).run()
    }

    async fn answers(&mut self, sent: Vec<Sent>) -> Vec<Result<OwnedReply, Error>> {
        sent.into_iter().map(|sent| sent.wait(self)).collect()
    }

    fn events(&mut self, names: &[&'static str]) -> Kept {
        Kept(names.to_vec())
    }

    async fn event(&mut self, events: &mut Kept, within: Duration) -> Result<OwnedEvent, Error> {
        let wait = events.0.iter().fold(self.event(), |wait, name| wait.named(name));
        wait.deadline(within).wait()
    }

    fn names(&mut self, events: &mut Kept) -> Vec<String> {
        let mut names = Vec::new();
        loop {
            let look = events.0.iter().fold(self.event(), |wait, name| wait.named(name));
            match look.look() {
                Ok(Some(event)) => names.push(event.name().to_owned()),
                Ok(None) => return names,
                Err(error) if error.is_disconnected() => return names,
                Err(error) => panic!("{error}"),
            }
        }
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
        self.sync()
    }

    async fn close(self) -> Result<(), Error> {
        self.close()
    }

    async fn closed(&mut self) -> Disconnect {
        let error = self.event().matching(|_| false).wait().unwrap_err();
        match error.cause() {
            Cause::Disconnected { reason, .. } => reason.clone(),
            other => panic!("{other:?}"),
        }
    }
}

impl Execute for qmp_blocking::Execute<'_, Socket, Untyped> {
    type Sent = Sent;

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
        self.run()
    }

    async fn send(self) -> Result<Sent, Error> {
        self.send()
    }
}

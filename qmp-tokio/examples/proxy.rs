//! Many clients share one monitor, which QEMU itself serves to one at a time.
//!
//! ```text
//! cargo run -p qmp-tokio --example proxy -- unix:/run/vm.qmp unix:/run/shared.qmp
//! ```
//!
//! To each client it is as if it were alone: it is greeted as QEMU greets, negotiates for itself, uses
//! ids of its own, and is told of every event. Values, errors and descriptors pass as they are. What
//! happened before an answer is told before it. One that does not read costs the others nothing.

use std::process::ExitCode;

use futures_util::stream::{FuturesUnordered, StreamExt};
use qmp_tokio::server::{Commands, Emitter, Options, Request, Response};
use qmp_tokio::{
    Cause, Client, Disconnect, Error, ErrorClass, Escaped, EventItem, Json, Listener, Reply,
};
use serde_json::value::RawValue;
use tokio::task::JoinSet;

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [monitor, shared] = &arguments[..] else {
        eprintln!("usage: proxy MONITOR SHARED");
        return ExitCode::from(2);
    };
    match run(monitor, shared).await {
        Ok(reason) => {
            println!("{monitor}: {reason}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            eprintln!("proxy: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(monitor: &str, shared: &str) -> Result<Disconnect, Error> {
    let qemu = connect(monitor).await?;
    let mut server =
        qmp_tokio::server().options(Options::monitor().out_of_band(qemu.is_out_of_band()));
    let greeting = qemu.greeting();
    if let Some(greeting) = greeting.as_deref().and_then(|it| json(it.message())) {
        server = server.greeting(greeting);
    }
    let listener = Listener::bind(shared)?;
    println!("{monitor} is shared at {}", listener.local_address());

    let mut clients = JoinSet::new();
    let reason = loop {
        tokio::select! {
            accepted = server.accept(&listener) => {
                clients.spawn(serve(qemu.clone(), accepted?));
            }
            Some(_) = clients.join_next() => {}
            reason = qemu.closed() => break reason,
        }
    };
    // They are still told what they asked for.
    clients.join_all().await;
    Ok(reason)
}

/// With out-of-band execution if there is such a thing.
async fn connect(monitor: &str) -> Result<Client, Error> {
    match qmp_tokio::builder().out_of_band().connect(monitor).await {
        Err(error) if is_refused_handshake(&error) => qmp_tokio::connect(monitor).await,
        connected => connected,
    }
}

fn is_refused_handshake(error: &Error) -> bool {
    let Cause::Disconnected { reason, .. } = error.cause() else {
        return false;
    };
    matches!(reason, Disconnect::Handshake(_))
}

/// Serves one client until it leaves or QEMU does.
async fn serve(qemu: Client, mut commands: Commands) {
    let emitter = commands.emitter();
    let mut events = qemu.events().subscribe();
    let mut answers = FuturesUnordered::new();
    loop {
        tokio::select! {
            item = events.recv() => match item {
                Some(item) => tell(&emitter, &item),
                None => break,
            },
            Some((request, answer)) = answers.next() => {
                events.drain().iter().for_each(|item| tell(&emitter, item));
                reply(request, answer);
            }
            request = commands.recv() => match request {
                Some(request) => answers.push(pass_on(&qemu, request)),
                // It has left; what it asked for is done all the same.
                None => return answers.for_each(|_| async {}).await,
            },
        }
    }
    while let Some((request, answer)) = answers.next().await {
        reply(request, answer);
    }
    commands.close().await;
}

fn tell(emitter: &Emitter, item: &EventItem) {
    let EventItem::Event(event) = item else {
        return eprintln!("proxy: events were lost: {item:?}");
    };
    let told = std::str::from_utf8(event.message()).map(|event| emitter.emit_raw(event));
    if !matches!(told, Ok(Ok(()))) {
        eprintln!("proxy: {} cannot be passed on: {told:?}", Escaped(event.name()));
    }
}

async fn pass_on(qemu: &Client, mut request: Request) -> (Request, Result<Reply, Error>) {
    let mut command = qemu.execute(request.name());
    if let Some(arguments) = request.decode::<&RawValue>().ok().filter(|it| it.get() != "{}") {
        command = command.arguments(arguments);
    }
    if request.is_out_of_band() {
        command = command.out_of_band();
    }
    let descriptor = request.take_descriptor();
    if let Some(descriptor) = descriptor {
        command = command.descriptor(descriptor);
    }
    let answer = command.await;
    (request, answer)
}

fn reply(request: Request, answer: Result<Reply, Error>) {
    let replied = match &answer {
        Ok(reply) => reply.json().map(|value| request.respond(&Response::json(value))),
        Err(error) => match error.failure().map(|failure| failure.json()) {
            Some(json) => {
                json.map(|it| request.respond(&Response::raw_error(it))).map_err(Error::from)
            }
            None => {
                request.fail(ErrorClass::GenericError, &error.to_string());
                return;
            }
        },
    };
    if !matches!(replied, Ok(Ok(()))) {
        eprintln!("proxy: an answer cannot be passed on: {replied:?}");
    }
}

fn json(text: &[u8]) -> Option<Json<'_>> {
    Json::parse(std::str::from_utf8(text).ok()?).ok()
}

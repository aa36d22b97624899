//! Shares one monitor, which QEMU itself serves to one client at a time, between many clients.
//!
//! ```text
//! cargo run -p qmp-tokio --example proxy -- unix:/run/vm.qmp unix:/run/shared.qmp
//! ```
//!
//! To each client it is as if it were alone: it is greeted as QEMU greets, negotiates for itself, uses
//! ids of its own, and receives every event. Commands, replies and descriptors pass unchanged, whatever
//! is in them, and each client receives replies and events in the order in which QEMU sent them. A
//! command whose outcome is unknown is not answered; its client is disconnected, as it would be by
//! QEMU. A client that does not read costs the others nothing.
//!
//! What QEMU itself keeps for its one client is shared: the names of `getfd`, for example.
//!
//! - `relay` serves one client.
//! - `pass_on` sends commands to QEMU.

mod pass_on;
mod relay;

use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use qmp_tokio::server::{ClientConnection, Options};
use qmp_tokio::{Builder, Client, CloseReason, Error, ErrorKind, Listener, RawJson, Tokio};
use tokio::task::{JoinSet, LocalSet};

use crate::pass_on::Qemu;
use crate::relay::relay;

/// How long to wait after a client could not be accepted, as when too many files are open.
const PAUSE: Duration = Duration::from_millis(200);

/// One thread, so that no reply completes between two looks at the replies that have come.
#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let [monitor, shared] = &arguments[..] else {
        eprintln!("usage: proxy MONITOR SHARED");
        return ExitCode::from(2);
    };
    match LocalSet::new().run_until(run(monitor, shared)).await {
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

async fn run(monitor: &str, shared: &str) -> Result<CloseReason, Error> {
    let listener = Listener::bind(shared).await?;
    let client = connect(monitor).await?;
    let mut server =
        qmp_tokio::server().options(Options::monitor().out_of_band(client.is_out_of_band()));
    let greeting = client.greeting();
    if let Some(greeting) = greeting.as_deref().and_then(|it| json(it.message())) {
        server = server.greeting(greeting);
    }
    println!("{monitor} is shared at {}", listener.local_address());

    let qemu = Rc::new(Qemu::new(client.clone()));
    let mut clients = JoinSet::new();
    let mut failed = false;
    let reason = loop {
        tokio::select! {
            accepted = server.accept(&listener) => match accepted {
                Ok(commands) => {
                    failed = false;
                    clients.spawn_local(serve(Rc::clone(&qemu), commands));
                }
                Err(error) => {
                    if !std::mem::replace(&mut failed, true) {
                        eprintln!("proxy: no client can be accepted at the moment: {error}");
                    }
                    tokio::time::sleep(PAUSE).await;
                }
            },
            Some(_) = clients.join_next() => {}
            reason = client.closed() => break reason,
        }
    };
    // They still receive what QEMU sent before.
    clients.join_all().await;
    Ok(reason)
}

/// Connects with out-of-band execution, if QEMU offers it.
async fn connect(monitor: &str) -> Result<Client, Error> {
    match patient().out_of_band().connect(monitor).await {
        Err(error) if is_refused_handshake(&error) => patient().connect(monitor).await,
        connected => connected,
    }
}

/// A QEMU that is still starting, is stopped, or serves another client greets late, and it has all the time
/// that it needs.
fn patient() -> Builder<Tokio> {
    qmp_tokio::builder().handshake_timeout(Duration::MAX)
}

fn is_refused_handshake(error: &Error) -> bool {
    let ErrorKind::Disconnected { reason, .. } = error.kind() else {
        return false;
    };
    matches!(reason, CloseReason::Handshake(_))
}

/// Serves one client until it leaves, QEMU does, or it can no longer be served as by QEMU.
async fn serve(qemu: Rc<Qemu>, mut commands: ClientConnection) {
    if let Err(why) = relay(&qemu, &mut commands).await {
        return eprintln!("proxy: a client was disconnected: {why}");
    }
    // What was not sent to QEMU is not answered, either.
    while let Some(request) = commands.try_recv() {
        request.leave_unanswered();
    }
    commands.close().await;
}

fn json(text: &[u8]) -> Option<RawJson<'_>> {
    RawJson::parse(std::str::from_utf8(text).ok()?).ok()
}

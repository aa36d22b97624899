//! Users of a client that is connected to a hostile server.

use std::fmt::Write;
use std::os::unix::net::UnixStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use qmp_driver::{Error, ErrorKind, Options, Outcome};
use serde_json::Value;

use super::servers::HostileServer;
use super::wire::Wire;
use super::{MIB, PLENTY, Peak, PeakAlloc};
use crate::subject::{Build, Execute, Subject};
use crate::{Adapter, Target};

/// What the user does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum User {
    /// Connects; the handshake does not complete.
    Connects,
    /// Executes one command.
    Executes,
    /// Executes one command of an agent.
    UsesAgent,
    /// Executes many commands with distinct replies.
    Repeats,
    /// Waits for a reply, and then for events.
    Listens,
    /// Executes a command that is larger than a socket's buffer.
    SaysMuch,
}

/// The state of the connection afterwards.
#[derive(Clone, Copy, Debug)]
pub(super) enum After {
    /// The connection is closed.
    Over,
    /// Commands are answered once the server responds again.
    Usable,
    /// As `Usable`, after the agent is synced again.
    Synced,
}

/// Connects both; returns the peak of allocated memory. Another connection continues to work
/// meanwhile.
pub(super) fn meets<A: Adapter>(case: &HostileServer, heap: PeakAlloc) -> usize {
    let (ours, theirs) = UnixStream::pair().unwrap();
    let enough = Arc::new(AtomicBool::new(false));
    let mut wire = Wire::new(theirs, Arc::clone(&enough));
    let script = case.script;
    let peer = thread::spawn(move || script(&mut wire));
    let peak = A::block_on(async {
        let mut beside = Target::Memory.qemu();
        let beside = beside.connect(A::builder).await;
        let peak = Peak::begin(heap);
        let (result, client) = uses::<A>(case, ours).await;
        let peak = peak.bytes();
        enough.store(true, Ordering::Relaxed);
        check(case, result);
        if let Some(mut client) = client {
            goes_on(case, &mut client).await;
        }
        let status = beside.execute("query-status").timeout(PLENTY).run().await;
        status.unwrap();
        peak
    });
    peer.join().unwrap();
    peak
}

type Client<A> = <<A as Adapter>::Builder as Build>::Client;

async fn uses<A: Adapter>(
    case: &HostileServer,
    socket: UnixStream,
) -> (Result<(), Error>, Option<Client<A>>) {
    let builder = match case.user {
        User::UsesAgent => {
            A::builder().agent().options(Options::agent().longest_message(case.longest))
        }
        _ => A::builder().options(Options::monitor().longest_message(case.longest)),
    };
    let patience = if case.user == User::Connects { case.patience } else { PLENTY };
    match builder.handshake_timeout(patience).connect_over(socket, "peer").await {
        Ok(mut client) => (executes(case, &mut client).await, Some(client)),
        Err(error) => (Err(error), None),
    }
}

async fn executes(case: &HostileServer, client: &mut impl Subject) -> Result<(), Error> {
    match case.user {
        User::Repeats => {
            for number in 0..100 {
                echoes(client, number).await?;
            }
            return Ok(());
        }
        User::SaysMuch => {
            let text = "x".repeat(4 * MIB);
            let command = client.execute("query-name").argument("text", &text);
            command.timeout(case.patience).run().await?;
        }
        User::Listens => {
            let mut events = client.events(&["NOISE"]);
            // However long it takes until there are too many.
            for _ in 0..50 {
                let command = client.execute("query-name").timeout(case.patience);
                let late = command.run().await.unwrap_err();
                assert!(matches!(late.kind(), ErrorKind::NoReply { .. }), "{late:#?}");
                // Events from before the subscription come first.
                for _ in 0..65 {
                    client.event(&mut events, PLENTY).await?;
                }
            }
        }
        _ => {
            let command = client.execute("query-name").timeout(case.patience);
            command.run().await?.decode::<Value>()?;
        }
    }
    Ok(())
}

/// Checks that the reply belongs to the command.
async fn echoes(client: &mut impl Subject, number: u64) -> Result<(), Error> {
    let command = client.execute("echo").argument("number", &number).timeout(PLENTY);
    assert_eq!(command.run().await?.decode::<u64>()?, number);
    Ok(())
}

/// Checks the error kind and the text.
fn check(case: &HostileServer, result: Result<(), Error>) {
    let error = match result {
        Ok(()) => return assert!(case.cause.is_empty(), "{}: no error", case.does),
        Err(error) => error,
    };
    let mut cause = String::new();
    write!(cause, "{:?}", error.kind()).unwrap();
    let text = error.to_string();
    assert!(
        !case.cause.is_empty() && cause.starts_with(case.cause) && says(&text, case.says),
        "{}: {text}\n{cause}",
        case.does
    );
    assert!(cause.len() < 4000 && text.len() < 2000, "{}: {text}", case.does);
}

/// The ellipsis stands for text that varies.
fn says(text: &str, expected: &str) -> bool {
    expected.split('…').all(|part| text.contains(part))
}

async fn goes_on(case: &HostileServer, client: &mut impl Subject) {
    if let After::Over = case.after {
        let error = client.execute("query-name").run().await.unwrap_err();
        assert!(error.is_disconnected(), "{}: {error:#?}", case.does);
        assert_eq!(error.outcome(), Outcome::NotSent);
        assert!(error.to_string().contains("connect again"), "{error}");
        return;
    }
    if let After::Synced = case.after {
        let unsynced = client.execute("query-name").run().await.unwrap_err();
        assert_eq!(unsynced.outcome(), Outcome::NotSent, "{unsynced:#?}");
        client.sync().await.unwrap();
    }
    echoes(client, 7).await.unwrap();
}

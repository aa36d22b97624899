//! Commands on their way to QEMU.

use qmp_tokio::server::Request;
use qmp_tokio::{Client, Error, Reply, Subscription};
use tokio::sync::Mutex;

/// What QEMU answers to a command that needs a descriptor and has none.
pub(crate) const NO_DESCRIPTOR: &str = "No file descriptor supplied via SCM_RIGHTS";
/// A name for `getfd` that no client uses.
const DISCARDED: &str = "proxy-discards-this";
/// The most bytes of events that wait for a relay: it empties its subscription whenever it runs.
const MOST_EVENTS: usize = 16 << 20;

/// The monitor that is shared.
pub(crate) struct Qemu {
    client: Client,
    /// Whether QEMU may hold a descriptor that no command has taken. It would give it to the next
    /// command that takes one, whichever client that comes from. The lock is held while such a
    /// command is under way.
    stray: Mutex<bool>,
}

/// What became of a command.
pub(crate) enum Answer {
    Qemu(Result<Reply, Error>),
    /// It needs a descriptor, and its client sent none.
    NoDescriptor,
}

impl Qemu {
    pub(crate) fn new(client: Client) -> Self {
        Self { client, stray: Mutex::new(false) }
    }

    pub(crate) fn events(&self) -> Subscription {
        self.client.events().limits(usize::MAX, MOST_EVENTS).subscribe()
    }

    /// Sends on the client's own message, and waits for the reply.
    pub(crate) async fn pass_on(&self, mut request: Request) -> (Request, Answer) {
        let command = self.client.raw(request.message().as_str()).untyped();
        if !matches!(request.name(), "getfd" | "add-fd") {
            return (request, Answer::Qemu(command.await));
        }
        let mut stray = self.stray.lock().await;
        let answer = match request.take_descriptor() {
            Some(descriptor) => {
                let answer = command.descriptor(descriptor).await;
                // A command that fails may not have taken it.
                *stray = answer.is_err();
                self.discard(&mut stray).await;
                Answer::Qemu(answer)
            }
            None => {
                self.discard(&mut stray).await;
                if *stray { Answer::NoDescriptor } else { Answer::Qemu(command.await) }
            }
        };
        (request, answer)
    }

    /// Takes the descriptor from QEMU that no command has taken.
    async fn discard(&self, stray: &mut bool) {
        if !*stray {
            return;
        }
        match self.client.execute("getfd").argument("fdname", DISCARDED).await {
            Ok(_) => {
                *stray = false;
                let _ = self.client.execute("closefd").argument("fdname", DISCARDED).await;
            }
            Err(error) => {
                let there_is_none = |error: &Error| error.to_string().contains(NO_DESCRIPTOR);
                *stray = !there_is_none(&error);
            }
        }
    }
}

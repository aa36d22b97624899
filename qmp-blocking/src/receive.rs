//! What has been read, and where it goes.

use std::sync::Arc;

use qmp_proto::{Event, OwnedEvent, OwnedFailure, OwnedGreeting, Received, Refusal, Sender, Sink};
use qmp_sockets::{Direction, Disconnect, EventQueue, nonce};

use crate::Connection;
use crate::answer::{Answer, Token};
use crate::builder::Settings;
use crate::connection::Descriptor;
use crate::stream::Stream;

/// What is left to do about something received, once nothing of it is borrowed any more.
enum Todo {
    Nothing,
    Malformed(String),
    NotParsed(OwnedFailure),
    Failed(Refusal),
}

impl<S: Stream> Connection<S> {
    /// Takes everything that has been read.
    pub(crate) fn take_input(&mut self) {
        while self.ended.is_none() {
            let before = self.session.output().length();
            let more = match self.session.receive() {
                Ok(Some((received, sender))) => {
                    let sink = Receiver {
                        events: &mut self.events,
                        greeting: &mut self.greeting,
                        handshake: &mut self.handshake,
                        settings: &self.settings,
                    };
                    let todo = sink.take(received, sender);
                    self.finish(todo);
                    true
                }
                Ok(None) => false,
                Err(error) => return self.end(Disconnect::Protocol(error)),
            };
            self.wire.show(Direction::Received, self.session.consumed());
            self.wire.show(Direction::Sent, self.session.output().since(before));
            if !more {
                return;
            }
        }
    }

    fn finish(&mut self, todo: Todo) {
        match todo {
            Todo::Nothing => {}
            Todo::Malformed(_) if self.settings.tolerant || self.settings.agent => {}
            Todo::Malformed(shown) => self.end(Disconnect::Malformed(shown.into())),
            Todo::NotParsed(failure) => self.end(Disconnect::NotParsed(Arc::new(failure))),
            Todo::Failed(refusal) => self.end(Disconnect::Handshake(refusal.to_string().into())),
        }
    }
}

/// Where received things go.
struct Receiver<'a> {
    events: &'a mut EventQueue<OwnedEvent>,
    greeting: &'a mut Option<OwnedGreeting>,
    handshake: &'a mut Option<Result<(), OwnedFailure>>,
    settings: &'a Settings,
}

impl Receiver<'_> {
    fn keeps(&self, event: &Event<'_>) -> bool {
        let kept = &self.settings.kept_events;
        kept.is_empty() || kept.iter().any(|name| name == event.name())
    }

    fn take(
        self,
        received: Received<'_, Token>,
        mut sender: Sender<'_, Token, Descriptor>,
    ) -> Todo {
        match received {
            Received::Event(event) if !self.keeps(&event) => {}
            Received::Event(event) => {
                let bytes = event.message().len();
                self.events.push(event.into_owned(), bytes);
            }
            Received::Answer(answer) => answer.token.settle(match answer.outcome {
                Ok(reply) => Answer::Reply(reply.into_owned()),
                Err(failure) => Answer::Failure(failure.into_owned()),
            }),
            Received::Unanswered(lost) => lost.token.settle(Answer::None(lost.ending)),
            Received::Greeting(greeting) | Received::Restarted(greeting) => {
                *self.greeting = Some(greeting.into_owned());
                if let Err(refusal) = sender.negotiate(nonce(), self.settings.enable) {
                    return Todo::Failed(refusal);
                }
            }
            Received::Ready => *self.handshake = Some(Ok(())),
            Received::HandshakeFailed(failure) => {
                *self.handshake = Some(Err(failure.into_owned()));
            }
            Received::Malformed(malformed) => return Todo::Malformed(malformed.to_string()),
            Received::ServerParseError(failure) => return Todo::NotParsed(failure.into_owned()),
            // An answer to nobody here, and an agent that has to be synced again: the next command
            // is refused with the reason.
            _ => {}
        }
        Todo::Nothing
    }
}

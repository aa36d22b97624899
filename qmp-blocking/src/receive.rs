//! What has been read, and where it goes.

use std::sync::Arc;

use qmp_proto::{
    Ending, Event, InputBuffer, OwnedEvent, OwnedFailure, OwnedGreeting, Received, Refusal,
    ReplyPlace, Sender, Sink,
};
use qmp_sockets::{Direction, Disconnect, nonce};

use crate::Connection;
use crate::answer::{Answer, Token};
use crate::builder::Settings;
use crate::connection::Descriptor;
use crate::stream::Stream;

/// What is left to do about something received, once nothing of it is borrowed any more.
enum Todo {
    Nothing,
    /// A large answer, to be taken out of the buffer it stands in.
    Answer(Token, ReplyPlace),
    Malformed(String),
    NotParsed(OwnedFailure),
    Failed(Refusal),
}

impl<S: Stream> Connection<S> {
    /// Takes everything that has been read.
    pub(crate) fn take_input(&mut self) {
        while self.ended.is_none() {
            let before = self.session.output().length();
            let settings = &self.settings;
            let events = &mut self.events;
            let keep = |event: &Event<'_>| settings.keeps(event);
            let take = |event: OwnedEvent| {
                let bytes = event.message().len();
                events.push(event, bytes);
            };
            let received = match self.session.receive_behind_events(keep, take) {
                Ok(Some((received, sender))) => {
                    let sink = Receiver {
                        greeting: &mut self.greeting,
                        handshake: &mut self.handshake,
                        settings,
                    };
                    Ok(Some(sink.take(received, sender)))
                }
                Ok(None) => Ok(None),
                Err(error) => Err(error),
            };
            self.wire.show(Direction::Received, self.session.consumed());
            self.wire.show(Direction::Sent, self.session.output().since(before));
            match received {
                Ok(Some(todo)) => self.finish(todo),
                Ok(None) => return,
                Err(error) => self.end(Disconnect::Protocol(error)),
            }
        }
    }

    fn finish(&mut self, todo: Todo) {
        match todo {
            Todo::Nothing => {}
            Todo::Answer(token, place) => {
                let reply = self.session.take_reply(place);
                token.settle(reply.map_or(Answer::None(Ending::OutcomeUnknown), Answer::Reply));
            }
            Todo::Malformed(_) if self.settings.tolerant || self.settings.agent => {}
            Todo::Malformed(shown) => self.end(Disconnect::Malformed(shown.into())),
            Todo::NotParsed(failure) => self.end(Disconnect::NotParsed(Arc::new(failure))),
            Todo::Failed(refusal) => self.end(Disconnect::Handshake(refusal.to_string().into())),
        }
    }
}

/// Where received things go.
struct Receiver<'a> {
    greeting: &'a mut Option<OwnedGreeting>,
    handshake: &'a mut Option<Result<(), OwnedFailure>>,
    settings: &'a Settings,
}

impl Receiver<'_> {
    fn take(
        self,
        received: Received<'_, Token>,
        mut sender: Sender<'_, Token, Descriptor>,
    ) -> Todo {
        match received {
            Received::Answer(answer) => match answer.outcome {
                Ok(reply) => match sender.place_of(&reply) {
                    Some(place) if reply.message().len() >= InputBuffer::LARGE => {
                        return Todo::Answer(answer.token, place);
                    }
                    _ => answer.token.settle(Answer::Reply(reply.into_owned())),
                },
                Err(failure) => answer.token.settle(Answer::Failure(failure.into_owned())),
            },
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

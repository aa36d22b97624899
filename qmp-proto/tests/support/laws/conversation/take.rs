//! Executing a step.

use qmp_proto::server::Response;
use qmp_proto::{Arguments, ErrorClass, RawJson, RawMessage, Request, SendErrorKind, Timestamp};

use super::super::meaning::{comparable, meaning, members, unescaped};
use super::ledger::{Asked, Outcome};
use super::pair::Pair;
use super::script::{Step, What};

impl Pair {
    pub(super) fn take(&mut self, step: Step<'_>) {
        let Step { what, text } = step;
        let (first, rest) = text.split_once(' ').unwrap_or((text, ""));
        match what {
            What::Execute | What::ExecuteOutOfBand | What::ExecuteWithDescriptor => {
                self.execute(what, first, rest);
            }
            What::ExecuteRaw => self.execute_raw(text),
            What::AbandonOldest => {
                if let Some((token, request)) = self.ledger.oldest() {
                    let given_back = self.client.abandon(request);
                    assert_eq!(given_back, Some(token));
                    self.ledger.abandoned(token);
                }
            }
            What::Sync => self.sync(),
            What::AnswerOldest | What::AnswerYoungest => {
                let Ok(value) = RawJson::parse(text) else { return };
                let outcome = Ok(meaning(value.as_str()));
                self.answer(what, &Response::json(value), Outcome::Answer(outcome));
            }
            What::Fail => {
                let response = Response::error(ErrorClass::named(first), rest);
                let outcome = Outcome::Answer(Err((comparable(first), comparable(rest))));
                self.answer(what, &response, outcome);
            }
            What::FailRaw => {
                let Ok(error) = RawJson::parse(text) else { return };
                self.answer(what, &Response::raw_error(error), raw_failure(error));
            }
            What::LeaveUnanswered => {
                if let Some((token, ticket)) = self.ledger.ticket(false) {
                    self.server.leave_unanswered(&mut self.from_server, ticket);
                    self.ledger.left(token);
                }
            }
            What::Emit => self.emit(first, rest),
            What::Carry => self.set_piece_length(1 + 3 * text.len()),
        }
    }

    fn execute(&mut self, what: What, name: &str, arguments: &str) {
        let token = self.ledger.next_token();
        let request = Request::new(name);
        let request = match what {
            What::ExecuteOutOfBand => request.out_of_band(),
            What::ExecuteWithDescriptor => request.descriptor(token),
            _ => request,
        };
        let answered = request.expects_success_response();
        let (sent, arguments) = match Arguments::parse(arguments) {
            Ok(it) => {
                let text = Some(it.as_str().to_string()).filter(|text| text != "{}");
                let request = request.arguments(it);
                (self.client.execute(&mut self.from_client, request, token), text)
            }
            Err(_) => (self.client.execute(&mut self.from_client, request, token), None),
        };
        match sent {
            Ok(request) => {
                let descriptor = (what == What::ExecuteWithDescriptor).then_some(token);
                let asked = Asked::Command { name: name.to_string(), arguments };
                self.ledger.sent(asked, what == What::ExecuteOutOfBand, descriptor);
                self.ledger.opened(request, answered && name != "quit");
            }
            Err(refused) => {
                assert_eq!(refused.token, token);
                self.ledger.check_refusal(&refused.reason);
            }
        }
    }

    fn execute_raw(&mut self, text: &str) {
        let Ok(raw) = RawMessage::parse(text) else { return };
        let token = self.ledger.next_token();
        match self.client.execute_raw(&mut self.from_client, &raw, token) {
            Ok(request) => {
                let asked = Asked::Raw { name: raw.name().to_string() };
                self.ledger.sent(asked, raw.is_out_of_band(), None);
                let command: Request<'_> = Request::new(raw.name());
                self.ledger
                    .opened(request, command.expects_success_response() && raw.name() != "quit");
            }
            Err(refused) => self.ledger.check_refusal(&refused.reason),
        }
    }

    fn sync(&mut self) {
        let nonce = self.ledger.next_nonce();
        match self.client.sync(&mut self.from_client, nonce) {
            Ok(()) => {
                let number = (1 << 52) | nonce as i64;
                self.ledger.sent(Asked::Sync(number), false, None);
            }
            Err(refusal) => assert_eq!(refusal, SendErrorKind::OtherDialect),
        }
    }

    fn answer(&mut self, what: What, response: &Response<'_>, outcome: Outcome) {
        let Some((token, ticket)) = self.ledger.ticket(what == What::AnswerYoungest) else {
            return;
        };
        match self.server.answer(&mut self.from_server, ticket, response) {
            Ok(()) => self.ledger.answered(token, outcome),
            Err(unsent) => self.ledger.put_back(token, unsent.ticket),
        }
    }

    fn emit(&mut self, name: &str, data: &str) {
        let data = RawJson::parse(data).ok().filter(|data| data.as_str().starts_with('{'));
        let stamp = Timestamp::new(1, 2);
        if self.server.emit(&mut self.from_server, name, stamp, data).is_ok() {
            self.ledger.emitted(comparable(name), data.map(|data| meaning(data.as_str())));
        }
    }
}

/// Returns the outcome of the caller's error reply at the client.
fn raw_failure(error: RawJson<'_>) -> Outcome {
    let members = members(error.as_str().as_bytes()).unwrap_or_default();
    let last = |name: &str| {
        let it = members.iter().rfind(|it| it.0 == name)?;
        it.1.starts_with('"').then(|| comparable(&unescaped(&it.1)))
    };
    match last("class") {
        Some(class) => Outcome::Answer(Err((class, last("desc").unwrap_or_default()))),
        None => Outcome::Malformed,
    }
}

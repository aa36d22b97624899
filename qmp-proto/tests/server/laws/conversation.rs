//! Client and server exchange all commands, replies and events correctly.

use proptest::prelude::*;
use qmp_proto::server::{Options, Received as Observed, Response, Server};
use qmp_proto::{Arguments, Client, ErrorClass, RawJson, RawMessage, Received, Request, Timestamp};

use super::config;
use crate::generators::{name, text};
use crate::host::NEGOTIATE;

fn client() -> Client<u32> {
    Client::negotiated(qmp_proto::Options::monitor(), 7)
}

fn server(pretty: bool) -> Server {
    let mut server = Server::monitor(Options::monitor().pretty(pretty));
    server.handle_input(&mut Vec::new(), NEGOTIATE.as_bytes()).unwrap();
    server
}

/// Parses a value that can be sent.
fn json(text: &str) -> Option<RawJson<'_>> {
    RawJson::parse(text).ok()
}

/// Parses a value, because the two halves escape it differently.
fn meant(json: RawJson<'_>) -> Option<serde_json::Value> {
    serde_json::from_str(json.as_str()).ok()
}

/// Returns the only message that a client receives in these bytes.
fn only<'b>(client: &mut Client<u32>, bytes: &'b [u8]) -> Received<'b, u32> {
    let step = client.handle_input(bytes).unwrap();
    let rest = &bytes[step.used..];
    let received = step.received.unwrap();
    let after = client.handle_input(rest).unwrap();
    assert_eq!((after.used, after.received.is_none()), (rest.len(), true));
    received
}

proptest! {
    #![proptest_config(config(3000))]

    #[test]
    fn a_request_is_one_command_and_its_reply_is_matched(
        name in name(),
        arguments in text(),
        value in text(),
        description in any::<String>(),
        class in "[A-Za-z]{1,12}",
        pretty in any::<bool>(),
    ) {
        let (mut client, mut server) = (client(), server(pretty));
        let (mut sent, mut output) = (Vec::new(), Vec::new());
        let arguments = Arguments::parse(&arguments).ok();
        let result = match arguments {
            Some(arguments) => client.execute(&mut sent, Request::new(&name).arguments(arguments), 5),
            None => client.execute(&mut sent, Request::new(&name), 5),
        };
        if result.is_err() {
            return Ok(());
        }
        let step = server.handle_input(&mut output, &sent).unwrap();
        prop_assert_eq!(step.used, sent.len());
        prop_assert_eq!(output.len(), 0);
        let Some(Observed::Command(command, ticket)) = step.received else {
            return Err(TestCaseError::fail(format!("{:?}", step.received)));
        };
        prop_assert_eq!(command.name(), &name);
        let expected = arguments.map(Arguments::as_str).filter(|text| *text != "{}");
        prop_assert_eq!(command.arguments().map(RawJson::as_str), expected);

        let failure = || Response::error(ErrorClass::Other(&class), &description[..]);
        let response = json(&value).map_or_else(failure, Response::json);
        server.answer(&mut output, ticket, &response).unwrap();
        if !pretty {
            prop_assert_eq!(output.iter().filter(|&&byte| byte == b'\n').count(), 1);
        }
        let Received::Reply(answer) = only(&mut client, &output) else {
            return Err(TestCaseError::fail(format!("{}", output.escape_ascii())));
        };
        prop_assert_eq!(answer.token, 5);
        match (answer.outcome, json(&value)) {
            (Ok(reply), Some(json)) => {
                prop_assert_eq!(meant(reply.json().unwrap()), meant(json));
            }
            (Err(failure), None) => {
                prop_assert_eq!(failure.description(), &description[..]);
                prop_assert_eq!(failure.class().name(), &class);
            }
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
    }

    #[test]
    fn a_raw_message_is_one_request_and_nothing_else(text in text()) {
        let Ok(raw) = RawMessage::parse(&text) else { return Ok(()) };
        let (mut client, mut server) = (client(), server(false));
        let (mut sent, mut output) = (Vec::new(), Vec::new());
        if client.execute_raw(&mut sent, &raw, 5).is_err() {
            return Ok(());
        }
        let step = server.handle_input(&mut output, &sent).unwrap();
        prop_assert_eq!(step.used, sent.len());
        match step.received {
            Some(Observed::Command(command, ticket)) => {
                prop_assert_eq!(command.message().as_str().as_bytes(), &sent);
                server.answer(&mut output, ticket, &Response::empty()).unwrap();
            }
            Some(Observed::Rejected(_)) => {}
            other => return Err(TestCaseError::fail(format!("{other:?}"))),
        }
        let answered = matches!(only(&mut client, &output), Received::Reply(it) if it.token == 5);
        prop_assert!(answered, "with its id, whatever is wrong with it");
    }

    #[test]
    fn an_event_is_received_as_it_was_emitted(
        name in "[A-Z_]{1,20}",
        seconds in any::<i64>(),
        microseconds in any::<i64>(),
        data in text(),
        pretty in any::<bool>(),
    ) {
        let (mut client, mut server, mut output) = (client(), server(pretty), Vec::new());
        let stamp = Timestamp::new(seconds, microseconds);
        let data = json(&data).filter(|data| data.as_str().starts_with('{'));
        server.emit(&mut output, &name, stamp, data).unwrap();
        let Received::Event(event) = only(&mut client, &output) else {
            return Err(TestCaseError::fail(format!("{}", output.escape_ascii())));
        };
        prop_assert_eq!((event.name(), event.timestamp()), (&name[..], Some(stamp)));
        prop_assert_eq!(event.data().unwrap().map(meant), data.map(meant));
        // The event is forwarded unchanged by a second server.
        let raw = std::str::from_utf8(event.message()).unwrap();
        let mut again = Vec::new();
        server.emit_raw(&mut again, RawJson::parse(raw).unwrap()).unwrap();
        prop_assert_eq!(String::from_utf8_lossy(&again), String::from_utf8_lossy(&output));
    }

    #[test]
    fn an_id_is_returned_with_the_same_value(id in text(), extra in any::<f64>()) {
        for id in [id, extra.to_string()] {
            let mut server = server(false);
            let mut output = Vec::new();
            let message = format!("{{\"execute\":\"x\",\"id\":{id}}}");
            let step = server.handle_input(&mut output, message.as_bytes()).unwrap();
            let Some(Observed::Command(_, ticket)) = step.received else { continue };
            let echoed = ticket.id().unwrap().to_string();
            if let (Ok(sent), Ok(echoed)) = (
                serde_json::from_str::<serde_json::Value>(&id),
                serde_json::from_str::<serde_json::Value>(&echoed),
            ) {
                prop_assert!(same(&sent, &echoed), "{} {}", sent, echoed);
            }
            if let Ok(sent) = id.parse::<f64>() {
                prop_assert_eq!(Ok(sent), echoed.parse::<f64>(), "to the last digit");
            }
            // Returning the returned id changes nothing.
            let message = format!("{{\"execute\":\"x\",\"id\":{echoed}}}");
            server.answer(&mut output, ticket, &Response::empty()).unwrap();
            let step = server.handle_input(&mut output, message.as_bytes()).unwrap();
            let Some(Observed::Command(_, ticket)) = step.received else {
                return Err(TestCaseError::fail(format!("{:?}", step.received)));
            };
            prop_assert_eq!(ticket.id().unwrap().as_str(), echoed);
        }
    }
}

/// Returns whether two values are equal, with numbers as serde_json reads them.
fn same(one: &serde_json::Value, other: &serde_json::Value) -> bool {
    use serde_json::Value;
    match (one, other) {
        (Value::Number(one), Value::Number(other)) => {
            let (one, other) = (one.as_f64().unwrap(), other.as_f64().unwrap());
            (one - other).abs() <= one.abs() * 1e-15 + f64::MIN_POSITIVE
        }
        (Value::Array(one), Value::Array(other)) => {
            one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
        }
        (Value::Object(one), Value::Object(other)) => {
            one.len() == other.len()
                && one.iter().all(|(name, one)| other.get(name).is_some_and(|it| same(one, it)))
        }
        (one, other) => one == other,
    }
}

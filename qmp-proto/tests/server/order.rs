//! The order of replies: error replies wait for the replies to the commands before them.

use qmp_proto::server::{Options, Response, Ticket};
use qmp_proto::{ErrorClass, FixedOutput, SendErrorKind};

use crate::host::{Host, NEGOTIATE, NEGOTIATE_OOB, Observed, error};

/// Returns the refused in-band requests, and their error replies.
fn refused() -> Vec<(&'static str, String)> {
    let with_id = |id: &str, class: &str, text: &str| {
        format!("{{\"id\": {id}, \"error\": {{\"class\": \"{class}\", \"desc\": \"{text}\"}}}}\r\n")
    };
    vec![
        (
            r#"{"execute":"x","foo":1,"id":2}"#,
            with_id("2", "GenericError", "QMP input member 'foo' is unexpected"),
        ),
        (
            r#"{"execute":"qmp_capabilities","id":4}"#,
            with_id(
                "4",
                "CommandNotFound",
                "Capabilities negotiation is already complete, command ignored",
            ),
        ),
        (
            r#"{"exec-oob":"x","execute":1,"id":7}"#,
            with_id("7", "GenericError", "QMP input member 'execute' must be a string"),
        ),
        ("[]", error("QMP input must be a JSON object")),
        ("}", error("JSON parse error, expecting value")),
        ("\u{1}", error("JSON parse error, stray '\\u0001'")),
        ("{\"a\":\"\u{1}\"}", error("JSON parse error, stray '\\\"\\u0001'")),
    ]
}

fn ticket(observed: Observed) -> Ticket {
    match observed {
        Observed::Command(_, ticket) => ticket,
        other => panic!("{other:?}"),
    }
}

fn is_refused(observed: &[Observed]) -> bool {
    matches!(observed, [Observed::Rejected(..)])
}

/// QEMU 5.2, 7.2, 10.0 and 11.1 behave like this.
#[test]
fn an_error_reply_waits_for_the_replies_to_the_commands_before_it() {
    for (message, reply) in refused() {
        let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
        let first = host.ticket(r#"{"execute":"a"}"#);
        assert!(is_refused(&host.feed(message)), "{message}");
        let second = host.ticket(r#"{"execute":"b"}"#);
        assert_eq!(host.output(), "", "{message}");
        assert_eq!(host.returns(first, "1"), format!("{{\"return\": 1}}\r\n{reply}"));
        assert_eq!(host.returns(second, "2"), "{\"return\": 2}\r\n");
        assert!(is_refused(&host.feed(message)), "{message}");
        assert_eq!(host.output(), reply, "no command is before it");
    }
}

#[test]
fn an_error_reply_to_an_out_of_band_request_does_not_wait() {
    for (message, text) in [
        (r#"{"exec-oob":1,"id":5}"#, "QMP input member 'exec-oob' must be a string"),
        (r#"{"foo":2,"exec-oob":"x","id":5}"#, "QMP input member 'foo' is unexpected"),
        (
            r#"{"arguments":1,"exec-oob":"x","id":5}"#,
            "QMP input member 'arguments' must be an object",
        ),
        (
            r#"{"exec-oob":"qmp_capabilities","id":5}"#,
            "The command qmp_capabilities does not support OOB",
        ),
    ] {
        let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
        let first = host.ticket(r#"{"execute":"a"}"#);
        assert!(is_refused(&host.feed("{}")));
        assert!(is_refused(&host.feed(message)), "{message}");
        assert_eq!(
            host.output(),
            format!(
                "{{\"id\": 5, \"error\": {{\"class\": \"GenericError\", \"desc\": \"{text}\"}}}}\r\n"
            )
        );
        host.returns(first, "{}");
    }
    // Without `oob` the member has no meaning.
    let mut host = Host::ready(Options::monitor().in_band_limit(9), NEGOTIATE);
    let first = host.ticket(r#"{"execute":"a"}"#);
    assert!(is_refused(&host.feed(r#"{"exec-oob":"x"}"#)));
    assert_eq!(host.output(), "");
    assert!(
        host.returns(first, "{}").ends_with(&error("QMP input member 'exec-oob' is unexpected"))
    );
}

#[test]
fn an_error_reply_waits_for_all_commands_before_it_in_any_order_of_replies() {
    let two = || {
        let mut host = Host::ready(Options::monitor().in_band_limit(9), NEGOTIATE);
        let observed =
            host.feed(r#"{"execute":"a"}{"execute":"b"}[]{"execute":"c"}{}{"execute":"d"}"#);
        let [a, b, one, c, two, d]: [Observed; 6] = observed.try_into().unwrap();
        assert!(is_refused(&[one]) && is_refused(&[two]));
        (host, [a, b, c, d].map(ticket))
    };
    let (first, second) =
        (error("QMP input must be a JSON object"), error("QMP input lacks member 'execute'"));
    let done = "{\"return\": {}}\r\n";

    let (mut host, [a, b, c, d]) = two();
    assert_eq!(host.returns(c, "{}"), done);
    assert_eq!(host.returns(b, "{}"), done);
    assert_eq!(host.returns(d, "{}"), done);
    assert_eq!(host.returns(a, "{}"), format!("{done}{first}{second}"));

    let (mut host, [a, b, c, d]) = two();
    assert_eq!(host.returns(b, "{}"), done);
    host.server.leave_unanswered(&mut host.out, a);
    assert_eq!(
        host.output(),
        first,
        "the reply does not wait for a command that is left unanswered"
    );
    assert_eq!(host.returns(d, "{}"), done);
    assert_eq!(host.returns(c, "{}"), format!("{done}{second}"));
}

#[test]
fn a_waiting_error_reply_takes_the_slot_of_a_command() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
    let first = host.ticket(r#"{"execute":"a"}"#);
    let observed = host.feed("[]".repeat(20));
    assert_eq!(observed.len(), 8, "one that runs, and eight that wait, as in QEMU");
    assert!(!host.server.wants_input());
    assert_eq!(host.server.in_flight(), 1);
    assert!(host.feed(r#"{"exec-oob":"y"}"#).is_empty(), "it is not even read");
    let output = host.returns(first, "{}");
    assert_eq!(output.lines().count(), 9);
    assert!(host.server.wants_input());
    let observed = host.feed("");
    assert_eq!(observed.len(), 13, "without commands before them none waits");
    assert!(
        matches!(observed.last(), Some(Observed::Command(command, _)) if command.name() == "y")
    );
}

#[test]
fn an_error_reply_that_does_not_fit_is_sent_before_everything_else() {
    let mut host = Host::ready(Options::monitor(), NEGOTIATE_OOB);
    let first = host.ticket(r#"{"execute":"a"}"#);
    assert_eq!(host.feed("[]{}").len(), 2);
    let second = host.ticket(r#"{"execute":"b"}"#);
    let (one, two) =
        (error("QMP input must be a JSON object"), error("QMP input lacks member 'execute'"));

    let mut memory = [0; 200];
    let done = "{\"return\": {}}\r\n";
    let mut out = FixedOutput::new(&mut memory[..done.len() + one.len()]);
    host.server.answer(&mut out, first, &Response::empty()).unwrap();
    assert_eq!(out.bytes(), format!("{done}{one}").as_bytes());

    // The other reply is sent next, before anything else.
    let mut none = FixedOutput::new(&mut []);
    assert!(host.server.handle_input(&mut none, b"").is_err());
    let unsent = host.server.answer(&mut none, second, &Response::empty()).unwrap_err();
    assert_eq!(unsent.reason, SendErrorKind::BufferFull);
    let failure = Response::error(ErrorClass::GenericError, "late");
    host.server.answer(&mut host.out, unsent.ticket, &failure).unwrap();
    assert_eq!(host.output(), format!("{two}{}", error("late")));
}

/// Several clients may use an agent in turn, and a sync has to be answered.
#[test]
fn error_replies_and_syncs_of_an_agent_do_not_wait() {
    let mut host = Host::new(qmp_proto::server::Server::agent(Options::agent().in_band_limit(2)));
    let slow = host.ticket(r#"{"execute":"slow"}"#);
    assert!(is_refused(&host.feed("\u{1}")));
    assert!(host.output().contains("stray"));
    host.feed(r#"{"execute":"guest-sync","arguments":{"id":7}}"#);
    assert_eq!(host.output(), "{\"return\": 7}\n");
    host.returns(slow, "{}");
}

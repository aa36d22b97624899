//! Texts of errors, and what must not be shown.

use qmp_proto::{
    Client, JsonError, JsonErrorKind, JsonStr, Options, Phase, ProtocolError, Request,
    SendErrorKind,
};

#[test]
fn each_phase_completes_a_sentence() {
    for (phase, text) in [
        (Phase::Greeting, "waiting for the greeting"),
        (Phase::Greeted, "capabilities are not negotiated"),
        (Phase::Negotiating, "capabilities are being negotiated"),
        (Phase::Unsynced, "the agent is not in sync"),
        (Phase::Syncing, "the agent is being synced"),
        (Phase::Ready, "the connection is ready"),
        (Phase::Ended, "the connection has ended"),
    ] {
        assert_eq!(phase.to_string(), text);
        let refusal = SendErrorKind::Phase(phase).to_string();
        assert_eq!(refusal, format!("cannot send this while {text}"));
        let end = ProtocolError::EndInHandshake { phase }.to_string();
        assert_eq!(end, format!("the server closed the connection: {text}"));
    }
}

#[test]
fn errors_state_the_reason() {
    for (refusal, part) in [
        (SendErrorKind::OtherDialect, "guest agents do not negotiate"),
        (SendErrorKind::TooManyInFlight { limit: 64 }, "64 requests are unanswered"),
        (SendErrorKind::DescriptorInFlight, "send this one after its reply"),
        (SendErrorKind::NotOffered, "does not offer this capability"),
        (SendErrorKind::NoOutOfBand, "need the capability \"oob\""),
        (SendErrorKind::InvalidName, "1 to 255 characters: letters, digits"),
        (SendErrorKind::TooLong, "64 MiB"),
        (SendErrorKind::BufferFull, "does not fit into the output buffer"),
    ] {
        assert!(refusal.to_string().contains(part), "{refusal}");
    }
    for (error, part) in [
        (ProtocolError::MessageTooLong { limit: 9 }, "longer than the limit of 9 bytes"),
        (ProtocolError::TooDeep { limit: 9 }, "deeper than the limit of 9 levels"),
        (ProtocolError::FramingLost, "the start of the next one is unknown"),
        (ProtocolError::ServerParseError, "one of several messages in flight"),
        (ProtocolError::NotAnAgent, "not a guest agent"),
        (ProtocolError::EndInsideMessage, "inside a message"),
        (ProtocolError::EndWithRequests { count: 1 }, "with a request unanswered"),
        (ProtocolError::EndWithRequests { count: 2 }, "with 2 requests unanswered"),
        (ProtocolError::Ended, "the connection has ended"),
    ] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn a_refused_request_displays_the_reason() {
    let mut peer: crate::peer::Peer = crate::peer::Peer::new(Client::monitor(Options::monitor()));
    let refused = peer.client.execute(&mut peer.wire, Request::new("stop"), 1).unwrap_err();
    assert_eq!(refused.to_string(), refused.reason.to_string());
    assert_eq!(refused.to_string(), "cannot send this while waiting for the greeting");
}

#[test]
fn texts_are_equal_if_they_mean_the_same() {
    let plain = JsonStr::new("a/é");
    for (escaped, same) in [
        ("a/é", true),
        ("\\u0061\\/\\u00E9", true),
        ("a\\\\é", false),
        ("a/é ", false),
        ("", false),
    ] {
        let text = JsonStr::new(escaped);
        assert_eq!(text.escaped(), escaped);
        assert_eq!(text.as_str(), (!escaped.contains('\\')).then_some(escaped));
        assert_eq!((text == plain, plain == text, text == "a/é"), (same, same, same), "{escaped}");
    }
}

#[test]
fn a_json_error_displays_its_kind_and_offset() {
    let error = |text| -> JsonError { qmp_proto::Arguments::parse(text).unwrap_err() };
    for (text, displayed) in [
        ("{\"a\": 1", "incomplete JSON at byte 7"),
        ("{\"a\": ?}", "invalid JSON at byte 6"),
        ("{} 1", "trailing bytes after the JSON value at byte 3"),
        ("{\"a\": \"\u{1}\"}", "a control character inside a string at byte 7"),
        ("{\"a\": \"\\x\"}", "an invalid escape inside a string at byte 7"),
        ("{\"a\": \"\\ud800\\u0041\"}", "half a surrogate pair inside a string at byte 7"),
        ("[1]", "not a JSON object at byte 0"),
        ("{\"a\": \"\u{FFFE}\"}", "a Unicode noncharacter, which QEMU refuses, at byte 7"),
        ("{\"a\": 0e1}", "a zero with an exponent, which QEMU cannot read, at byte 6"),
    ] {
        assert_eq!(error(text).to_string(), displayed);
    }
    assert_eq!(error("{\"a\": 1, \"a\": 2}").kind(), JsonErrorKind::DuplicateMember);
}

#[cfg(feature = "alloc")]
mod with_an_allocator {
    use qmp_proto::{Client, Options, Output, OwnedArguments, Received, Request, Session, Version};

    fn greeted() -> Session<()> {
        let mut session: Session<()> = Session::new(Client::monitor(Options::monitor()));
        let greeting = b"{\"QMP\": {\"version\": {\"qemu\": {\"micro\": 3, \"minor\": 2, \"major\": 1}, \"package\": \"P\"}, \"capabilities\": [\"oob\"]}}\r\n";
        session.spare_mut()[..greeting.len()].copy_from_slice(greeting);
        session.advance(greeting.len());
        session
    }

    #[test]
    fn an_owned_greeting_has_all_parts() {
        let mut session = greeted();
        let Some((Received::Greeting(greeting), _)) = session.receive().unwrap() else { panic!() };
        let greeting = greeting.into_owned();
        assert_eq!(greeting.version(), Some(Version::new(1, 2, 3)));
        assert_eq!(greeting.package(), "P");
        assert_eq!(greeting.capabilities(), ["oob"]);
        assert!(greeting.offers("oob") && !greeting.offers("P"));
        assert!(format!("{greeting:?}").starts_with("OwnedGreeting({\"QMP\""));
        assert_eq!(session.consumed(), [greeting.message(), b"\r\n"].concat().trim_ascii_end());
    }

    #[test]
    fn debug_omits_sent_bytes() {
        let secret = OwnedArguments::parse("{\"password\": \"hush\"} ".into()).unwrap();
        assert_eq!(secret.as_arguments().as_str(), "{\"password\": \"hush\"}");
        assert!(!format!("{secret:?}").contains("hush"));
        let mut client: Client<()> = Client::negotiated(Options::monitor(), 1);
        let mut output: Output = Output::new();
        let request = Request::new("set_password").arguments(secret.as_arguments());
        client.execute(&mut output, request, ()).unwrap();
        assert_eq!(output.appended_since(0).len(), output.chunk().unwrap().bytes.len());
        let shown = format!("{output:?}");
        assert!(shown.contains("unsent") && !shown.contains("hush"), "{shown}");
        let mut session = greeted();
        let shown = format!("{session:?}") + &format!("{:?}", session.sender());
        assert!(shown.contains("phase: Greeting") && !shown.contains("QMP"), "{shown}");
        assert_eq!(session.drain().count(), 0);
        assert_eq!(session.client().in_flight(), 0);
    }
}

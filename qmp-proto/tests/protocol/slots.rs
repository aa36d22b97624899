//! Requests in flight, and abandoned ones.

use qmp_proto::{NoReplyReason, OUT_OF_BAND, Options, Request, SendErrorKind};

use crate::peer::{Observed, Peer, failed, returned};

#[test]
fn the_reply_to_an_abandoned_request_is_discarded() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    let first = peer.execute("stop", 1);
    let second = peer.execute("cont", 2);
    peer.execute("stop", 3);
    assert_eq!(peer.client.abandon(first), Some(1));
    assert_eq!(peer.client.abandon(first), None, "once");
    assert_eq!(peer.client.abandon(second), Some(2));
    assert_eq!(peer.client.in_flight(), 3);
    let rest = [returned(0), failed(1), returned(2)].concat();
    assert_eq!(peer.feed(rest), [Observed::done(3)]);
    assert_eq!(peer.client.in_flight(), 0);
}

#[test]
fn the_error_names_the_oldest_abandoned_request_if_they_fill_all_slots() {
    let mut peer: Peer<2> = Peer::ready(Options::monitor(), &[]);
    let first = peer.execute("stop", 1);
    let second = peer.execute("cont", 2);
    assert_eq!(peer.refusal("x"), SendErrorKind::TooManyInFlight { limit: 2 });
    peer.client.abandon(second);
    assert_eq!(peer.refusal("x"), SendErrorKind::TooManyInFlight { limit: 2 });
    peer.client.abandon(first);
    assert_eq!(peer.refusal("x"), SendErrorKind::HeldByAbandoned { oldest: first });
    assert_eq!(peer.feed(returned(0)), []);
    let third = peer.execute("stop", 3);
    assert_ne!(third, first, "a name is never used again");
    assert_eq!(peer.client.abandon(first), None);
    assert_eq!(peer.refusal("x"), SendErrorKind::TooManyInFlight { limit: 2 });
    peer.client.abandon(third);
    assert_eq!(peer.refusal("x"), SendErrorKind::HeldByAbandoned { oldest: second });
}

#[test]
fn a_later_reply_frees_earlier_requests_as_unanswered() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    peer.execute("a", 1);
    let abandoned = peer.execute("b", 2);
    peer.send(Request::new("c").no_success_response(), 3).unwrap();
    peer.execute("d", 4);
    peer.execute("e", 5);
    peer.client.abandon(abandoned);
    assert_eq!(
        peer.feed(returned(3)),
        [
            Observed::done(4),
            Observed::unknown(1),
            Observed::Unanswered(3, NoReplyReason::AsExpected)
        ]
    );
    assert_eq!(peer.client.in_flight(), 1);
    assert_eq!(peer.feed(returned(0)), [Observed::stray(&returned(0))], "too late");
    assert_eq!(peer.feed(returned(4)), [Observed::done(5)]);
}

#[test]
fn a_discarded_reply_also_frees_earlier_requests() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    peer.execute("a", 1);
    let abandoned = peer.execute("b", 2);
    peer.client.abandon(abandoned);
    assert_eq!(peer.feed(returned(1)), [Observed::unknown(1)]);
}

#[test]
fn with_out_of_band_a_later_reply_frees_nothing() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[OUT_OF_BAND]);
    peer.execute("a", 1);
    peer.execute("b", 2);
    assert_eq!(peer.feed(returned(1)), [Observed::done(2)]);
    assert_eq!(peer.feed(returned(0)), [Observed::done(1)]);
}

#[test]
fn lost_requests_are_returned_before_more_input_is_decoded() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    for token in 0..5 {
        peer.execute("a", token);
    }
    let answers = [returned(4), returned(77)].concat();
    let step = peer.client.handle_input(answers.as_bytes()).unwrap();
    let used = step.used;
    assert_eq!(step.received.map(Observed::new), Some(Observed::done(4)));
    for token in 0..4 {
        let step = peer.client.handle_input(&answers.as_bytes()[used..]).unwrap();
        assert_eq!(step.used, 0);
        assert_eq!(step.received.map(Observed::new), Some(Observed::unknown(token)));
    }
    assert_eq!(peer.client.in_flight(), 0);
    let step = peer.client.handle_input(&answers.as_bytes()[used..]).unwrap();
    assert_eq!(step.received.map(Observed::new), Some(Observed::stray(&returned(77))));
}

#[test]
fn the_in_flight_limit_holds() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    for token in 0..64 {
        peer.execute("stop", token);
    }
    let refused = SendErrorKind::TooManyInFlight { limit: 64 };
    assert_eq!(peer.refusal("stop"), refused);
    for token in 0..64 {
        assert_eq!(peer.feed(returned(token)), [Observed::done(token)]);
    }
    peer.execute("stop", 0);
}

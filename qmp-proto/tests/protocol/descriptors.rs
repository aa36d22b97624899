//! Commands with a descriptor: one at a time, sent with the command's first byte.

use qmp_proto::{OUT_OF_BAND, Options, Phase, Request, SendErrorKind};

use crate::peer::{GREETING, Observed, Peer, failed, returned};

fn ready() -> Peer {
    Peer::ready(Options::monitor(), &[])
}

fn getfd(
    peer: &mut Peer,
    descriptor: u32,
) -> Result<qmp_proto::RequestId, (SendErrorKind, Option<u32>)> {
    let request = Request::new("getfd").descriptor(descriptor);
    peer.client
        .execute(&mut peer.wire, request, 0)
        .map_err(|refused| (refused.reason, refused.descriptor))
}

#[test]
fn a_descriptor_is_attached_to_the_first_byte_of_its_command() {
    let mut peer = ready();
    peer.execute("stop", 1);
    let before = peer.wire.bytes.len();
    getfd(&mut peer, 70).unwrap();
    peer.execute("cont", 2);
    assert_eq!(peer.wire.descriptors, [(before, 70)]);
    assert!(peer.wire.bytes[before..].starts_with(b"{\"execute\":\"getfd\""));
}

#[test]
fn a_second_descriptor_waits_for_the_reply_even_to_an_abandoned_command() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[OUT_OF_BAND]);
    let in_flight = |descriptor| Err((SendErrorKind::DescriptorInFlight, Some(descriptor)));
    let first = getfd(&mut peer, 70).unwrap();
    assert_eq!(getfd(&mut peer, 71), in_flight(71));
    peer.execute("stop", 1);
    peer.client.abandon(first);
    assert_eq!(getfd(&mut peer, 72), in_flight(72));
    assert_eq!(peer.feed(returned(1)), [Observed::done(1)]);
    assert_eq!(getfd(&mut peer, 73), in_flight(73));
    assert_eq!(peer.feed(failed(0)), []);
    assert!(getfd(&mut peer, 74).is_ok());
    let attached: Vec<_> = peer.wire.descriptors.iter().map(|it| it.1).collect();
    assert_eq!(attached, [70, 74], "none that was refused");
}

#[test]
fn a_lost_request_does_not_block_descriptors() {
    let mut peer = ready();
    getfd(&mut peer, 70).unwrap();
    peer.execute("stop", 1);
    let observed = peer.feed(returned(1));
    assert_eq!(observed, [Observed::done(1), Observed::unknown(0)]);
    getfd(&mut peer, 71).unwrap();
    assert_eq!(peer.feed(GREETING), [Observed::Restarted, Observed::unknown(0)]);
}

#[test]
fn every_error_returns_the_descriptor() {
    let mut peer: Peer<1> = Peer::new(qmp_proto::Client::monitor(Options::monitor()));
    let refused = |peer: &mut Peer<1>, name: &str| {
        let request = Request::new(name).descriptor(70);
        let refused = peer.client.execute(&mut peer.wire, request, 5).unwrap_err();
        assert_eq!((refused.token, refused.descriptor), (5, Some(70)));
        assert_eq!(peer.wire.descriptors, []);
        refused.reason
    };
    let phase = SendErrorKind::Phase(Phase::Greeting);
    assert_eq!(refused(&mut peer, "getfd"), phase);
    let mut peer: Peer<1> = Peer::ready(Options::monitor(), &[]);
    assert_eq!(refused(&mut peer, "get fd"), SendErrorKind::InvalidName);
    peer.execute("stop", 1);
    let full = SendErrorKind::TooManyInFlight { limit: 1 };
    assert_eq!(refused(&mut peer, "getfd"), full);
}

#[cfg(feature = "alloc")]
#[test]
fn a_growing_output_starts_a_chunk_at_a_descriptor() {
    use qmp_proto::{Client, Session};
    let mut session: Session<u32, u32> = Session::new(Client::negotiated(Options::monitor(), 0));
    session.sender().execute(Request::new("stop"), 1).unwrap();
    let getfd = Request::new("getfd").descriptor(70);
    session.sender().execute(getfd, 2).unwrap();
    let refused = Request::new("getfd").descriptor(71);
    let refused = session.sender().execute(refused, 3).unwrap_err();
    assert_eq!(refused.descriptor, Some(71));

    let first = session.output_chunk().unwrap();
    assert!(first.bytes.ends_with(b"}") && first.descriptor.is_none());
    let length = first.bytes.len();
    assert_eq!(session.advance_output(length - 1), None);
    assert_eq!(session.output_chunk().unwrap().bytes, b"}");
    assert_eq!(session.advance_output(1), None);
    let second = session.output_chunk().unwrap();
    assert!(second.bytes.starts_with(b"{\"execute\":\"getfd\""));
    assert_eq!(second.descriptor, Some(&70));
    assert_eq!(session.advance_output(0), None, "nothing left yet");
    assert_eq!(session.advance_output(1), Some(70));
    let rest = session.output_chunk().unwrap();
    assert!(rest.bytes.starts_with(b"\"execute\"") && rest.descriptor.is_none());
    assert_eq!(session.advance_output(usize::MAX), None);
    assert!(session.output_chunk().is_none());
}

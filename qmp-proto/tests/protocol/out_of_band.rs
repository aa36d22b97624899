//! The two lanes with `oob`.

use qmp_proto::{OUT_OF_BAND, Options, Request, RequestId, SendErrorKind};

use crate::peer::{Observed, Peer, returned};

fn ready() -> Peer {
    Peer::ready(Options::monitor(), &[OUT_OF_BAND])
}

fn out_of_band(peer: &mut Peer, token: u32) -> Result<RequestId, SendErrorKind> {
    peer.send(Request::new("query-yank").out_of_band(), token)
}

#[test]
fn an_eighth_in_band_command_is_refused_and_out_of_band_ones_are_not() {
    let mut peer = ready();
    let seven: Vec<_> = (0..7).map(|token| peer.execute("stop", token)).collect();
    assert_eq!(peer.refusal("stop"), SendErrorKind::TooManyInFlight { limit: 7 });
    peer.sent();
    out_of_band(&mut peer, 100).unwrap();
    assert_eq!(peer.sent(), r#"{"exec-oob":"query-yank","id":7}"#);
    for token in 101..157 {
        out_of_band(&mut peer, token).unwrap();
    }
    let full = out_of_band(&mut peer, 999);
    assert_eq!(full, Err(SendErrorKind::TooManyInFlight { limit: 64 }));
    assert_eq!(peer.feed(returned(7)), [Observed::done(100)], "it overtakes");
    assert_eq!(peer.refusal("stop"), SendErrorKind::TooManyInFlight { limit: 7 });
    for request in &seven {
        peer.client.abandon(*request);
    }
    let oldest = SendErrorKind::HeldByAbandoned { oldest: seven[0] };
    assert_eq!(peer.refusal("stop"), oldest, "those out of band hold no slot of this lane");
    assert_eq!(peer.feed(returned(3)), []);
    peer.execute("stop", 200);
    assert_eq!(peer.feed(returned(64)), [Observed::done(200)]);
}

#[test]
fn without_the_capability_nothing_is_sent_out_of_band() {
    let mut peer: Peer = Peer::ready(Options::monitor(), &[]);
    assert_eq!(out_of_band(&mut peer, 1), Err(SendErrorKind::NoOutOfBand));
    let raw = peer.send_raw(r#"{"exec-oob": "query-yank"}"#, 1);
    assert_eq!(raw, Err(SendErrorKind::NoOutOfBand));
    let mut agent: Peer = Peer::synced(Options::agent());
    assert_eq!(out_of_band(&mut agent, 1), Err(SendErrorKind::NoOutOfBand));
    assert_eq!(agent.sent(), "");
}

#[test]
fn a_raw_message_counts_in_the_lane_that_qemu_uses() {
    let mut peer = ready();
    for token in 0..6 {
        peer.execute("stop", token);
    }
    // A message with both members is in-band: QEMU queues it and refuses it.
    peer.send_raw(r#"{"exec-oob": "query-yank", "execute": "stop"}"#, 7).unwrap();
    assert_eq!(peer.refusal("stop"), SendErrorKind::TooManyInFlight { limit: 7 });
    peer.send_raw(r#"{"exec-\u006fob": "query-yank"}"#, 8).unwrap();
    let raw = peer.send_raw(r#"{"execute": "stop"}"#, 9);
    assert_eq!(raw, Err(SendErrorKind::TooManyInFlight { limit: 7 }));
    let raw = peer.send_raw("{}", 9);
    assert_eq!(raw, Err(SendErrorKind::TooManyInFlight { limit: 7 }));
}

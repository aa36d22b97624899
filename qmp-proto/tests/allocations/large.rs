//! The largest valid replies, received from a socket in reads of 64 KiB.

use qmp_proto::{Client, Options, ProtocolError, Received, Request, Session};

use crate::counting::most_held;

const CHUNK: usize = 64 * 1024;
const MEBI: usize = 1024 * 1024;

/// The larger vectors are described, not stored.
#[derive(serde::Deserialize)]
struct Described {
    name: String,
    #[serde(default)]
    input_parts: Vec<Part>,
}

#[derive(serde::Deserialize)]
struct Part {
    text: String,
    #[serde(default = "once")]
    repeat: usize,
}

fn once() -> usize {
    1
}

fn described(name: &str) -> Vec<u8> {
    let vectors: Vec<Described> =
        serde_json::from_str(include_str!("../data/vectors/limits.json")).unwrap();
    let vector = vectors.into_iter().find(|it| it.name == name).unwrap();
    let parts = vector.input_parts.iter();
    parts.flat_map(|part| part.text.repeat(part.repeat).into_bytes()).collect()
}

/// Feeds the stream to the session in pieces of its spare capacity.
fn feed(
    session: &mut Session<u8>,
    mut stream: &[u8],
    mut then: impl FnMut(Received<'_, u8>),
) -> Result<(), ProtocolError> {
    while !stream.is_empty() {
        let room = session.spare_mut();
        let count = stream.len().min(room.len()).min(CHUNK);
        room[..count].copy_from_slice(&stream[..count]);
        stream = &stream[count..];
        session.advance(count);
        while let Some((received, _)) = session.receive()? {
            then(received);
        }
    }
    Ok(())
}

#[test]
fn a_file_read_of_48_mebibytes_needs_no_more_memory_than_a_doubling_buffer() {
    let file_read = described("client-48MiB-file-read");
    assert_eq!(file_read.len(), 67_108_925);
    let with_id = [&file_read[..file_read.len() - 2], b", \"id\": 0}\n"].concat();
    let mut session: Session<u8> = Session::new(Client::agent(Options::agent()));
    session.sender().sync(7).unwrap();
    let answer = b"\xFF{\"return\": 4503599627370503, \"id\": 4503599627370503}\n";
    feed(&mut session, answer, |it| assert!(matches!(it, Received::Ready))).unwrap();
    session.sender().execute(Request::new("guest-file-read"), 1).unwrap();

    let (mut answered, mut stray) = (0, 0);
    let most = most_held(|| {
        let stream = [&with_id[..], &file_read].into_iter();
        for message in stream {
            feed(&mut session, message, |received| match received {
                Received::Reply(answer) => {
                    let reply = answer.outcome.unwrap();
                    assert_eq!(reply.message().len(), with_id.len() - 1);
                    assert!(reply.json().unwrap().as_str().ends_with("\"eof\": false}"));
                    answered += 1;
                }
                Received::Stray(message) => {
                    assert_eq!(message.len(), file_read.len() - 1);
                    stray += 1;
                }
                other => panic!("{other:?}"),
            })
            .unwrap();
        }
        session.spare_mut();
    });
    assert_eq!((answered, stray), (1, 1));
    assert!(most < 200 * MEBI, "{most} bytes: doubling from 64 to 128 MiB holds 192");
    let after = most_held(|| {
        feed(&mut session, b"{\"return\": {}}\n", |_| {}).unwrap();
    });
    assert!(after < CHUNK, "the buffer was not given back");
}

#[test]
fn a_message_without_end_needs_no_more_memory_than_its_limit_implies() {
    let limit = 4 * MEBI;
    for agent in [false, true] {
        let mut session: Session<u8> = Session::new(if agent {
            Client::agent(Options::agent().longest_message(limit))
        } else {
            Client::negotiated(Options::monitor().longest_message(limit), 0)
        });
        let flood = [b"{\"return\": \"", &vec![b'a'; MEBI][..]].concat();
        let most = most_held(|| {
            for _ in 0..32 {
                match feed(&mut session, &flood, |it| panic!("{it:?}")) {
                    Ok(()) => {}
                    Err(error) => {
                        assert!(!agent);
                        assert_eq!(error, ProtocolError::MessageTooLong { limit });
                    }
                }
                if session.phase() == qmp_proto::Phase::Ended {
                    break;
                }
            }
        });
        assert!(most <= 3 * limit + MEBI, "{most} bytes");
    }
}

/// `query-named-block-nodes` of a chain of 140 images: each node contains all nodes below it.
#[cfg(feature = "serde")]
#[test]
fn a_list_of_block_nodes_with_145_levels_and_40_megabytes_is_decoded() {
    use std::fmt::Write;

    #[derive(serde::Deserialize)]
    struct Node {
        image: Option<Box<Image>>,
    }
    #[derive(serde::Deserialize)]
    struct Image {
        filename: String,
        #[serde(rename = "backing-image")]
        backing: Option<Box<Self>>,
        #[serde(rename = "format-specific")]
        _specific: serde::de::IgnoredAny,
    }

    const IMAGES: usize = 140;
    let padding = "x".repeat(3900);
    let mut list = String::from("[");
    for chain in 1..=IMAGES {
        let comma = if chain == 1 { "" } else { ", " };
        write!(list, "{comma}{{\"node-name\": \"#block{chain}\", \"image\": ").unwrap();
        for image in (0..chain).rev() {
            let specific = "{\"type\": \"qcow2\", \"data\": {\"compat\": \"1.1\"}}";
            write!(
                list,
                "{{\"filename\": \"{image}-{padding}\", \"format-specific\": {specific}, \"backing-image\": "
            )
            .unwrap();
        }
        list += "null";
        list += &"}".repeat(chain);
        list += "}";
    }
    list += "]";
    let message = format!("{{\"return\": {list}, \"id\": 0}}\r\n");
    assert!(message.len() > 39_000_000, "{}", message.len());

    let mut session: Session<u8> = Session::new(Client::monitor(Options::monitor()));
    let greeting = b"{\"QMP\": {\"version\": {}, \"capabilities\": []}}\r\n";
    feed(&mut session, greeting, |_| {}).unwrap();
    session.sender().negotiate(7, &[]).unwrap();
    let granted = b"{\"return\": {}, \"id\": 4503599627370503}\r\n";
    feed(&mut session, granted, |_| {}).unwrap();
    session.sender().execute(Request::new("query-named-block-nodes"), 1).unwrap();
    let mut images = 0;
    feed(&mut session, message.as_bytes(), |received| {
        let Received::Reply(answer) = received else { panic!() };
        let reply = answer.outcome.unwrap();
        assert_eq!(reply.json().unwrap().as_str(), list);
        for node in reply.decode::<Vec<Node>>().unwrap() {
            let mut image = node.image;
            while let Some(it) = image {
                assert!(it.filename.ends_with(&padding));
                images += 1;
                image = it.backing;
            }
        }
    })
    .unwrap();
    assert_eq!(images, IMAGES * (IMAGES + 1) / 2);
}

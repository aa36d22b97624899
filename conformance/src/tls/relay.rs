//! A relay that sees TLS records without their content.

use std::io::{self, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::thread::{self, JoinHandle};

/// The length of an alert in TLS 1.3: two bytes, the record type, and an authentication tag of
/// sixteen bytes.
pub const ALERT: usize = 2 + 1 + 16;

/// Relays one connection.
#[derive(Debug)]
pub struct Relay {
    /// The address to connect to.
    pub address: String,
    passed: JoinHandle<Vec<u8>>,
}

impl Relay {
    /// Relays the next connection to an address.
    pub fn new(server: String) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let passed = thread::spawn(move || {
            let (mut client, _) = listener.accept().unwrap();
            let mut server = TcpStream::connect(server).unwrap();
            let (mut from_server, mut to_client) =
                (server.try_clone().unwrap(), client.try_clone().unwrap());
            let back = thread::spawn(move || {
                let _ = io::copy(&mut from_server, &mut to_client);
                let _ = to_client.shutdown(Shutdown::Both);
            });
            let (mut all, mut chunk) = (Vec::new(), [0; 4096]);
            while let Ok(count @ 1..) = client.read(&mut chunk) {
                all.extend_from_slice(&chunk[..count]);
                let _ = server.write_all(&chunk[..count]);
            }
            let _ = server.shutdown(Shutdown::Both);
            back.join().unwrap();
            all
        });
        Self { address, passed }
    }

    /// Returns whether the connection is closed.
    pub fn is_over(&self) -> bool {
        self.passed.is_finished()
    }

    /// Returns the lengths of the client's records once the connection is closed. In the stream
    /// each record is preceded by its type, version and length.
    pub fn records(self) -> Vec<usize> {
        let passed = self.passed.join().unwrap();
        let (mut lengths, mut left) = (Vec::new(), &passed[..]);
        while let [_kind, _, _, high, low, rest @ ..] = left {
            let length = usize::from(u16::from_be_bytes([*high, *low]));
            lengths.push(length);
            left = &rest[length..];
        }
        lengths
    }
}

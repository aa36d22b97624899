//! Servers of other protocols, recognised by the first bytes that they send.

/// Returns advice if the first bytes from a server are those of another protocol.
///
/// ```
/// let advice = qmp_sockets::advise_on_bytes(b"RFB 003.008\n").unwrap();
/// assert!(advice.contains("VNC"));
/// assert_eq!(qmp_sockets::advise_on_bytes(b"{\"QMP\": "), None);
/// ```
pub fn advise_on_bytes(bytes: &[u8]) -> Option<&'static str> {
    let begins = |start: &[u8]| bytes.starts_with(start);
    let contains = |part: &[u8]| bytes.windows(part.len()).any(|window| window == part);
    Some(match bytes {
        _ if begins(b"RFB ") => "this is a VNC server: use the address that follows -qmp",
        _ if begins(b"HTTP/") => {
            "this is an HTTP or websocket server: QMP needs a plain socket, without websocket=on"
        }
        _ if begins(b"SSH-") => "this is an SSH server: forward QEMU's socket with ssh -L",
        [0x16, 3, ..] | [0x15, 3, ..] => {
            "this is a TLS server: open the TLS stream in your program and pass it to the client"
        }
        _ if contains(b" monitor - ") || begins(b"(qemu) ") => {
            "this is QEMU's human monitor, of -monitor: use the address that follows -qmp"
        }
        // Telnet's commands begin with IAC.
        [0xff, 0xf0..=0xfe, ..] => {
            "this is a telnet server: QMP needs a plain socket, without telnet=on"
        }
        [0xef, 0xbb, 0xbf, ..] => {
            "it begins with a byte order mark, which no QMP server sends: is a text file read here?"
        }
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_protocols_are_named() {
        for (bytes, name) in [
            (&b"RFB 003.008\n"[..], "VNC"),
            (b"HTTP/1.1 400 Bad Request\r\n", "websocket"),
            (b"SSH-2.0-OpenSSH_9.2p1\r\n", "SSH"),
            (b"\x15\x03\x01\x00\x02\x02\x46", "TLS"),
            (b"QEMU 11.1.3 monitor - type 'help' for more information\r\n", "human monitor"),
            (b"\xff\xfb\x01\xff\xfb\x03", "telnet"),
            (b"\xff\xfb\x01QEMU 7.2.0 monitor - type 'help'", "human monitor"),
            (b"\xef\xbb\xbf{}", "byte order mark"),
        ] {
            let advice = advise_on_bytes(bytes).unwrap_or_default();
            assert!(advice.contains(name), "{advice}");
        }
        for bytes in [&b""[..], b"{", b"\xff{\"return\": 1}", b"QEMU"] {
            assert_eq!(advise_on_bytes(bytes), None);
        }
    }
}

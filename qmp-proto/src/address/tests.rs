use alloc::string::{String, ToString};
use alloc::vec::Vec;
use proptest::prelude::*;

use super::*;

fn parsed(text: &str) -> Address {
    text.parse().unwrap_or_else(|error| panic!("{error}"))
}

fn named(name: &str) -> Address {
    Address::Abstract(name.into())
}

#[test]
fn every_form_in_the_table_is_parsed_and_displayed() {
    let vsock = Address::Vsock { cid: 3, port: 9 };
    let table: &[(&str, Address, &str)] = &[
        ("unix:/run/vm.qmp", Address::unix("/run/vm.qmp"), "unix:/run/vm.qmp"),
        ("unix:vm.qmp", Address::unix("vm.qmp"), "unix:vm.qmp"),
        ("unix:host:5", Address::unix("host:5"), "unix:host:5"),
        ("unix:a,b", Address::unix("a,b"), "unix:a,,b"),
        ("unix:a,,server", Address::unix("a,server"), "unix:a,,server"),
        ("unix:a,", Address::unix("a,"), "unix:a,,"),
        ("/run/vm.qmp", Address::unix("/run/vm.qmp"), "unix:/run/vm.qmp"),
        ("/x/y:2", Address::unix("/x/y:2"), "unix:/x/y:2"),
        ("./tcp:1", Address::unix("./tcp:1"), "unix:./tcp:1"),
        ("[a]/b:2", Address::unix("[a]/b:2"), "unix:[a]/b:2"),
        ("vm.qmp", Address::unix("vm.qmp"), "unix:vm.qmp"),
        ("unix:@vm", named("vm"), "abstract:vm"),
        ("unix:@@vm", named("@vm"), "abstract:@vm"),
        ("@vm", named("vm"), "abstract:vm"),
        ("abstract:vm", named("vm"), "abstract:vm"),
        ("abstract:a/b:c", named("a/b:c"), "abstract:a/b:c"),
        ("unix:vm,abstract=on", named("vm"), "abstract:vm"),
        ("unix:@vm,abstract=on", named("@vm"), "abstract:@vm"),
        ("unix:@vm,abstract=off", Address::unix("@vm"), "unix:@vm,abstract=off"),
        ("unix:@dir/vm", Address::unix("@dir/vm"), "unix:@dir/vm"),
        ("tcp:localhost:4444", Address::tcp("localhost", 4444), "tcp:localhost:4444"),
        ("localhost:4444", Address::tcp("localhost", 4444), "tcp:localhost:4444"),
        ("127.0.0.1:0", Address::tcp("127.0.0.1", 0), "tcp:127.0.0.1:0"),
        ("tcp::4444", Address::tcp("localhost", 4444), "tcp:localhost:4444"),
        (":4444", Address::tcp("localhost", 4444), "tcp:localhost:4444"),
        ("[::1]:5", Address::tcp("::1", 5), "tcp:[::1]:5"),
        ("tcp:[::1]:5", Address::tcp("::1", 5), "tcp:[::1]:5"),
        ("tcp:[fe80::1%eth0]:5", Address::tcp("fe80::1%eth0", 5), "tcp:[fe80::1%eth0]:5"),
        ("vsock:3:9", vsock, "vsock:3:9"),
        ("fd:7", Address::Descriptor(7), "fd:7"),
    ];
    for (text, address, shown) in table {
        assert_eq!(&parsed(text), address, "{text}");
        assert_eq!(address.to_string(), *shown, "{text}");
        assert_eq!(&parsed(shown), address, "{shown}");
    }
}

#[test]
fn options_of_qemu_are_ignored_and_reported() {
    let table = [
        ("unix:/x,server=on,wait=off", "unix:/x", Some("server=on,wait=off")),
        ("unix:/x,server,nowait", "unix:/x", Some("server,nowait")),
        ("/a,b,server", "unix:/a,,b", Some("server")),
        ("tcp:h:1,reconnect=5", "tcp:h:1", Some("reconnect=5")),
        ("h:1,server=on,logfile=/tmp/a,,b", "tcp:h:1", Some("server=on,logfile=/tmp/a,,b")),
        ("unix:vm,server=on,abstract=on,wait=off", "abstract:vm", Some("server=on,wait=off")),
        ("unix:vm,abstract=on,tight=on", "abstract:vm", Some("tight=on")),
        ("tcp:h:1,telnet=off", "tcp:h:1", Some("telnet=off")),
        ("unix:/x", "unix:/x", None),
        ("unix:vm,abstract=on", "abstract:vm", None),
    ];
    for (text, shown, expected) in table {
        let (address, ignored) = Address::parse(text).unwrap();
        assert_eq!(address.to_string(), shown, "{text}");
        assert_eq!(ignored.as_deref(), expected, "{text}");
    }
}

#[test]
fn errors_state_what_to_write_instead() {
    let table = [
        ("", "it is empty; write unix:PATH"),
        ("unix:", "the path is missing; write unix:PATH"),
        ("unix:,server=on", "the path is missing"),
        ("unix:@", "the name is missing; write abstract:NAME"),
        ("abstract:", "the name is missing"),
        ("unix:a\0b", "zero byte"),
        ("host:", "the port is missing; write tcp:host:4444"),
        ("tcp:host", "the port is missing; write tcp:host:4444"),
        ("tcp:4444", "the host is missing; write tcp:localhost:4444"),
        ("tcp:[::1]", "the port is missing; write tcp:[::1]:4444"),
        ("[::1]:", "the port is missing; write tcp:[::1]:4444"),
        ("tcp:[::1:5", "closing bracket"),
        ("tcp:[1.2.3.4]:5", "not an IPv6 address"),
        ("tcp:::1:5", "needs brackets; write tcp:[::1]:5"),
        ("::1:5", "needs brackets; write tcp:[::1]:5"),
        ("::1", "the port is missing; write tcp:[::1]:4444"),
        ("fe80::1:x", "needs brackets"),
        ("host:65536", "not a port; write a number up to 65535"),
        ("tcp:host:+5", "not a port"),
        ("tcp:host:http", "not a port"),
        ("host:http", "write host:4444 for TCP, unix:host:http for a socket's path"),
        ("C:\\vm", "unix:C:\\vm for a socket's path"),
        ("a:b:5", "is not a port; write a:4444 for TCP"),
        ("tcp:a:b:5", "is not a host"),
        ("tcp://host:5", "is not a host"),
        ("tcp:user@host:5", "is not a host"),
        ("fd:x", "write fd:N"),
        ("fd:", "write fd:N"),
        ("fd:-1", "write fd:N"),
        ("fd:4294967296", "write fd:N"),
        ("vsock:host", "write vsock:CID:PORT"),
        ("vsock:host:5", "CID 2 is the host"),
        ("telnet:host:5", "telnet is not supported; give QEMU a plain socket"),
        ("ws://host:5", "ws is not supported"),
        ("tcp:host:5,telnet=on", "telnet is not supported"),
        ("tcp:host:5,server,telnet", "telnet is not supported"),
        ("tcp:host:5,websocket=on", "websocket is not supported"),
        ("tcp:host:5,tls-creds=tls0", "pass it to the client"),
        ("unix:/x,server=on,sever=off", "\"sever=off\" is not an option"),
        ("unix:x,abstract=maybe", "write abstract=on"),
        ("unix:x,abstract=on,tight=off", "tight=off"),
        ("tcp:host:5,abstract=on", "option of unix sockets"),
    ];
    for (text, expected) in table {
        let error = text.parse::<Address>().expect_err(text);
        assert!(error.to_string().contains(expected), "{error}");
        assert_eq!(error.text(), text);
    }
}

#[test]
fn socket_addresses_of_the_standard_library_convert() {
    let convert = |text: &str| Address::from(text.parse::<SocketAddr>().unwrap()).to_string();
    assert_eq!(convert("127.0.0.1:4444"), "tcp:127.0.0.1:4444");
    assert_eq!(convert("[::1]:4444"), "tcp:[::1]:4444");
    assert_eq!(convert("[fe80::1%2]:4444"), "tcp:[fe80::1%2]:4444");
}

#[test]
fn a_path_that_is_not_utf8_is_displayed_lossily() {
    assert_eq!(Address::unix(b"/x\xff".to_vec()).to_string(), "unix:/x\u{fffd}");
}

#[test]
fn an_error_has_the_text_and_the_reason_and_displays_both() {
    let error = Address::parse("ws:x\u{1B}").unwrap_err();
    assert_eq!(error.text(), "ws:x\u{1B}");
    assert!(!error.reason().is_empty());
    let together = format!("\"ws:x\\u{{1b}}\" is not an address: {}", error.reason());
    assert_eq!(error.to_string(), together);
}

/// Text with many of the characters and words that the grammar treats specially.
fn tricky() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        "[^\0]{0,3}",
        "[a-z:,@/\\[\\]]{1,5}",
        Just(",server=on".to_owned()),
        Just(",abstract=on".to_owned()),
        Just(",telnet".to_owned()),
        Just("unix:".to_owned()),
        Just("tcp:".to_owned()),
        Just("::1".to_owned()),
    ];
    prop::collection::vec(piece, 0..8).prop_map(|pieces: Vec<String>| pieces.concat())
}

fn address() -> impl Strategy<Value = Address> {
    prop_oneof![
        tricky().prop_filter("empty", |path| !path.is_empty()).prop_map(Address::unix),
        tricky().prop_filter("empty", |name| !name.is_empty()).prop_map(|name| named(&name)),
        ("[a-z0-9][a-z0-9.-]{0,9}", any::<u16>()).prop_map(|(host, port)| Address::tcp(host, port)),
        any::<core::net::Ipv6Addr>().prop_map(|ip| Address::tcp(ip.to_string(), 1)),
        (any::<u32>(), any::<u32>()).prop_map(|(cid, port)| Address::Vsock { cid, port }),
        any::<u32>().prop_map(Address::Descriptor),
    ]
}

proptest! {
    #[test]
    fn a_displayed_address_parses_as_the_same_address(address in address()) {
        prop_assert_eq!(&parsed(&address.to_string()), &address);
    }

    #[test]
    fn a_parsed_address_parses_again_from_its_display(text in tricky()) {
        if let Ok((address, _)) = Address::parse(&text) {
            prop_assert_eq!(&parsed(&address.to_string()), &address);
        }
    }

    #[test]
    fn no_text_makes_the_parser_panic(text in any::<String>()) {
        let _ = Address::parse(&text);
    }
}

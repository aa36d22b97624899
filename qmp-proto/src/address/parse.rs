//! Parsing an address. Every function returns the reason if the text is invalid.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use core::net::Ipv6Addr;

use super::options::{AddressOptions, refused_protocol, split_options};
use super::{Address, ParseResult};

pub(super) fn parse(text: &str) -> ParseResult<(Address, Option<String>)> {
    if text.contains('\0') {
        return Err("it contains a zero byte".to_owned());
    }
    let (place, options) = split_options(text)?;
    let options = AddressOptions::read(&options)?;
    let address = match place.split_once(':') {
        Some(("unix", path)) => unix(path, options.is_abstract)?,
        Some(("abstract", name)) => abstract_name(name)?,
        Some(("tcp", rest)) => tcp(rest)?,
        Some(("vsock", rest)) => vsock(rest)?,
        Some(("fd", number)) => descriptor(number)?,
        Some((scheme @ ("telnet" | "websocket" | "ws" | "wss" | "tls"), _)) => {
            return Err(refused_protocol(scheme));
        }
        Some((
            scheme @ ("pipe" | "serial" | "udp" | "file" | "ssh" | "http" | "https" | "qemu"),
            rest,
        )) if rest.starts_with("//") || matches!(scheme, "pipe" | "serial" | "udp" | "file") => {
            return Err(no_socket(scheme));
        }
        None if matches!(&*place, "stdio" | "pty" | "null" | "vc" | "ringbuf") => {
            return Err(no_socket(&place));
        }
        _ if place.contains('/') => unix(&place, options.is_abstract)?,
        Some((host, port)) => tcp_without_scheme(&place, host, port)?,
        None => unix(&place, options.is_abstract)?,
    };
    match (&address, options.is_abstract) {
        (Address::Unix(_) | Address::Abstract(_), _) | (_, None) => Ok((address, options.ignored)),
        _ => Err("abstract= is an option of unix sockets".to_owned()),
    }
}

/// The reason why something is no address that a client can connect to.
fn no_socket(scheme: &str) -> String {
    match scheme {
        "ssh" => "that is a host; forward its socket with ssh -L LOCAL:REMOTE HOST, and use LOCAL",
        "http" | "https" => "that is a web server's address; write tcp:HOST:PORT of -qmp",
        "qemu" => "that is libvirt's address; libvirt keeps QEMU's monitor to itself, so add a second -qmp",
        "file" => "that is a file; write the path of a socket, as in unix:/run/vm.qmp",
        _ => {
            "that is a character device but no socket; give QEMU -qmp unix:PATH,server=on,wait=off"
        }
    }
    .to_owned()
}

/// Returns whether a path would be parsed as an abstract name after `unix:`.
pub(super) fn looks_abstract(path: &[u8]) -> bool {
    path.starts_with(b"@") && !path.contains(&b'/')
}

fn unix(path: &str, is_abstract: Option<bool>) -> ParseResult<Address> {
    match is_abstract {
        Some(true) => abstract_name(path),
        None if looks_abstract(path.as_bytes()) => abstract_name(&path[1..]),
        _ if path.is_empty() => {
            Err("the path is missing; write unix:PATH, as in unix:/run/vm.qmp".to_owned())
        }
        _ => Ok(Address::unix(path)),
    }
}

fn abstract_name(name: &str) -> ParseResult<Address> {
    match name.is_empty() {
        true => Err("the name is missing; write abstract:NAME".to_owned()),
        false => Ok(Address::Abstract(name.as_bytes().to_vec())),
    }
}

fn tcp(rest: &str) -> ParseResult<Address> {
    if let Some(bracketed) = rest.strip_prefix('[') {
        let (host, after) = bracketed
            .split_once(']')
            .ok_or("the closing bracket is missing; write tcp:[::1]:4444")?;
        if !is_ipv6(host) {
            return Err(format!("{host:?} in the brackets is not an IPv6 address"));
        }
        let port = match after.strip_prefix(':') {
            Some(port) => tcp_port(port, &format!("[{host}]"))?,
            None => return Err(missing_port(&format!("[{host}]"))),
        };
        return Ok(Address::tcp(host, port));
    }
    let Some((host, port)) = rest.rsplit_once(':') else {
        return Err(match rest.parse::<u16>() {
            Ok(port) => format!("the host is missing; write tcp:localhost:{port}"),
            Err(_) => missing_port(rest),
        });
    };
    if host.contains(':') {
        return Err(match is_ipv6(host) {
            true => format!("an IPv6 address needs brackets; write tcp:[{host}]:{port}"),
            false if is_ipv6(rest) => missing_port(&format!("[{rest}]")),
            false => format!("{host:?} is not a host; write tcp:HOST:PORT"),
        });
    }
    let host = if host.is_empty() { "localhost" } else { host };
    if !host.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-' | '_')) {
        return Err(format!("{host:?} is not a host; write tcp:HOST:PORT"));
    }
    Ok(Address::tcp(host, tcp_port(port, host)?))
}

/// Parses `HOST:PORT`. A path with a colon and without a slash needs the prefix `unix:`.
fn tcp_without_scheme(place: &str, host: &str, port: &str) -> ParseResult<Address> {
    let digits_or_nothing = port.bytes().all(|byte| byte.is_ascii_digit());
    match place.starts_with('[') || is_ipv6(place) || digits_or_nothing || is_ipv6_port(place) {
        true => tcp(place),
        false => Err(format!(
            "{port:?} is not a port; write {host}:4444 for TCP, unix:{place} for a socket's path"
        )),
    }
}

fn is_ipv6_port(place: &str) -> bool {
    place.rsplit_once(':').is_some_and(|(host, _)| is_ipv6(host))
}

/// Returns whether the host is an IPv6 address, with or without a zone (`fe80::1%eth0`).
fn is_ipv6(host: &str) -> bool {
    let (ip, zone) = host.split_once('%').unwrap_or((host, "0"));
    let zone_is_plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    ip.parse::<Ipv6Addr>().is_ok() && !zone.is_empty() && zone.chars().all(zone_is_plain)
}

fn tcp_port(port: &str, host: &str) -> ParseResult<u16> {
    match number(port) {
        Some(port) => Ok(port),
        None if port.is_empty() => Err(missing_port(host)),
        None => Err(format!("{port:?} is not a port; write a number up to 65535")),
    }
}

fn missing_port(host: &str) -> String {
    format!("the port is missing; write tcp:{host}:4444, with the port of your server")
}

fn vsock(rest: &str) -> ParseResult<Address> {
    rest.split_once(':')
        .and_then(|(cid, port)| Some(Address::Vsock { cid: number(cid)?, port: number(port)? }))
        .ok_or_else(|| {
            "write vsock:CID:PORT with two numbers up to 4294967295; CID 2 is the host".to_owned()
        })
}

fn descriptor(text: &str) -> ParseResult<Address> {
    number(text).map(Address::Descriptor).ok_or_else(|| {
        "write fd:N with the number of an inherited descriptor, as in fd:3".to_owned()
    })
}

/// Parses digits only. `str::parse` accepts a sign, too.
fn number<T: core::str::FromStr>(text: &str) -> Option<T> {
    match text.bytes().all(|byte| byte.is_ascii_digit()) {
        true => text.parse().ok(),
        false => None,
    }
}

//! QEMU's options after a comma: splitting, classifying and reporting them.

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::ParseResult;

/// QEMU's options of a socket that have no effect on its client.
const WITHOUT_EFFECT: [&str; 17] = [
    "delay",
    "id",
    "ipv4",
    "ipv6",
    "keep-alive",
    "logappend",
    "logfile",
    "mode",
    "mux",
    "nodelay",
    "nowait",
    "pretty",
    "reconnect",
    "reconnect-ms",
    "server",
    "to",
    "wait",
];

/// The options that change the address or the protocol.
const WITH_EFFECT: [&str; 7] =
    ["abstract", "telnet", "tight", "tls-authz", "tls-creds", "tn3270", "websocket"];

#[derive(Default)]
pub(super) struct AddressOptions {
    /// `None` if the option is absent.
    pub(super) is_abstract: Option<bool>,
    pub(super) ignored: Option<String>,
}

impl AddressOptions {
    pub(super) fn read(options: &[&str]) -> ParseResult<Self> {
        let mut read = Self::default();
        for option in options {
            let (name, value) = option.split_once('=').unwrap_or((option, "on"));
            match (name, switch(value)) {
                ("abstract", Some(on)) => {
                    read.is_abstract = Some(on);
                    continue;
                }
                ("abstract", None) => {
                    return Err(format!("{option:?} is unclear; write abstract=on"));
                }
                ("tight", Some(false)) => {
                    return Err("names padded with zero bytes (tight=off) are not supported; \
                                leave the option out on both sides"
                        .to_owned());
                }
                ("telnet" | "tn3270" | "websocket", Some(false)) => {}
                ("telnet" | "tn3270" | "websocket" | "tls-creds" | "tls-authz", _) => {
                    return Err(refused_protocol(name));
                }
                _ => {}
            }
            let ignored = read.ignored.get_or_insert_default();
            if !ignored.is_empty() {
                ignored.push(',');
            }
            ignored.push_str(option);
        }
        Ok(read)
    }
}

/// Parses the words that QEMU accepts for a boolean option.
fn switch(value: &str) -> Option<bool> {
    match value {
        "on" | "yes" | "true" | "y" => Some(true),
        "off" | "no" | "false" | "n" => Some(false),
        _ => None,
    }
}

pub(super) fn refused_protocol(name: &str) -> String {
    match name {
        "tls" | "tls-creds" | "tls-authz" | "wss" => {
            "TLS is not supported; open the TLS stream in \
             your program and pass it to the client, or give QEMU a unix socket"
                .to_owned()
        }
        _ => format!("{name} is not supported; give QEMU a plain socket: -qmp tcp:… or unix:…"),
    }
}

/// Splits the place from the options after it, and replaces doubled commas in the place by single
/// ones.
///
/// The options begin after the first single comma that is followed by the name of an option of
/// QEMU.
pub(super) fn split_options(text: &str) -> ParseResult<(String, Vec<&str>)> {
    let mut place = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once(',') {
        place.push_str(before);
        rest = after.strip_prefix(',').unwrap_or(after);
        if rest.len() == after.len() && is_option(pieces(after).next()) {
            let options: Vec<&str> = pieces(after).collect();
            return match options.iter().find(|option| !is_option(Some(option))) {
                None => Ok((place, options)),
                Some(unknown) => Err(format!(
                    "{unknown:?} is not an option of a QEMU socket; double the commas in a path"
                )),
            };
        }
        place.push(',');
    }
    place.push_str(rest);
    match place.is_empty() {
        true => Err("it is empty; write unix:PATH or tcp:HOST:PORT".to_owned()),
        false => Ok((place, Vec::new())),
    }
}

/// Returns the parts of `text` between single commas.
fn pieces(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let mut from = 0;
        while let Some(comma) = text[from..].find(',').map(|at| from + at) {
            if !text[comma + 1..].starts_with(',') {
                rest = Some(&text[comma + 1..]);
                return Some(&text[..comma]);
            }
            from = comma + 2;
        }
        rest = None;
        Some(text)
    })
}

fn is_option(piece: Option<&str>) -> bool {
    let name = piece.unwrap_or_default().split('=').next().unwrap_or_default();
    WITHOUT_EFFECT.contains(&name) || WITH_EFFECT.contains(&name)
}

//! Addresses of servers, as users write them on a command line and as QEMU writes them.

mod options;
mod parse;

use alloc::borrow::{Cow, ToOwned};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;
use core::str::FromStr;

use crate::Escaped;

/// The address at which a server is reached or listens.
///
/// | text | address |
/// |---|---|
/// | `unix:PATH` | the unix socket at `PATH`, absolute or relative |
/// | any other text that contains a `/` | the unix socket at this path |
/// | `abstract:NAME`, `unix:@NAME`, `unix:NAME,abstract=on` | the abstract unix socket `NAME` (Linux) |
/// | `tcp:HOST:PORT`, `HOST:PORT` | TCP; the default host (`tcp::4444`, `:4444`) is `localhost` |
/// | `tcp:[::1]:PORT`, `[::1]:PORT` | TCP to an IPv6 address, which needs brackets |
/// | `vsock:CID:PORT` | a socket between host and virtual machine (Linux); CID 2 is the host |
/// | `fd:N` | the inherited file descriptor `N` |
/// | a word without `:` and `/` | a unix socket in the working directory |
///
/// `unix:@NAME` is a path if it contains a `/` or if `,abstract=off` follows.
/// A listener that is bound to port 0 gets any free port. Connecting to port 0 always fails.
///
/// # QEMU's options
///
/// The options that QEMU accepts after a comma (`,server=on,wait=off`, `,server,nowait`,
/// `,reconnect=5`) are accepted, so that an address can be pasted from QEMU's command line. They
/// have no effect, and [`parse`](Self::parse) returns the ignored ones. Options that change the
/// protocol on the connection (`telnet=on`, `websocket=on`, `tls-creds=…`) are errors. A comma in a
/// path is doubled, as for QEMU. A single comma also belongs to the path if none of QEMU's options
/// follows it.
///
/// # Examples
///
/// ```
/// use qmp_proto::Address;
///
/// # fn main() -> Result<(), qmp_proto::AddressError> {
/// assert_eq!("unix:/run/vm.qmp".parse::<Address>()?, Address::unix("/run/vm.qmp"));
/// assert_eq!("/run/vm:2".parse::<Address>()?, Address::unix("/run/vm:2"));
/// assert_eq!("[::1]:4444".parse::<Address>()?, Address::tcp("::1", 4444));
///
/// let (address, ignored) = Address::parse("tcp:localhost:4444,server=on,wait=off")?;
/// assert_eq!(address.to_string(), "tcp:localhost:4444");
/// assert_eq!(ignored.as_deref(), Some("server=on,wait=off"));
///
/// let error = "localhost:".parse::<Address>().unwrap_err();
/// assert!(error.to_string().contains("write tcp:localhost:4444"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Address {
    /// The path of a unix socket, in bytes because a path need not be UTF-8.
    Unix(Vec<u8>),
    /// The name of an abstract unix socket, without the leading zero byte of the kernel's form.
    Abstract(Vec<u8>),
    /// A TCP port.
    Tcp {
        /// A name or a numeric address. An IPv6 address has no brackets here.
        host: String,
        /// The port. 0 is valid only for a listener.
        port: u16,
    },
    /// A port of vsock, the socket family between a host and its virtual machines.
    Vsock {
        /// The context id: 2 for the host, or the `guest-cid` of a guest's vsock device.
        cid: u32,
        /// The port, unrelated to TCP's.
        port: u32,
    },
    /// The number of a file descriptor that this process has inherited.
    Descriptor(u32),
}

impl Address {
    /// Returns the address of the unix socket at `path`, which need not be UTF-8.
    pub fn unix(path: impl Into<Vec<u8>>) -> Self {
        Self::Unix(path.into())
    }

    /// Returns the address of a TCP port. `host` is a name or a numeric address without brackets.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
    }

    /// Parses an address, and returns it with those of QEMU's options that were ignored.
    ///
    /// [`str::parse`] does the same without returning the options.
    ///
    /// # Errors
    ///
    /// If `text` has none of the forms in [the table](Self), or requests a protocol that is not
    /// supported. The error states what to write instead.
    pub fn parse(text: &str) -> Result<(Self, Option<String>), AddressError> {
        parse::parse(text).map_err(|reason| AddressError::new(text, reason))
    }
}

/// Writes the form that [`Address::parse`] parses into an equal address.
///
/// Bytes of a path or name that are not UTF-8 are written as `U+FFFD`, which is not reversible.
impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unix(path) => {
                f.write_str("unix:")?;
                f.write_str(&doubled_commas(path))?;
                match parse::looks_abstract(path) {
                    true => f.write_str(",abstract=off"),
                    false => Ok(()),
                }
            }
            Self::Abstract(name) => write!(f, "abstract:{}", doubled_commas(name)),
            Self::Tcp { host, port } if host.contains(':') => write!(f, "tcp:[{host}]:{port}"),
            Self::Tcp { host, port } => write!(f, "tcp:{host}:{port}"),
            Self::Vsock { cid, port } => write!(f, "vsock:{cid}:{port}"),
            Self::Descriptor(number) => write!(f, "fd:{number}"),
        }
    }
}

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Address({})", Escaped(self))
    }
}

fn doubled_commas(bytes: &[u8]) -> Cow<'_, str> {
    match String::from_utf8_lossy(bytes) {
        text if text.contains(',') => text.replace(',', ",,").into(),
        text => text,
    }
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        Self::parse(text).map(|(address, _ignored)| address)
    }
}

impl TryFrom<&str> for Address {
    type Error = AddressError;

    fn try_from(text: &str) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl TryFrom<&String> for Address {
    type Error = AddressError;

    fn try_from(text: &String) -> Result<Self, AddressError> {
        text.parse()
    }
}

impl From<&Self> for Address {
    fn from(address: &Self) -> Self {
        address.to_owned()
    }
}

impl From<SocketAddr> for Address {
    fn from(address: SocketAddr) -> Self {
        let host = match address {
            SocketAddr::V6(v6) if v6.scope_id() != 0 => format!("{}%{}", v6.ip(), v6.scope_id()),
            _ => address.ip().to_string(),
        };
        Self::Tcp { host, port: address.port() }
    }
}

#[cfg(test)]
mod tests;

/// The text is not an [`Address`]. The error states what is wrong and what to write
/// instead.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AddressError {
    text: String,
    reason: String,
}

/// A parsed part of an address, or the reason why the text is not an address.
pub(super) type ParseResult<T> = Result<T, String>;

impl AddressError {
    pub(super) fn new(text: &str, reason: String) -> Self {
        Self { text: text.to_owned(), reason }
    }

    /// Returns the text that was parsed.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns what is wrong and what to write instead, without the text.
    pub fn reason(&self) -> &str {
        &self.reason
    }
}

impl fmt::Display for AddressError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not an address: {}", self.text, Escaped(&self.reason))
    }
}

impl core::error::Error for AddressError {}

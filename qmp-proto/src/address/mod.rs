//! The address of a server: what users write on a command line, and what QEMU calls it.

mod error;
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

pub use error::AddressError;

/// Where a server is reached, or where one is to listen.
///
/// | written | means |
/// |---|---|
/// | `unix:PATH` | the unix socket at `PATH`, absolute or relative |
/// | anything else with a `/` in it | the same |
/// | `abstract:NAME`, `unix:@NAME`, `unix:NAME,abstract=on` | the abstract unix socket `NAME` (Linux) |
/// | `tcp:HOST:PORT`, `HOST:PORT` | TCP; without a host (`tcp::4444`, `:4444`) `localhost` |
/// | `tcp:[::1]:PORT`, `[::1]:PORT` | TCP to an IPv6 address, which always stands in brackets |
/// | `vsock:CID:PORT` | a virtual machine's socket (Linux); CID 2 is the host |
/// | `fd:N` | the inherited file descriptor `N` |
/// | a word without `:` and `/` | a unix socket in the working directory |
///
/// `unix:@NAME` is a path when it has a `/` in it, or when `,abstract=off` follows.
/// The port 0 stands for "any free port" where a listener is bound; nothing can connect to it.
///
/// # QEMU's options
///
/// What QEMU itself takes after a comma (`,server=on,wait=off`, `,server,nowait`, `,reconnect=5`) is
/// accepted, so that an address can be pasted from its command line, and has no effect here:
/// [`parse`](Self::parse) says what was ignored. Options that change what is spoken on the
/// connection (`telnet=on`, `websocket=on`, `tls-creds=…`) are refused.
/// A comma in a path is written twice, as for QEMU; a single one is taken for a part of the path too
/// when no option of QEMU's follows it.
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
    /// A unix socket's path. Bytes, because a path need not be UTF-8.
    Unix(Vec<u8>),
    /// The name of an abstract unix socket, without the zero byte that marks it in the kernel.
    Abstract(Vec<u8>),
    /// A TCP port.
    Tcp {
        /// A name or a numeric address; an IPv6 address stands here without brackets.
        host: String,
        /// The port; 0 only where a listener is bound.
        port: u16,
    },
    /// A vsock port: the socket family between a host and its virtual machines.
    Vsock {
        /// The context id: 2 is the host, a guest's is the `guest-cid` of its vsock device.
        cid: u32,
        /// The port, unrelated to TCP's.
        port: u32,
    },
    /// The number of a descriptor that this process has inherited.
    Descriptor(u32),
}

impl Address {
    /// The unix socket at `path`: text, or the bytes of a path that is not UTF-8.
    pub fn unix(path: impl Into<Vec<u8>>) -> Self {
        Self::Unix(path.into())
    }

    /// The TCP port `port` of `host`, which is a name or a numeric address without brackets.
    pub fn tcp(host: impl Into<String>, port: u16) -> Self {
        Self::Tcp { host: host.into(), port }
    }

    /// Reads an address, and says which of QEMU's options in it have no effect here.
    ///
    /// [`str::parse`] does the same for those who do not mean to tell their user.
    ///
    /// # Errors
    ///
    /// When `text` is none of the forms in [the table](Self), or asks for a protocol that is not
    /// spoken here; the error says what to write instead.
    pub fn parse(text: &str) -> Result<(Self, Option<String>), AddressError> {
        parse::parse(text).map_err(|reason| AddressError::new(text, reason))
    }
}

/// The form that [`Address::parse`] reads back into an equal address.
///
/// Bytes of a path or name that are not UTF-8 are shown as `U+FFFD` and do not read back.
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

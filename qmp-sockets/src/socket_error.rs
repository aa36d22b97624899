//! The error of connecting to or listening on an address, including an address that cannot be
//! parsed.

use std::error::Error;
use std::fmt;

use qmp_proto::AddressError;

use crate::ConnectError;

/// The error of connecting to or listening on an address.
#[derive(Debug)]
pub enum SocketError {
    /// The address could not be parsed.
    Address(AddressError),
    /// The operating system could not connect to the address or listen on it.
    Connect(ConnectError),
}

impl fmt::Display for SocketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Address(error) => error.fmt(f),
            Self::Connect(error) => error.fmt(f),
        }
    }
}

impl Error for SocketError {
    fn source(&self) -> Option<&(dyn Error + 'static)> {
        match self {
            Self::Address(error) => error.source(),
            Self::Connect(error) => error.source(),
        }
    }
}

impl From<AddressError> for SocketError {
    fn from(error: AddressError) -> Self {
        Self::Address(error)
    }
}

impl From<ConnectError> for SocketError {
    fn from(error: ConnectError) -> Self {
        Self::Connect(error)
    }
}

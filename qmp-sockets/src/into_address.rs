//! Conversion to addresses.

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};

use qmp_proto::{Address, AddressError};

/// A conversion to an [`Address`]. Implemented for text in one of the forms of `Address`, for
/// addresses of the standard library, for pairs of a host and a TCP port, and for paths of unix
/// sockets.
pub trait IntoAddress {
    /// Converts the value to an address.
    ///
    /// # Errors
    ///
    /// Returns an error if it is text that cannot be parsed.
    fn into_address(self) -> Result<Address, AddressError>;
}

impl IntoAddress for Address {
    fn into_address(self) -> Result<Address, AddressError> {
        Ok(self)
    }
}

impl IntoAddress for &Address {
    fn into_address(self) -> Result<Address, AddressError> {
        Ok(self.clone())
    }
}

impl IntoAddress for &str {
    fn into_address(self) -> Result<Address, AddressError> {
        self.parse()
    }
}

impl IntoAddress for &String {
    fn into_address(self) -> Result<Address, AddressError> {
        self.as_str().into_address()
    }
}

impl IntoAddress for String {
    fn into_address(self) -> Result<Address, AddressError> {
        self.as_str().into_address()
    }
}

impl IntoAddress for &Path {
    fn into_address(self) -> Result<Address, AddressError> {
        Ok(Address::unix(self.as_os_str().as_encoded_bytes()))
    }
}

impl IntoAddress for &PathBuf {
    fn into_address(self) -> Result<Address, AddressError> {
        self.as_path().into_address()
    }
}

impl IntoAddress for PathBuf {
    fn into_address(self) -> Result<Address, AddressError> {
        self.as_path().into_address()
    }
}

impl IntoAddress for SocketAddr {
    fn into_address(self) -> Result<Address, AddressError> {
        Ok(self.into())
    }
}

/// A host name or a numeric address, and a port of TCP.
impl IntoAddress for (&str, u16) {
    fn into_address(self) -> Result<Address, AddressError> {
        Ok(Address::tcp(self.0, self.1))
    }
}

/// A host name or a numeric address, and a port of TCP.
impl IntoAddress for (String, u16) {
    fn into_address(self) -> Result<Address, AddressError> {
        (self.0.as_str(), self.1).into_address()
    }
}

/// A port of TCP.
impl IntoAddress for (IpAddr, u16) {
    fn into_address(self) -> Result<Address, AddressError> {
        SocketAddr::from(self).into_address()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_is_taken_literally_and_text_is_read() {
        let path = Path::new("tcp:1:2");
        assert_eq!(path.into_address().unwrap(), Address::unix("tcp:1:2"));
        assert_eq!("tcp:h:2".into_address().unwrap(), Address::tcp("h", 2));
        assert!("foo:bar".into_address().is_err());
    }

    #[test]
    fn an_address_of_the_standard_library_or_a_host_and_a_port_is_tcp() {
        let text = |address: Result<Address, AddressError>| address.unwrap().to_string();
        let ip = IpAddr::from([127, 0, 0, 1]);
        assert_eq!(text(SocketAddr::from((ip, 4)).into_address()), "tcp:127.0.0.1:4");
        assert_eq!(text((ip, 4).into_address()), "tcp:127.0.0.1:4");
        assert_eq!(text(("host", 4).into_address()), "tcp:host:4");
        assert_eq!(text(("::1".to_owned(), 4).into_address()), "tcp:[::1]:4");
    }
}

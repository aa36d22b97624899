//! Conversion to addresses.

use std::path::{Path, PathBuf};

use qmp_proto::{Address, AddressError};

/// A conversion to an [`Address`]. Implemented for text in one of the forms of `Address`, for
/// addresses, and for paths of unix sockets.
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
}

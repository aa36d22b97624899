//! Replies to commands.

use alloc::borrow::Cow;
use alloc::format;
use core::fmt;

use crate::Secrets;
use crate::message::{ErrorClass, RawJson, Shown};

/// The reply to a command: success with a value, or an error.
///
/// ```
/// use qmp_proto::server::Response;
/// use qmp_proto::{ErrorClass, RawJson};
///
/// let done = Response::empty();
/// let status = Response::json(RawJson::parse(r#"{"running": true}"#)?);
/// let missing = Response::error(ErrorClass::DeviceNotFound, "Device 'net0' not found");
/// # Ok::<(), qmp_proto::JsonError>(())
/// ```
#[derive(Clone)]
pub struct Response<'a>(pub(super) Kind<'a>);

#[derive(Clone)]
pub(super) enum Kind<'a> {
    Success(Cow<'a, str>),
    Error {
        class: Cow<'a, str>,
        description: Cow<'a, str>,
    },
    /// The whole value of `error`.
    RawError(Cow<'a, str>),
}

impl<'a> Response<'a> {
    /// Returns the reply of a command that returns nothing: `{}`.
    pub const fn empty() -> Self {
        Self(Kind::Success(Cow::Borrowed("{}")))
    }

    /// Returns a success reply with this value, which is sent unchanged, except that line ends are
    /// removed and characters outside ASCII are escaped.
    pub const fn json(value: RawJson<'a>) -> Self {
        Self(Kind::Success(Cow::Borrowed(value.as_str())))
    }

    /// Returns an error reply with this class and description.
    pub fn error(class: ErrorClass<'a>, description: impl Into<Cow<'a, str>>) -> Self {
        let class = Cow::Borrowed(class.name());
        Self(Kind::Error { class, description: description.into() })
    }

    /// Returns an error reply with this value of `error`, to forward one of another server.
    ///
    /// Clients expect an object with `class` and `desc`.
    pub const fn raw_error(error: RawJson<'a>) -> Self {
        Self(Kind::RawError(Cow::Borrowed(error.as_str())))
    }

    /// Returns QEMU's error reply to an unknown command.
    pub fn command_not_found(name: &str) -> Self {
        let description = format!("The command {name} has not been found");
        Self::error(ErrorClass::CommandNotFound, description)
    }

    /// Returns QEMU's error reply to `exec-oob` of a command that supports only in-band execution.
    pub fn no_out_of_band(name: &str) -> Self {
        let description = format!("The command {name} does not support OOB");
        Self::error(ErrorClass::GenericError, description)
    }

    /// Copies the reply, so that it borrows nothing.
    pub fn into_owned(self) -> Response<'static> {
        fn own(text: Cow<'_, str>) -> Cow<'static, str> {
            text.into_owned().into()
        }
        Response(match self.0 {
            Kind::Success(value) => Kind::Success(own(value)),
            Kind::Error { class, description } => {
                Kind::Error { class: own(class), description: own(description) }
            }
            Kind::RawError(error) => Kind::RawError(own(error)),
        })
    }
}

/// Omits the value, which can contain secrets. Secrets in a description are masked.
impl fmt::Debug for Response<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Kind::Success(value) => write!(f, "Success({} bytes)", value.len()),
            Kind::Error { class, description } => f
                .debug_struct("Error")
                .field("class", class)
                .field("description", &Secrets::new().mask(description))
                .finish(),
            Kind::RawError(error) => write!(f, "RawError({})", Shown(error.as_bytes())),
        }
    }
}

#[cfg(feature = "serde")]
impl Response<'static> {
    /// Serializes a value, and returns a success reply with it.
    ///
    /// # Errors
    ///
    /// If the value cannot be serialized.
    pub fn value<T: serde::Serialize + ?Sized>(value: &T) -> Result<Self, crate::SendErrorKind> {
        let value = crate::OwnedRawJson::serialize(value)?;
        Ok(Self(Kind::Success(value.into_string().into())))
    }
}

//! Greeting and negotiation of monitors.

use core::fmt;

use crate::JsonError;
use crate::client::OUT_OF_BAND;
use crate::json::{JsonErrorKind, JsonStr, Lenient, MAX_DEPTH, skip_blanks, walk_value};
use crate::message::{ErrorClass, RawJson};
use crate::output::{BufferFull, OutputBuffer};
use crate::request::SendErrorKind;
use crate::server::error_reply::ErrorReply;
use crate::server::repeated::Repeated;
use crate::server::ticket::Id;
use crate::server::write::Message;
use crate::server::{Command, Dialect, Options, Phase, Received, Rejection, Server};

#[derive(Debug, Default)]
pub(super) struct Monitor {
    /// Whether the client has enabled `oob`.
    pub(super) out_of_band: bool,
}

/// The error of a negotiation, in QEMU's words.
enum NegotiationError<'a> {
    NoArray,
    NoString(usize),
    Unknown(JsonStr<'a>),
    NotOffered,
    Unexpected(JsonStr<'a>),
    NoOutOfBand,
    Repeated,
}

impl Server {
    /// Sends the greeting of a monitor, if it was not sent yet. Call it when the client has
    /// connected; otherwise the first input sends the greeting.
    ///
    /// # Errors
    ///
    /// If the greeting does not fit into `out`.
    pub fn greet(&mut self, out: &mut impl OutputBuffer) -> Result<(), BufferFull> {
        if self.phase == Phase::Greeting {
            let Options { version, out_of_band, .. } = self.options;
            let package = &self.options.package[..];
            Message::Greeting { version, package, out_of_band }.send(out, self.form())?;
            self.phase = Phase::Negotiating;
        }
        Ok(())
    }

    /// Sends the caller's greeting, to forward the greeting of another server or to emulate one.
    /// The options determine which capabilities can be enabled.
    ///
    /// # Errors
    ///
    /// If a greeting was already sent, the message is not an object, or it does not fit into `out`.
    pub fn greet_with(
        &mut self,
        out: &mut impl OutputBuffer,
        greeting: RawJson<'_>,
    ) -> Result<(), SendErrorKind> {
        if self.phase != Phase::Greeting {
            return Err(SendErrorKind::Greeted);
        }
        if !greeting.as_str().starts_with('{') {
            return Err(JsonError::new(JsonErrorKind::NotAnObject, 0).into());
        }
        Message::Raw(greeting.as_str()).send(out, self.form())?;
        self.phase = Phase::Negotiating;
        Ok(())
    }

    /// Handles `qmp_capabilities`, in either phase.
    pub(super) fn negotiate<'b>(
        &mut self,
        out: &mut impl OutputBuffer,
        command: &Command<'_>,
        id: Option<&Id>,
        bytes: &'b [u8],
    ) -> Result<Received<'b>, BufferFull> {
        let error = match self.capabilities(command) {
            Ok(out_of_band) => {
                let value = "{}";
                let id = id.map(|id| id.as_str());
                Message::Success { value, id }.send(out, self.form())?;
                self.phase = Phase::Ready;
                if let Dialect::Monitor(monitor) = &mut self.dialect {
                    monitor.out_of_band = out_of_band;
                }
                return Ok(Received::Negotiated { out_of_band });
            }
            Err(error) => error,
        };
        let class = match error {
            NegotiationError::Repeated => ErrorClass::CommandNotFound,
            _ => ErrorClass::GenericError,
        };
        let out_of_band = command.is_out_of_band();
        let error = ErrorReply::new(Rejection::Handshake, &error);
        self.reject(out, bytes, ErrorReply { class, id, out_of_band, ..error })
    }

    /// Returns whether `oob` is to be enabled.
    fn capabilities<'a>(&self, command: &'a Command<'_>) -> Result<bool, NegotiationError<'a>> {
        if command.is_out_of_band() {
            return Err(NegotiationError::NoOutOfBand);
        }
        let (enable, unexpected) = command.parameter("enable");
        let out_of_band = match enable {
            Some(list) => enabled(list)?,
            None => false,
        };
        if let Some(name) = unexpected {
            return Err(NegotiationError::Unexpected(name));
        }
        if self.phase == Phase::Ready {
            return Err(NegotiationError::Repeated);
        }
        if out_of_band && !self.options.out_of_band {
            return Err(NegotiationError::NotOffered);
        }
        Ok(out_of_band)
    }
}

/// Returns whether the list contains `oob`.
fn enabled(list: &str) -> Result<bool, NegotiationError<'_>> {
    let bytes = list.as_bytes();
    if bytes.first() != Some(&b'[') {
        return Err(NegotiationError::NoArray);
    }
    let (mut out_of_band, mut index) = (false, 0);
    let mut at = skip_blanks(bytes, 1);
    // The list is valid JSON.
    while let Ok(end) = walk_value(bytes, at, MAX_DEPTH, &mut Lenient) {
        let name = list[at..end].strip_prefix('"').and_then(|name| name.strip_suffix('"'));
        let name = JsonStr::new(name.ok_or(NegotiationError::NoString(index))?);
        if name != OUT_OF_BAND {
            return Err(NegotiationError::Unknown(name));
        }
        out_of_band = true;
        index += 1;
        at = skip_blanks(bytes, end);
        at = skip_blanks(bytes, at + 1);
    }
    Ok(out_of_band)
}

impl fmt::Display for NegotiationError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoArray => f.write_str("Invalid parameter type for 'enable', expected: array"),
            Self::NoString(index) => {
                write!(f, "Invalid parameter type for 'enable[{index}]', expected: string")
            }
            // QEMU itself reports `null` instead of the parameter's name.
            Self::Unknown(name) => {
                write!(f, "Parameter 'null' does not accept value '{}'", Repeated(name))
            }
            Self::NotOffered => f.write_str("Capability oob not available"),
            Self::Unexpected(name) => write!(f, "Parameter '{}' is unexpected", Repeated(name)),
            Self::NoOutOfBand => f.write_str("The command qmp_capabilities does not support OOB"),
            Self::Repeated => {
                f.write_str("Capabilities negotiation is already complete, command ignored")
            }
        }
    }
}

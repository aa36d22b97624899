//! Error replies to invalid requests.

use core::fmt;

use crate::message::ErrorClass;
use crate::server::Rejection;
use crate::server::ticket::Id;

/// An error reply of the server itself to an invalid request.
#[derive(Clone, Copy)]
pub(super) struct ErrorReply<'a> {
    pub(super) reason: Rejection,
    pub(super) class: ErrorClass<'a>,
    pub(super) id: Option<&'a Id>,
    pub(super) description: &'a dyn fmt::Display,
    /// Whether it is the reply to an out-of-band request.
    pub(super) out_of_band: bool,
}

impl<'a> ErrorReply<'a> {
    /// A `GenericError` in reply to an in-band request without an id.
    pub(super) const fn new(reason: Rejection, description: &'a dyn fmt::Display) -> Self {
        let class = ErrorClass::GenericError;
        Self { reason, class, id: None, description, out_of_band: false }
    }
}

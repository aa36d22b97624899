//! Error replies.

use qmp_proto::ErrorClass;
use qmp_proto::server::Response;

/// An error reply, for [`On::answer_with`](crate::On::answer_with).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Failure {
    class: String,
    description: String,
}

impl Failure {
    /// Creates an error with this class and description.
    pub fn new(class: ErrorClass<'_>, description: impl Into<String>) -> Self {
        Self { class: class.name().to_owned(), description: description.into() }
    }

    /// Creates an error of class `GenericError`, the class of most errors.
    pub fn generic(description: impl Into<String>) -> Self {
        Self::new(ErrorClass::GenericError, description)
    }

    pub(crate) fn response(&self) -> Response<'static> {
        let class = ErrorClass::named(&self.class);
        Response::error(class, self.description.as_str()).into_owned()
    }
}

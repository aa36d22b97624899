//! Identifying a request.

/// Identifies a request that was sent, for [`Client::abandon`](crate::Client::abandon). It is the
/// request's id on the wire, which is never reused within a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

//! The name of a request.

/// Names a request that was sent, for [`Client::abandon`](crate::Client::abandon). Never used
/// again within a connection: it is the request's id on the wire.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RequestId(pub(crate) u64);

//! Binding without blocking.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use qmp_proto::Address;

use crate::connect::look_up::LookUp;
use crate::connect::numeric;
use crate::{ConnectError, Listener};

const FIRST_PAUSE: Duration = Duration::from_micros(250);
const LONGEST_PAUSE: Duration = Duration::from_millis(20);

/// Binds a [`Listener`] without blocking: a host name is looked up on a thread of its own. It is
/// polled until there is a result.
///
/// Dropping it cancels the attempt. Only the thread of the lookup may be left behind, until the
/// lookup finishes.
///
/// ```
/// # use std::thread::sleep;
/// # use std::time::Instant;
/// use qmp_sockets::PendingBind;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let mut pending = PendingBind::new("tcp:localhost:0".parse()?);
/// let listener = loop {
///     match pending.try_bind() {
///         Some(bound) => break bound?,
///         None => sleep(pending.next_try() .saturating_duration_since(Instant::now())),
///     }
/// };
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
#[must_use = "an attempt does nothing unless it is tried"]
pub struct PendingBind {
    address: Address,
    look_up: Option<Arc<LookUp>>,
    pause: Duration,
}

impl PendingBind {
    /// Creates an attempt to bind to `address`.
    pub const fn new(address: Address) -> Self {
        Self { address, look_up: None, pause: FIRST_PAUSE }
    }

    /// Returns the result if there is one. Otherwise, call it again at
    /// [`next_try`](Self::next_try).
    ///
    /// # Errors
    ///
    /// Returns the errors of [`Listener::bind`].
    pub fn try_bind(&mut self) -> Option<Result<Listener, ConnectError>> {
        let bound = self.advance().transpose()?;
        Some(bound.map_err(|error| ConnectError::listening(&self.address, error)))
    }

    /// Returns when to try again: after pauses that grow from 0.25 to 20 milliseconds.
    pub fn next_try(&mut self) -> Instant {
        let pause = self.pause;
        self.pause = (pause * 2).min(LONGEST_PAUSE);
        Instant::now() + pause
    }

    fn advance(&mut self) -> io::Result<Option<Listener>> {
        match &self.address {
            Address::Tcp { host, port } if numeric(host, *port).is_none() => {
                let look_up = match &mut self.look_up {
                    Some(look_up) => look_up,
                    none => none.insert(LookUp::of(host)?),
                };
                let addresses: Option<Vec<SocketAddr>> = look_up.addresses(*port)?;
                addresses.map(|addresses| Listener::bind_tcp(addresses, *port)).transpose()
            }
            address => Listener::try_bind(address).map(Some),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::{IpAddr, Ipv4Addr};
    use std::sync::mpsc;
    use std::thread;

    use super::*;

    #[test]
    fn a_slow_lookup_does_not_block() {
        let (answer, answered) = mpsc::channel();
        let resolver = move |_: &str| Ok(vec![answered.recv().unwrap()]);
        let _running = LookUp::by("slow.to.bind.test", resolver).unwrap();
        let mut pending = PendingBind::new("tcp:slow.to.bind.test:0".parse().unwrap());
        for _ in 0..3 {
            assert!(pending.try_bind().is_none());
            assert!(pending.next_try() > Instant::now() - Duration::from_secs(1));
        }
        answer.send(IpAddr::from(Ipv4Addr::LOCALHOST)).unwrap();
        let listener = loop {
            match pending.try_bind() {
                Some(bound) => break bound.unwrap(),
                None => thread::sleep(Duration::from_millis(1)),
            }
        };
        assert!(listener.local_address().to_string().starts_with("tcp:127.0.0.1:"));
    }

    #[test]
    fn an_address_without_a_name_is_bound_at_once() {
        let mut pending = PendingBind::new("tcp:127.0.0.1:0".parse().unwrap());
        assert!(matches!(pending.try_bind(), Some(Ok(_))));
        let mut pending = PendingBind::new("tcp:192.0.2.1:1".parse().unwrap());
        let error = pending.try_bind().unwrap().unwrap_err();
        assert!(error.to_string().contains("192.0.2.1"), "{error}");
    }
}

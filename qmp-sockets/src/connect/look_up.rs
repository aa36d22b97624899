//! Looking up a host name on a separate thread.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::thread;

use crate::connect::tcp::resolve;

/// A lookup of one name, shared by all that need it at the same time. The operating system's
/// resolver may take long, and giving up and trying again must not start another thread.
#[derive(Debug)]
pub(crate) struct LookUp {
    host: String,
    found: OnceLock<Result<Vec<IpAddr>, (io::ErrorKind, String)>>,
}

/// The lookups that have not finished.
static RUNNING: Mutex<Vec<Arc<LookUp>>> = Mutex::new(Vec::new());

impl LookUp {
    /// Returns the lookup of this name: the running one, or a new one.
    pub(crate) fn of(host: &str) -> io::Result<Arc<Self>> {
        Self::by(host, |host| {
            let addresses = resolve(host, 0)?;
            Ok(addresses.iter().map(SocketAddr::ip).collect())
        })
    }

    pub(crate) fn by(
        host: &str,
        resolver: impl FnOnce(&str) -> io::Result<Vec<IpAddr>> + Send + 'static,
    ) -> io::Result<Arc<Self>> {
        let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(look_up) = running.iter().find(|it| it.host == host) {
            return Ok(Arc::clone(look_up));
        }
        let look_up = Arc::new(Self { host: host.to_owned(), found: OnceLock::new() });
        let ours = Arc::clone(&look_up);
        thread::Builder::new().name("qmp name lookup".to_owned()).spawn(move || {
            let found = resolver(&ours.host);
            let _ = ours.found.set(found.map_err(|error| (error.kind(), error.to_string())));
            let mut running = RUNNING.lock().unwrap_or_else(PoisonError::into_inner);
            running.retain(|it| !Arc::ptr_eq(it, &ours));
        })?;
        running.push(Arc::clone(&look_up));
        Ok(look_up)
    }

    /// Returns the addresses of the host with this port, if the lookup has finished.
    pub(crate) fn addresses(&self, port: u16) -> io::Result<Option<Vec<SocketAddr>>> {
        match self.found.get() {
            None => Ok(None),
            Some(Ok(found)) => {
                Ok(Some(found.iter().map(|ip| SocketAddr::new(*ip, port)).collect()))
            }
            Some(Err((kind, text))) => Err(io::Error::new(*kind, text.clone())),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;
    use std::sync::mpsc;
    use std::time::Duration;

    use super::*;

    fn wait(look_up: &LookUp) -> io::Result<Vec<SocketAddr>> {
        loop {
            if let Some(addresses) = look_up.addresses(7).transpose() {
                return addresses;
            }
            thread::sleep(Duration::from_millis(1));
        }
    }

    #[test]
    fn a_name_is_looked_up_once_at_a_time_and_again_later() {
        let (answer, answered) = mpsc::channel();
        let ip = IpAddr::from(Ipv4Addr::LOCALHOST);
        let slow = move |_: &str| Ok(vec![answered.recv().unwrap()]);
        let first = LookUp::by("slow.test", slow).unwrap();
        let second = LookUp::by("slow.test", |_| panic!("it runs already")).unwrap();
        let other = LookUp::by("other.test", |_| Err(io::Error::other("no such name"))).unwrap();
        assert!(first.addresses(7).unwrap().is_none());
        assert_eq!(wait(&other).unwrap_err().to_string(), "no such name");
        answer.send(ip).unwrap();
        for look_up in [first, second] {
            assert_eq!(wait(&look_up).unwrap(), [SocketAddr::new(ip, 7)]);
        }
        while RUNNING.lock().unwrap().iter().any(|it| it.host == "slow.test") {
            thread::sleep(Duration::from_millis(1));
        }
        let again = LookUp::by("slow.test", |_| Ok(Vec::new())).unwrap();
        assert_eq!(wait(&again).unwrap(), []);
    }
}

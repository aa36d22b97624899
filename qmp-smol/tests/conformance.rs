//! The client does what every client does: on smol, and on async-std.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::Arc;

use ::smol::net::TcpStream;
use conformance::Adapter;
use conformance::tls::Secure;
use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use qmp_smol::{Builder, Listener, StreamTransport};
use rustls::ClientConfig;

conformance::tests!(asynchronous smol, crate::Smol);
conformance::tests!(asynchronous async_std, crate::AsyncStd);

struct Smol;

impl Adapter for Smol {
    type Builder = Builder<qmp_smol::Smol>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        ::smol::block_on(scenario)
    }
}

impl Secure for Smol {
    type Secured = Secured;

    async fn secure(address: &str, config: Arc<ClientConfig>) -> io::Result<Secured> {
        secure(address, config).await
    }
}

struct AsyncStd;

impl Adapter for AsyncStd {
    type Builder = Builder<qmp_smol::Smol>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        ::async_std::task::block_on(scenario)
    }
}

impl Secure for AsyncStd {
    type Secured = Secured;

    async fn secure(address: &str, config: Arc<ClientConfig>) -> io::Result<Secured> {
        secure(address, config).await
    }
}

type Secured = StreamTransport<TlsStream<TcpStream>>;

async fn secure(address: &str, config: Arc<ClientConfig>) -> io::Result<Secured> {
    let stream = TcpStream::connect(address).await?;
    let name = "localhost".try_into().unwrap();
    let stream = TlsConnector::from(config).connect(name, stream).await?;
    Ok(StreamTransport::new(stream))
}

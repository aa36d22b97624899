//! The client does what every client does, on both kinds of tokio's runtime.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they use.
#![allow(clippy::unwrap_used)]

use std::io;
use std::path::Path;
use std::sync::Arc;

use conformance::Adapter;
use conformance::tls::Secure;
use qmp_tokio::{Builder, Listener, StreamTransport, Tokio};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

conformance::tests!(asynchronous tokio_current_thread, crate::CurrentThread);
conformance::tests!(asynchronous tokio_multi_thread, crate::MultiThread);

struct CurrentThread;

impl Adapter for CurrentThread {
    type Builder = Builder<Tokio>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_current_thread();
        builder.enable_all().build().unwrap().block_on(scenario)
    }
}

impl Secure for CurrentThread {
    type Secured = Secured;

    async fn secure(address: &str, config: Arc<ClientConfig>) -> io::Result<Secured> {
        secure(address, config).await
    }
}

struct MultiThread;

impl Adapter for MultiThread {
    type Builder = Builder<Tokio>;

    fn listen(path: &Path) -> Listener {
        conformance::ready(Listener::bind(path)).unwrap()
    }

    fn block_on<T>(scenario: impl Future<Output = T>) -> T {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(3).enable_all().build().unwrap().block_on(scenario)
    }
}

impl Secure for MultiThread {
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

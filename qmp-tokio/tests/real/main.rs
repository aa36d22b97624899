//! The client against real servers, on both kinds of tokio's runtime.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[path = "../../../conformance/mod.rs"]
mod conformance;

use std::io;
use std::sync::Arc;

use conformance::on_every_qemu;
use conformance::scenarios::Bind;
use conformance::tls::Secure;
use qmp_tokio::{StreamTransport, Tokio};
use rustls::ClientConfig;
use tokio::net::TcpStream;
use tokio::runtime::Builder;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

fn one_thread<T>(future: impl Future<Output = T>) -> T {
    Builder::new_current_thread().enable_all().build().unwrap().block_on(future)
}

fn many_threads<T>(future: impl Future<Output = T>) -> T {
    let mut builder = Builder::new_multi_thread();
    builder.worker_threads(3).enable_all().build().unwrap().block_on(future)
}

impl Bind for qmp_tokio::Listener {
    fn bind(path: &std::path::Path) -> Self {
        Self::bind(path).unwrap()
    }
}

impl Secure for Tokio {
    type Secured = StreamTransport<TlsStream<TcpStream>>;

    async fn secure(address: &str, config: Arc<ClientConfig>) -> io::Result<Self::Secured> {
        let stream = TcpStream::connect(address).await?;
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(StreamTransport::new(stream))
    }
}

on_every_qemu!(current_thread, qmp_tokio::Tokio, crate::one_thread);
on_every_qemu!(multi_thread, qmp_tokio::Tokio, crate::many_threads);

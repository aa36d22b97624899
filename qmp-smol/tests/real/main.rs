//! The client against real servers: on smol, on async-std, and where there is no runtime at all.

#![cfg(unix)]
// clippy.toml allows it in tests, but not in what they share.
#![allow(clippy::unwrap_used)]

#[path = "../../../conformance/mod.rs"]
mod conformance;

use std::io;
use std::sync::Arc;

use ::smol::net::TcpStream;
use conformance::on_every_qemu;
use conformance::scenarios::Bind;
use conformance::tls::Secure;
use futures_rustls::TlsConnector;
use futures_rustls::client::TlsStream;
use qmp_smol::{Smol, StreamTransport};
use rustls::ClientConfig;

impl Bind for qmp_smol::Listener {
    fn bind(path: &std::path::Path) -> Self {
        Self::bind(path).unwrap()
    }
}

impl Secure for Smol {
    type Secured = StreamTransport<TlsStream<TcpStream>>;

    async fn secure(address: &str, config: Arc<ClientConfig>) -> io::Result<Self::Secured> {
        let stream = TcpStream::connect(address).await?;
        let name = "localhost".try_into().unwrap();
        let stream = TlsConnector::from(config).connect(name, stream).await?;
        Ok(StreamTransport::new(stream))
    }
}

on_every_qemu!(smol, qmp_smol::Smol, smol::block_on);
on_every_qemu!(async_std, qmp_smol::Smol, async_std::task::block_on);

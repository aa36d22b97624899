//! Connects to a monitor over TLS. The certificate of the server is verified, and the server
//! verifies the client's. Without that (`verify-peer=no`), anyone who can reach the port has full
//! control over QEMU.
//!
//! ```text
//! qemu-system-x86_64 -object tls-creds-x509,id=tls0,endpoint=server,dir=/etc/pki/qemu,verify-peer=yes \
//!     -chardev socket,id=qmp,host=0.0.0.0,port=4444,server=on,wait=off,tls-creds=tls0 \
//!     -mon chardev=qmp,mode=control
//! cargo run -p qmp-tokio --example tls -- vm.example.org:4444 ca.pem client-cert.pem client-key.pem
//! ```

use std::error::Error;
use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use qmp_tokio::StreamTransport;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

/// A server that is serving another client accepts the connection and then sends nothing.
const DEADLINE: Duration = Duration::from_secs(10);

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let (address, authority, own) = match &arguments[..] {
        [address, authority] => (address, authority, None),
        [address, authority, certificate, key] => (address, authority, Some((certificate, key))),
        _ => {
            eprintln!("usage: tls HOST:PORT CA-FILE [CERTIFICATE-FILE KEY-FILE]");
            return ExitCode::from(2);
        }
    };
    match run(address, authority, own).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("tls: {address}: {error}");
            ExitCode::FAILURE
        }
    }
}

async fn run(
    address: &str,
    authority: &str,
    own: Option<(&String, &String)>,
) -> Result<(), Box<dyn Error>> {
    let config = config(authority, own)?;
    let stream = timeout(DEADLINE, secure(address, config)).await.map_err(|_| {
        format!("no TLS session in {DEADLINE:?}; does the server serve another client?")
    })??;
    let peer = format!("{address}, over TLS");
    let qemu = qmp_tokio::builder().connect_over(StreamTransport::new(stream), &peer).await?;
    println!("QEMU {}", qemu.version().unwrap_or_default());
    let status: serde_json::Value = qemu.execute("query-status").await?.decode()?;
    println!("{}", status["status"]);
    // Closes the TLS session, so that the server can distinguish it from a lost connection.
    qemu.close().await?;
    Ok(())
}

async fn secure(
    address: &str,
    config: ClientConfig,
) -> Result<TlsStream<TcpStream>, Box<dyn Error>> {
    let (host, _port) = address.rsplit_once(':').ok_or("an address is HOST:PORT")?;
    let name = ServerName::try_from(host.trim_matches(['[', ']']).to_owned())?;
    let stream = TcpStream::connect(address).await?;
    // Commands and replies are small and must be sent without delay.
    stream.set_nodelay(true)?;
    Ok(TlsConnector::from(Arc::new(config)).connect(name, stream).await?)
}

fn config(
    authority: &str,
    own: Option<(&String, &String)>,
) -> Result<ClientConfig, Box<dyn Error>> {
    let mut authorities = RootCertStore::empty();
    authorities.add(CertificateDer::from_pem_file(authority)?)?;
    let config = ClientConfig::builder().with_root_certificates(authorities);
    Ok(match own {
        None => config.with_no_client_auth(),
        Some((certificate, key)) => {
            let chain = CertificateDer::pem_file_iter(certificate)?.collect::<Result<_, _>>()?;
            config.with_client_auth_cert(chain, PrivateKeyDer::from_pem_file(key)?)?
        }
    })
}

//! A monitor over TCP and TLS, with rustls.

mod byte_by_byte;
mod certificates;
mod relay;

use std::future::Future;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use qmp_driver::{Client, Error, Transport};
use qmp_types::QueryChardev;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::{ClientConfig, RootCertStore};

use crate::scenarios::Shared;
use crate::server::{PLENTY, Server, Suite, folder};
use byte_by_byte::ByteByByte;

pub use certificates::Authority;
pub use relay::{ALERT, Relay};

/// An adapter with TLS.
pub trait Secure: Shared {
    /// A stream over TLS.
    type Secured: Transport;

    /// Connects over TLS to the server called `localhost` at an address.
    fn secure(
        address: &str,
        config: Arc<ClientConfig>,
    ) -> impl Future<Output = io::Result<Self::Secured>>;
}

/// QEMU with a monitor over TLS.
#[derive(Debug)]
pub struct Secured {
    /// Also listens on the socket `qmp`, without TLS.
    pub server: Server,
    /// The address it listens on, such as `127.0.0.1:39123`.
    pub address: String,
    /// The authority that signed its certificate.
    pub authority: Authority,
    /// Whether it reads only one byte of a record and leaves the others until the next record.
    reads_bytes: bool,
}

/// The handshake that failed.
#[derive(Debug)]
pub enum NotOpen {
    /// The TLS handshake.
    Session(io::Error),
    /// The QMP handshake.
    Handshake(Error),
}

impl Secured {
    /// Starts the server, optionally requiring a client certificate.
    pub async fn start<A: Shared>(suite: &Suite, verify_peer: bool) -> Self {
        let (folder, authority) = (folder(), Authority::new("ours"));
        authority.write_server(folder.path());
        let verify_peer = if verify_peer { "yes" } else { "no" };
        let credentials =
            format!("tls-creds-x509,id=tls,endpoint=server,dir={{}},verify-peer={verify_peer}");
        let socket = "socket,id=c,host=127.0.0.1,port=0,server=on,wait=off,tls-creds=tls";
        let plain = ["-qmp", "unix:{}/qmp,server=on,wait=off", "-object", &credentials];
        let tls = ["-chardev", socket, "-mon", "chardev=c,mode=control"];
        let mut server = suite.qemu_in(folder, &[plain, tls].concat());
        let qemu = server.connect(A::builder).await;
        let chardevs = qemu.call(&QueryChardev::new()).await.unwrap();
        // As in `disconnected:tcp:127.0.0.1:39123,server=on`.
        let mut names = chardevs.iter().map(|chardev| chardev.filename.as_str());
        let address = names.find_map(|name| name.strip_prefix("disconnected:tcp:")).unwrap();
        let (address, _) = address.split_once(',').unwrap();
        Self { server, address: address.to_owned(), authority, reads_bytes: suite.is_old() }
    }

    /// Returns the folder with the authority's certificate.
    pub fn here(&self) -> PathBuf {
        self.server.path("")
    }

    /// Returns a client that trusts the server.
    pub async fn connect<A: Secure>(&self) -> Client {
        self.open::<A>(&self.address, &self.here(), None).await.unwrap()
    }

    /// Returns a client that trusts the authority in one folder and presents the certificate in
    /// another.
    pub async fn open<A: Secure>(
        &self,
        address: &str,
        trusted: &Path,
        own: Option<&Path>,
    ) -> Result<Client, NotOpen> {
        let config = Arc::new(config(trusted, own));
        let transport = A::secure(address, config).await.map_err(NotOpen::Session)?;
        let (builder, peer) = (A::builder().handshake_timeout(PLENTY), "localhost over TLS");
        let client = match self.reads_bytes {
            true => builder.connect_over(ByteByByte(transport), peer).await,
            false => builder.connect_over(transport, peer).await,
        };
        client.map_err(NotOpen::Handshake)
    }
}

fn config(trusted: &Path, own: Option<&Path>) -> ClientConfig {
    let mut authorities = RootCertStore::empty();
    let authority = CertificateDer::from_pem_file(trusted.join("ca-cert.pem")).unwrap();
    authorities.add(authority).unwrap();
    let config = ClientConfig::builder().with_root_certificates(authorities);
    match own {
        None => config.with_no_client_auth(),
        Some(own) => {
            let chain = vec![CertificateDer::from_pem_file(own.join("client-cert.pem")).unwrap()];
            let key = PrivateKeyDer::from_pem_file(own.join("client-key.pem")).unwrap();
            config.with_client_auth_cert(chain, key).unwrap()
        }
    }
}

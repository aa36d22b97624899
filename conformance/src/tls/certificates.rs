//! Certificates for TLS, created for each test.

use std::fs;
use std::path::Path;

use rcgen::{
    BasicConstraints, CertificateParams, CertifiedIssuer, DnType, ExtendedKeyUsagePurpose, IsCa,
    KeyPair, KeyUsagePurpose,
};

/// A certificate authority.
#[derive(Debug)]
pub struct Authority(CertifiedIssuer<'static, KeyPair>);

impl Authority {
    /// Creates one with a new key.
    pub fn new(name: &str) -> Self {
        let mut params = CertificateParams::default();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
        Self(CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap())
    }

    /// Writes the files that QEMU's `tls-creds-x509` reads from a folder: `ca-cert.pem`, and the
    /// certificate and key of a server called `localhost`.
    pub fn write_server(&self, folder: &Path) {
        self.write_own(folder);
        self.issue(folder, "server", ExtendedKeyUsagePurpose::ServerAuth);
    }

    /// Writes `client-cert.pem` and `client-key.pem`.
    pub fn write_client(&self, folder: &Path) {
        self.issue(folder, "client", ExtendedKeyUsagePurpose::ClientAuth);
    }

    /// Writes `ca-cert.pem`.
    pub fn write_own(&self, folder: &Path) {
        fs::write(folder.join("ca-cert.pem"), self.0.pem()).unwrap();
    }

    fn issue(&self, folder: &Path, name: &str, purpose: ExtendedKeyUsagePurpose) {
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        // The second usage is for RSA key exchange; QEMU before 6 required it for all keys.
        params.key_usages =
            vec![KeyUsagePurpose::DigitalSignature, KeyUsagePurpose::KeyEncipherment];
        params.extended_key_usages = vec![purpose];
        let key = KeyPair::generate().unwrap();
        let certificate = params.signed_by(&key, &self.0).unwrap();
        fs::write(folder.join(format!("{name}-cert.pem")), certificate.pem()).unwrap();
        fs::write(folder.join(format!("{name}-key.pem")), key.serialize_pem()).unwrap();
    }
}

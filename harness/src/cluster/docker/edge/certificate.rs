//! The certificate of a cluster's edge: made at each start, for `localhost`, signed by itself. Its clients trust it and no other.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use rcgen::{CertificateParams, DnType, KeyPair, SanType};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::CertificateDer;
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

/// Length of a line of PEM.
const LINE_CHARS: usize = 64;
/// The name that the certificate is for.
pub(super) const HOST: &str = "localhost";

/// A certificate and its key.
#[derive(Debug, Clone)]
pub(super) struct Certificate {
    /// The certificate, PEM.
    pub(super) pem: String,
    /// The certificate's key, PEM.
    pub(super) key_pem: String,
    der: CertificateDer<'static>,
}

impl Certificate {
    /// Makes one. The error is a phrase.
    pub(super) fn make() -> Result<Self, String> {
        let named = CertificateParams::new(vec![HOST.to_owned()]);
        let mut params = named.map_err(|error| error.to_string())?;
        params
            .subject_alt_names
            .push(SanType::IpAddress(IpAddr::V4(Ipv4Addr::LOCALHOST)));
        params.distinguished_name.push(DnType::CommonName, "crosspod's edge");
        let key = KeyPair::generate().map_err(|error| error.to_string())?;
        let made = params.self_signed(&key).map_err(|error| error.to_string())?;
        Ok(Self {
            pem: pem("CERTIFICATE", made.der()),
            key_pem: pem("PRIVATE KEY", key.serialized_der()),
            der: made.der().clone(),
        })
    }

    /// TLS for a client that trusts this certificate alone. The error is a phrase.
    pub(super) fn trusted(&self) -> Result<TlsConnector, String> {
        let mut roots = RootCertStore::empty();
        roots.add(self.der.clone()).map_err(|error| error.to_string())?;
        let config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config
            .with_safe_default_protocol_versions()
            .map_err(|error| error.to_string())?;
        Ok(TlsConnector::from(Arc::new(
            config.with_root_certificates(roots).with_no_client_auth(),
        )))
    }
}

/// Writes bytes as PEM.
fn pem(label: &str, bytes: &[u8]) -> String {
    let text: Vec<char> = BASE64_STANDARD.encode(bytes).chars().collect();
    let lines: Vec<String> = text.chunks(LINE_CHARS).map(|line| line.iter().collect()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use tokio_rustls::rustls::pki_types::PrivateKeyDer;
    use tokio_rustls::rustls::pki_types::pem::PemObject as _;

    use super::*;

    #[test]
    fn each_certificate_is_another_one_and_can_be_trusted() {
        let (one, other) = (Certificate::make().expect("made"), Certificate::make().expect("made"));
        assert_ne!((&one.pem, &one.key_pem), (&other.pem, &other.key_pem));
        let read = CertificateDer::from_pem_slice(one.pem.as_bytes());
        assert_eq!(read.expect("PEM"), one.der);
        assert!(PrivateKeyDer::from_pem_slice(one.key_pem.as_bytes()).is_ok());
        assert!(one.pem.lines().all(|line| line.len() <= LINE_CHARS), "{}", one.pem);
        assert!(one.trusted().is_ok());
    }
}

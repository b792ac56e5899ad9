//! Certificates: whom to trust, and who we are.
//!
//! Files are read and checked when the transport is made, so that a wrong one is an error there. What is built of them, and the roots that are
//! built in, is set up by the first connection, on a worker.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use rustls::RootCertStore;
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::sign::CertifiedKey;
use ureq::config::ConfigBuilder;
use ureq::tls::{Certificate, ClientCert, PemItem, PrivateKey, RootCerts, TlsConfig, parse_pem};
use ureq::typestate::AgentScope;

use super::error::HttpError;
use super::options::HttpOptions;

/// What the program has given.
#[derive(Debug, Default)]
pub(crate) struct Tls {
    roots: Option<Vec<Certificate<'static>>>,
    client: Option<ClientCert>,
}

impl Tls {
    pub(super) fn read(options: &HttpOptions) -> Result<Self, HttpError> {
        let roots = options.ca_certs.as_deref().map(roots).transpose()?;
        let client =
            options.client_cert.as_ref().map(|(certificate, key)| client(certificate, key)).transpose()?;
        Ok(Tls { roots, client })
    }

    pub(super) fn configure(&self, config: ConfigBuilder<AgentScope>) -> ConfigBuilder<AgentScope> {
        let mut tls = TlsConfig::builder().client_cert(self.client.clone());
        if let Some(roots) = &self.roots {
            tls = tls.root_certs(RootCerts::Specific(Arc::new(roots.clone())));
        }
        config.tls_config(tls.build())
    }
}

fn roots(file: &Path) -> Result<Vec<Certificate<'static>>, HttpError> {
    let (roots, _) = read(file)?;
    // A bundle of a system may have some that nobody understands.
    let (usable, _) = RootCertStore::empty()
        .add_parsable_certificates(roots.iter().map(|root| CertificateDer::from(root.der())));
    if usable == 0 { Err(unusable(file, "there is no certificate in it".into())) } else { Ok(roots) }
}

fn client(certificate: &Path, key: &Path) -> Result<ClientCert, HttpError> {
    let (chain, _) = read(certificate)?;
    if chain.is_empty() {
        return Err(unusable(certificate, "there is no certificate in it".into()));
    }
    let (_, found) = read(key)?;
    let found = found.ok_or_else(|| unusable(key, "there is no private key in it".into()))?;
    let der = PrivateKeyDer::try_from(found.der()).map_err(|error| unusable(key, error.into()))?;
    let certificates = chain.iter().map(|certificate| CertificateDer::from(certificate.der()).into_owned());
    CertifiedKey::from_der(certificates.collect(), der.clone_key(), &ring::default_provider())
        .map_err(|error| unusable(key, error.to_string()))?;
    Ok(ClientCert::new_with_certs(&chain, found))
}

/// The certificates and the first key of a file.
fn read(file: &Path) -> Result<(Vec<Certificate<'static>>, Option<PrivateKey<'static>>), HttpError> {
    let text = fs::read(file).map_err(|error| unusable(file, error.to_string()))?;
    let (mut certificates, mut key) = (Vec::new(), None);
    for item in parse_pem(&text) {
        match item.map_err(|error| unusable(file, error.to_string()))? {
            PemItem::Certificate(certificate) => certificates.push(certificate),
            PemItem::PrivateKey(found) => key = key.or(Some(found)),
            _ => {}
        }
    }
    Ok((certificates, key))
}

fn unusable(file: &Path, reason: String) -> HttpError {
    HttpError::Certificate { file: file.to_owned(), reason }
}

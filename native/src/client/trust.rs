//! Which authorities a client trusts to name a server.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustls::crypto::ring;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::{self, PemObject};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;

/// Which authorities a client trusts to name a server.
#[derive(Clone, Debug, Default)]
pub enum Trust {
    /// Those that the operating system trusts.
    #[default]
    Platform,
    /// These alone, such as a company's own.
    Only(Vec<CertificateDer<'static>>),
}

/// Why certificates can't be trusted.
#[derive(Debug, thiserror::Error)]
pub enum TrustError {
    /// A file can't be read.
    #[error("can't read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no certificate in PEM form.
    #[error("{} holds no certificate in PEM form", path.display())]
    NoCertificate {
        /// Which file.
        path: PathBuf,
    },
    /// The certificates, or the operating system's, can't be used.
    #[error("no authority can be trusted: {0}")]
    Unusable(#[from] rustls::Error),
}

impl Trust {
    /// Trust in the authorities of a PEM file alone.
    ///
    /// # Errors
    /// A [`TrustError`] that names the file.
    pub fn only_file(path: &Path) -> Result<Self, TrustError> {
        let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>);
        match certificates {
            Ok(certificates) if !certificates.is_empty() => Ok(Self::Only(certificates)),
            Err(pem::Error::Io(source)) => Err(TrustError::Unreadable { path: path.to_owned(), source }),
            Ok(_) | Err(_) => Err(TrustError::NoCertificate { path: path.to_owned() }),
        }
    }

    /// What rustls needs to know to trust so.
    ///
    /// # Errors
    /// [`TrustError::Unusable`], such as on a machine that has no list of authorities.
    pub fn client_config(&self) -> Result<ClientConfig, TrustError> {
        let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()?;
        let builder = match self {
            Self::Platform => builder.with_platform_verifier()?,
            Self::Only(certificates) => {
                let mut roots = RootCertStore::empty();
                for certificate in certificates {
                    roots.add(certificate.clone())?;
                }
                builder.with_root_certificates(roots)
            }
        };
        let mut config = builder.with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(config)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_without_certificates_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("ca.pem");
        assert!(matches!(Trust::only_file(&path), Err(TrustError::Unreadable { .. })));
        std::fs::write(&path, "no PEM").unwrap();
        assert!(matches!(Trust::only_file(&path), Err(TrustError::NoCertificate { .. })));

        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        std::fs::write(&path, made.cert.pem()).unwrap();
        assert!(Trust::only_file(&path).unwrap().client_config().is_ok());
    }
}

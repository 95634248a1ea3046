//! TLS by rustls from PEM files, which may be replaced while the server runs.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use rustls::ServerConfig;
use rustls::crypto::ring;
use rustls::pki_types::pem::{self, PemObject};
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::net::TcpStream;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::server::TlsStream;

/// How a server speaks TLS: by a certificate and a key as last read from their files, or by a whole configuration.
#[derive(Debug)]
pub struct Tls {
    /// The certificate and its key; none if both were given otherwise.
    files: Option<(PathBuf, PathBuf)>,
    handshake_timeout: Duration,
    current: RwLock<Arc<ServerConfig>>,
}

/// Why a certificate and its key can't be used.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file can't be read.
    #[error("can't read {}: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file holds no PEM block of the kind that is needed.
    #[error("{} holds no {wanted} in PEM form", path.display())]
    Missing {
        /// Which file.
        path: PathBuf,
        /// What it should hold.
        wanted: &'static str,
    },
    /// A file is no PEM.
    #[error("{} is no PEM file: {problem}", path.display())]
    BadPem {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        problem: String,
    },
    /// The key does not fit the certificate, or one of them is of a kind that can't be used.
    #[error("{} and {} can't be used together: {source}", certificate.display(), key.display())]
    Unusable {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

impl Tls {
    /// Reads a certificate chain and its key.
    ///
    /// # Errors
    /// A [`TlsError`] that names the file.
    pub fn open(certificate: &Path, key: &Path, handshake_timeout: Duration) -> Result<Self, TlsError> {
        let current = RwLock::new(read(certificate, key)?);
        Ok(Self { files: Some((certificate.to_owned(), key.to_owned())), handshake_timeout, current })
    }

    /// TLS by this configuration.
    pub fn from_config(config: Arc<ServerConfig>, handshake_timeout: Duration) -> Self {
        Self { files: None, handshake_timeout, current: RwLock::new(config) }
    }

    /// Reads both files again, for the connections to come. Nothing to do where there are none.
    ///
    /// # Errors
    /// A [`TlsError`]; what was in use stays in use.
    pub fn reload(&self) -> Result<(), TlsError> {
        let Some((certificate, key)) = &self.files else { return Ok(()) };
        let new = read(certificate, key)?;
        *self.current.write().unwrap_or_else(PoisonError::into_inner) = new;
        Ok(())
    }

    /// The handshake on a new connection, within its time limit.
    ///
    /// # Errors
    /// Those of the socket, of the protocol, and `TimedOut`.
    pub async fn accept(&self, stream: TcpStream) -> io::Result<TlsStream<TcpStream>> {
        let current = Arc::clone(&self.current.read().unwrap_or_else(PoisonError::into_inner));
        match tokio::time::timeout(self.handshake_timeout, TlsAcceptor::from(current).accept(stream)).await {
            Ok(accepted) => accepted,
            Err(_) => Err(io::Error::new(io::ErrorKind::TimedOut, "the handshake took too long")),
        }
    }
}

fn read(certificate: &Path, key: &Path) -> Result<Arc<ServerConfig>, TlsError> {
    let chain = CertificateDer::pem_file_iter(certificate)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| bad_pem(certificate, "certificate", error))?;
    if chain.is_empty() {
        return Err(TlsError::Missing { path: certificate.to_owned(), wanted: "certificate" });
    }
    let secret = PrivateKeyDer::from_pem_file(key).map_err(|error| bad_pem(key, "private key", error))?;

    let unusable = |source| TlsError::Unusable { certificate: certificate.to_owned(), key: key.to_owned(), source };
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .map_err(unusable)?
        .with_no_client_auth()
        .with_single_cert(chain, secret)
        .map_err(unusable)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

fn bad_pem(path: &Path, wanted: &'static str, error: pem::Error) -> TlsError {
    let path = path.to_owned();
    match error {
        pem::Error::Io(source) => TlsError::Unreadable { path, source },
        pem::Error::NoItemsFound => TlsError::Missing { path, wanted },
        other => TlsError::BadPem { path, problem: other.to_string() },
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rustls::pki_types::ServerName;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsConnector;

    use super::*;

    struct Files {
        folder: tempfile::TempDir,
    }

    impl Files {
        fn new() -> Self {
            let files = Self { folder: tempfile::tempdir().unwrap() };
            files.renew();
            files
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().join(name)
        }

        /// Writes a new certificate and key, and answers the certificate.
        fn renew(&self) -> CertificateDer<'static> {
            let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
            fs::write(self.path("cert.pem"), made.cert.pem()).unwrap();
            fs::write(self.path("key.pem"), made.signing_key.serialize_pem()).unwrap();
            made.cert.der().clone()
        }

        fn open(&self) -> Result<Tls, TlsError> {
            Tls::open(&self.path("cert.pem"), &self.path("key.pem"), Duration::from_millis(500))
        }
    }

    /// Shakes hands with a client that trusts only `trusted`; answers the protocol that they agreed on.
    async fn shake(tls: &Tls, trusted: CertificateDer<'static>) -> io::Result<Option<Vec<u8>>> {
        let mut roots = RootCertStore::empty();
        roots.add(trusted).unwrap();
        let mut config = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        let connector = TlsConnector::from(Arc::new(config));
        let name = ServerName::try_from("localhost").unwrap();
        let (server, client) = tokio::join!(tls.accept(accepted), connector.connect(name, stream));
        client?;
        Ok(server?.get_ref().1.alpn_protocol().map(<[u8]>::to_vec))
    }

    #[tokio::test]
    async fn new_files_are_taken_and_bad_ones_are_not() {
        let files = Files::new();
        let first = files.renew();
        let tls = files.open().unwrap();
        assert_eq!(shake(&tls, first.clone()).await.unwrap().as_deref(), Some(b"http/1.1".as_slice()));

        let second = files.renew();
        tls.reload().unwrap();
        assert!(shake(&tls, first).await.is_err());
        assert!(shake(&tls, second.clone()).await.is_ok());

        fs::write(files.path("cert.pem"), "nothing").unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::Missing { .. })));
        assert!(shake(&tls, second).await.is_ok());
    }

    #[tokio::test]
    async fn what_is_wrong_with_the_files_is_said() {
        let files = Files::new();
        let swapped = Tls::open(&files.path("key.pem"), &files.path("cert.pem"), Duration::from_secs(1)).unwrap_err();
        assert!(swapped.to_string().ends_with("key.pem holds no certificate in PEM form"), "{swapped}");

        let old_key = fs::read(files.path("key.pem")).unwrap();
        files.renew();
        fs::write(files.path("key.pem"), old_key).unwrap();
        assert!(matches!(files.open(), Err(TlsError::Unusable { .. })));

        fs::remove_file(files.path("key.pem")).unwrap();
        assert!(matches!(files.open(), Err(TlsError::Unreadable { .. })));
    }

    #[tokio::test]
    async fn a_silent_client_is_not_waited_for() {
        let tls = Files::new().open().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let _silent = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let (accepted, _) = listener.accept().await.unwrap();
        assert_eq!(tls.accept(accepted).await.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }
}

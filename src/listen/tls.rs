//! TLS at our own ports: a certificate and its key, from files that may change while we run.
//!
//! What is wrong at the start stops it; what is wrong later is logged, and the pair that was good goes on.

use std::convert::Infallible;
use std::path::{Path, PathBuf};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use der::asn1::{AnyRef, GeneralizedTime, UtcTime};
use der::{Decode as _, Reader as _, SliceReader, Tag, Tagged as _};
use sha2::{Digest as _, Sha256};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::pem::{self, PemObject as _};
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio_rustls::rustls::server::{ClientHello, ResolvesServerCert};
use tokio_rustls::rustls::sign::CertifiedKey;
use tokio_rustls::rustls::{self, ServerConfig};

use super::network::Network;
use crate::secrets::{Holds, SecretFile, open};
use crate::types::{SafeText, UnixMillis};

/// A chain of certificates is shorter, a key too.
const LONGEST: u64 = 256 << 10;
/// How often the files are looked at.
const EVERY: Duration = Duration::from_secs(30);
/// How long before the end somebody is told, each day.
const SOON: Duration = Duration::from_secs(14 * DAY);
const DAY: u64 = 24 * 60 * 60;

/// Where the pair is, and who may go without.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsFiles {
    /// PEM: the certificate, then those up to the authority.
    pub certificate: PathBuf,
    /// PEM: the private key (PKCS #8, PKCS #1 or SEC 1).
    pub key: PathBuf,
    /// Who may speak plain HTTP at the same port, besides this machine and trusted proxies.
    pub plain_http: Vec<Network>,
}

/// The pair cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TlsError {
    /// The certificate's file.
    #[error("the certificate {} {problem}", .path.display())]
    Certificate {
        path: PathBuf,
        /// In words that follow its name.
        problem: SafeText,
    },
    /// The key's file; nothing of what it holds is repeated.
    #[error("the certificate's key {} {problem}", .path.display())]
    Key {
        path: PathBuf,
        /// In words that follow its name.
        problem: SafeText,
    },
    /// Each is usable, but they are no pair.
    #[error("the key {} is not that of the certificate {}", .key.display(), .certificate.display())]
    OtherKey {
        /// The certificate's file.
        certificate: PathBuf,
        /// The key's file.
        key: PathBuf,
    },
}

/// A pair that is good now.
#[derive(Debug, Clone)]
struct Pair {
    certified: Arc<CertifiedKey>,
    until: UnixMillis,
    /// SHA-256 of both files.
    digest: [u8; 32],
    /// What is wrong with the key file's owner or mode.
    warning: Option<String>,
}

/// Speaks TLS with a pair that can be exchanged.
pub struct Tls {
    files: TlsFiles,
    acceptor: TlsAcceptor,
    current: Arc<Current>,
}

/// The pair of the next handshake.
#[derive(Debug)]
struct Current(RwLock<Pair>);

impl Current {
    fn get(&self) -> Pair {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

impl ResolvesServerCert for Current {
    fn resolve(&self, _: ClientHello<'_>) -> Option<Arc<CertifiedKey>> {
        Some(self.get().certified)
    }
}

impl std::fmt::Debug for Tls {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("Tls").field(&self.files).finish()
    }
}

impl Tls {
    /// Reads the pair.
    ///
    /// # Errors
    /// See [`TlsError`]: a file is missing, unreadable or no PEM, the certificate is not valid now, or the key is another's.
    pub fn open(files: &TlsFiles) -> Result<Arc<Self>, TlsError> {
        let pair = read(files, UnixMillis::now())?;
        say(pair.warning.as_deref());
        let current = Arc::new(Current(RwLock::new(pair)));
        let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
            .with_safe_default_protocol_versions();
        let config = config.map_err(|error| of_certificate(files, &error.to_string()))?;
        let mut config = config
            .with_no_client_auth()
            .with_cert_resolver(Arc::clone(&current) as Arc<dyn ResolvesServerCert>);
        config.alpn_protocols = vec![b"http/1.1".to_vec()];
        Ok(Arc::new(Self {
            files: files.clone(),
            acceptor: TlsAcceptor::from(Arc::new(config)),
            current,
        }))
    }

    /// Until when the certificate is good.
    #[must_use]
    pub fn until(&self) -> UnixMillis {
        self.current.get().until
    }

    /// Reads the files again; connections that stand keep what they have.
    ///
    /// # Errors
    /// See [`TlsError`]: the pair stays as it was.
    pub fn reload(&self) -> Result<(), TlsError> {
        let pair = read(&self.files, UnixMillis::now())?;
        say(self.news(&pair));
        let mut current = self.current.0.write().unwrap_or_else(PoisonError::into_inner);
        current.warning.clone_from(&pair.warning);
        if current.digest != pair.digest {
            let (file, until) = (self.files.certificate.display(), pair.until.to_utc());
            tracing::info!(target: "listen", %file, until, "a new certificate");
            *current = pair;
        }
        Ok(())
    }

    /// What is to be said about the key file that was not said of it before.
    fn news<'a>(&self, pair: &'a Pair) -> Option<&'a str> {
        let warning = pair.warning.as_deref();
        warning.filter(|warning| self.current.get().warning.as_deref() != Some(*warning))
    }

    pub(super) fn acceptor(&self) -> &TlsAcceptor {
        &self.acceptor
    }

    pub(super) fn may_be_plain(&self, peer: std::net::IpAddr) -> bool {
        self.files.plain_http.iter().any(|range| range.contains(peer))
    }

    /// Takes up what changes in the files, for ever, and says when the end is near.
    pub(super) async fn keep_fresh(self: Arc<Self>) -> Infallible {
        let mut refused: Option<TlsError> = None;
        let mut told: Option<u64> = None;
        loop {
            let tls = Arc::clone(&self);
            let read = tokio::task::spawn_blocking(move || tls.reload()).await;
            match read {
                Ok(Err(error)) if refused.as_ref() != Some(&error) => {
                    tracing::error!(target: "listen", %error, "the certificate that was good before goes on");
                    refused = Some(error);
                }
                Ok(Ok(())) => refused = None,
                _ => {}
            }
            let (now, until) = (UnixMillis::now(), self.until());
            let day = now.0 / (DAY * 1000);
            if now.plus(SOON) >= until && told != Some(day) {
                told = Some(day);
                let (file, until) = (self.files.certificate.display(), until.to_utc());
                tracing::warn!(target: "listen", %file, until, "THE CERTIFICATE ENDS SOON: renew it");
            }
            tokio::time::sleep(EVERY).await;
        }
    }
}

fn say(warning: Option<&str>) {
    if let Some(warning) = warning {
        tracing::warn!(target: "listen", "{warning}");
    }
}

fn of_certificate(files: &TlsFiles, problem: &str) -> TlsError {
    TlsError::Certificate {
        path: files.certificate.clone(),
        problem: SafeText::new(problem),
    }
}

fn of_key(files: &TlsFiles, problem: &str) -> TlsError {
    TlsError::Key {
        path: files.key.clone(),
        problem: SafeText::new(problem),
    }
}

fn read(files: &TlsFiles, now: UnixMillis) -> Result<Pair, TlsError> {
    let pem = certificate_file(&files.certificate);
    let pem = pem.map_err(|error| of_certificate(files, &format!("cannot be read: {error}")))?;
    let key = SecretFile::read(&files.key, LONGEST)
        .map_err(|error| of_key(files, &format!("cannot be read: {error}")))?;
    let warning = key.warning("the certificate's key", &files.key);
    let mut digest = Sha256::new();
    digest.update(Sha256::digest(&pem));
    digest.update(Sha256::digest(key.text.as_bytes()));
    let chain: Result<Vec<_>, _> = CertificateDer::pem_slice_iter(&pem).collect();
    let chain = chain.map_err(|error| of_certificate(files, &in_words(&error)))?;
    let Some(own) = chain.first() else {
        return Err(of_certificate(files, "holds no certificate (PEM)"));
    };
    let (from, until) =
        validity(own).map_err(|error| of_certificate(files, &format!("cannot be understood: {error}")))?;
    if now >= until {
        return Err(of_certificate(files, &format!("ended at {}", until.to_utc())));
    }
    if now < from {
        return Err(of_certificate(
            files,
            &format!("begins at {} only", from.to_utc()),
        ));
    }
    let key = PrivateKeyDer::from_pem_slice(key.text.as_bytes())
        .map_err(|error| of_key(files, &in_words(&error)))?;
    let certified = CertifiedKey::from_der(chain, key, &aws_lc_rs::default_provider());
    let certified = certified.map_err(|error| match error {
        rustls::Error::InconsistentKeys(_) => TlsError::OtherKey {
            certificate: files.certificate.clone(),
            key: files.key.clone(),
        },
        rustls::Error::InvalidCertificate(why) => {
            of_certificate(files, &format!("cannot be understood: {why}"))
        }
        other => of_key(files, &format!("cannot be used: {other}")),
    })?;
    Ok(Pair {
        certified: Arc::new(certified),
        until,
        digest: digest.finalize().into(),
        warning: warning.map(|warning| warning.to_string()),
    })
}

fn certificate_file(path: &Path) -> std::io::Result<Vec<u8>> {
    open(path, Holds::Trusted)?.bytes(LONGEST)
}

fn in_words(error: &pem::Error) -> String {
    match error {
        pem::Error::NoItemsFound => "holds no private key (PEM)".to_owned(),
        other => format!("is no PEM: {other}"),
    }
}

/// The first and the last moment of a certificate (RFC 5280, section 4.1).
fn validity(certificate: &CertificateDer<'_>) -> der::Result<(UnixMillis, UnixMillis)> {
    let outer = AnyRef::from_der(certificate.as_ref())?;
    let to_be_signed: AnyRef<'_> = SliceReader::new(outer.value())?.decode()?;
    let mut fields = SliceReader::new(to_be_signed.value())?;
    let mut field: AnyRef<'_> = fields.decode()?;
    if matches!(field.tag(), Tag::ContextSpecific { .. }) {
        // the version, which the oldest do not have
        field = fields.decode()?;
    }
    // behind the serial number: algorithm, issuer, and then the validity
    let _serial = field;
    let _algorithm: AnyRef<'_> = fields.decode()?;
    let _issuer: AnyRef<'_> = fields.decode()?;
    let validity: AnyRef<'_> = fields.decode()?;
    let mut ends = SliceReader::new(validity.value())?;
    Ok((moment(&mut ends)?, moment(&mut ends)?))
}

fn moment(reader: &mut SliceReader<'_>) -> der::Result<UnixMillis> {
    let since = match reader.peek_tag()? {
        Tag::UtcTime => reader.decode::<UtcTime>()?.to_unix_duration(),
        _ => reader.decode::<GeneralizedTime>()?.to_unix_duration(),
    };
    Ok(UnixMillis(since.as_secs().saturating_mul(1000)))
}

#[cfg(test)]
mod tests {
    use std::fs;

    use rcgen::{CertificateParams, KeyPair, date_time_ymd};
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::super::transport::{Opened, Transport};
    use super::*;

    /// A certificate that is its own authority, good in these years.
    fn pair(folder: &Path, name: &str, years: (i32, i32)) -> TlsFiles {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
        params.not_before = date_time_ymd(years.0, 1, 1);
        params.not_after = date_time_ymd(years.1, 1, 1);
        let files = TlsFiles {
            certificate: folder.join(format!("{name}.pem")),
            key: folder.join(format!("{name}.key")),
            plain_http: Vec::new(),
        };
        fs::write(&files.certificate, params.self_signed(&key).unwrap().pem()).unwrap();
        fs::write(&files.key, key.serialize_pem()).unwrap();
        files
    }

    const GOOD: (i32, i32) = (2000, 2096);

    #[test]
    fn what_is_wrong_names_the_file_and_what_is_right_tells_until_when() {
        let folder = tempfile::tempdir().unwrap();
        let good = pair(folder.path(), "good", GOOD);
        let until = Tls::open(&good).unwrap().until();
        assert_eq!(until.to_rfc3339(), "2096-01-01T00:00:00.000Z");

        let refused = |files: &TlsFiles| Tls::open(files).unwrap_err().to_string();
        let ended = refused(&pair(folder.path(), "ended", (2000, 2001)));
        assert!(ended.contains("ended.pem ended at 2001-01-01 "), "{ended}");
        let early = refused(&pair(folder.path(), "early", (2095, 2096)));
        assert!(early.contains("early.pem begins at 2095-01-01 "), "{early}");
        let other = pair(folder.path(), "other", GOOD);
        let mixed = refused(&TlsFiles {
            key: other.key.clone(),
            ..good.clone()
        });
        assert!(
            mixed.contains("other.key is not that of the certificate") && mixed.contains("good.pem"),
            "{mixed}"
        );
        let turned = TlsFiles {
            certificate: good.key.clone(),
            key: good.certificate.clone(),
            ..good.clone()
        };
        let turned = refused(&turned);
        assert!(turned.contains("good.key holds no certificate"), "{turned}");
        let no_key = refused(&TlsFiles {
            key: good.certificate.clone(),
            ..good.clone()
        });
        assert!(no_key.contains("good.pem holds no private key"), "{no_key}");
        for path in ["nowhere", ""] {
            let path = folder.path().join(path);
            let missing = refused(&TlsFiles {
                certificate: path.clone(),
                ..good.clone()
            });
            assert!(
                missing.contains("cannot be read") && missing.contains(path.to_str().unwrap()),
                "{missing}"
            );
            let missing = refused(&TlsFiles {
                key: path.clone(),
                ..good.clone()
            });
            assert!(
                missing.contains("cannot be read") && missing.contains(path.to_str().unwrap()),
                "{missing}"
            );
        }
    }

    #[test]
    fn no_bytes_of_a_certificate_panic() {
        let folder = tempfile::tempdir().unwrap();
        let good = pair(folder.path(), "good", GOOD);
        let der = CertificateDer::from_pem_slice(&fs::read(&good.certificate).unwrap()).unwrap();
        for end in 0..der.len() {
            let _ = validity(&CertificateDer::from_slice(&der[..end]));
            let mut changed = der.to_vec();
            changed[end] ^= 0xff;
            let _ = validity(&CertificateDer::from_slice(&changed));
        }
    }

    #[test]
    fn a_pair_that_changes_is_taken_up_and_a_bad_one_leaves_what_was() {
        let folder = tempfile::tempdir().unwrap();
        let files = pair(folder.path(), "mine", GOOD);
        let tls = Tls::open(&files).unwrap();
        let next = pair(folder.path(), "next", (2000, 2097));
        // as a renewal writes them: one after the other
        fs::copy(&next.certificate, &files.certificate).unwrap();
        assert!(matches!(tls.reload(), Err(TlsError::OtherKey { .. })));
        assert!(tls.until().to_rfc3339().starts_with("2096-"));
        fs::copy(&next.key, &files.key).unwrap();
        tls.reload().unwrap();
        assert!(tls.until().to_rfc3339().starts_with("2097-"));
    }

    #[test]
    fn a_key_file_that_others_read_is_told_of_once() {
        use std::os::unix::fs::PermissionsExt as _;
        let folder = tempfile::tempdir().unwrap();
        let files = pair(folder.path(), "mine", GOOD);
        let mode = |mode| fs::set_permissions(&files.key, fs::Permissions::from_mode(mode)).unwrap();
        mode(0o600);
        let tls = Tls::open(&files).unwrap();
        mode(0o644);
        let now = || read(&files, UnixMillis::now()).unwrap();
        assert!(tls.news(&now()).is_some());
        tls.reload().unwrap();
        assert_eq!(tls.news(&now()), None);
        mode(0o600);
        tls.reload().unwrap();
        mode(0o644);
        assert!(tls.news(&now()).is_some(), "it is another change");
    }

    async fn opened(said: &[u8], plain: bool) -> (std::io::Result<Opened>, String) {
        let folder = tempfile::tempdir().unwrap();
        let tls = Tls::open(&pair(folder.path(), "mine", GOOD)).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let mut client = tokio::net::TcpStream::connect(listener.local_addr().unwrap())
            .await
            .unwrap();
        client.write_all(said).await.unwrap();
        client.shutdown().await.unwrap();
        let mut transport = Transport::opening(listener.accept().await.unwrap().0, tls, plain);
        let done = loop {
            let done = std::future::poll_fn(|cx| transport.poll_open(cx)).await;
            if !matches!(done, Ok(Opened::Begun)) {
                break done;
            }
        };
        drop(transport);
        let mut answer = String::new();
        let _ = client.read_to_string(&mut answer).await;
        (done, answer)
    }

    #[tokio::test]
    async fn the_first_byte_tells_and_strangers_in_plain_text_are_told_to_use_https() {
        let request = b"GET /ping HTTP/1.1\r\n";
        assert!(matches!(opened(request, true).await, (Ok(Opened::Whole), _)));
        let (done, answer) = opened(request, false).await;
        assert!(done.is_err() && answer.contains("use https"), "{answer}");
        for broken in [
            &b"\x16\x03\x01\xff\xff"[..],
            b"\x16junk that is no handshake",
            b"",
        ] {
            assert!(opened(broken, true).await.0.is_err());
        }
    }
}

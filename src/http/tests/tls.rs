//! Whom the client trusts.

use std::path::Path;
use std::process::Command;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::aws_lc_rs;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::super::{HttpSetupError, ProxyRule};
use super::*;

/// A CA of our own, in PEM, and TLS with a certificate of it for these names.
pub(super) fn tls(names: &[&str]) -> (String, TlsAcceptor) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let key = KeyPair::generate().unwrap();
    let names: Vec<_> = names.iter().map(|name| (*name).to_owned()).collect();
    let leaf = CertificateParams::new(names)
        .unwrap()
        .signed_by(&key, &ca)
        .unwrap();
    let config = ServerConfig::builder_with_provider(aws_lc_rs::default_provider().into())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(
            vec![leaf.der().clone()],
            PrivateKeyDer::try_from(key.serialize_der()).unwrap(),
        )
        .unwrap();
    (ca.pem(), TlsAcceptor::from(Arc::new(config)))
}

/// A CA of our own, in PEM, and the URL of a server with a certificate of it.
async fn tls_server() -> (String, String) {
    let (ca, acceptor) = tls(&["localhost"]);
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let acceptor = acceptor.clone();
            tokio::spawn(async move {
                let mut stream = acceptor.accept(stream).await.ok()?;
                let mut head = Vec::new();
                while !head.ends_with(b"\r\n\r\n") {
                    head.push(stream.read_u8().await.ok()?);
                }
                stream.write_all(&ok("in private")).await.ok()?;
                stream.shutdown().await.ok()
            });
        }
    });
    (ca, format!("https://localhost:{port}"))
}

pub(super) fn trusting(ca_file: Option<&Path>) -> HttpOptions {
    HttpOptions {
        proxy: ProxyRule::None,
        ca_file: ca_file.map(Path::to_owned),
        ..HttpOptions::default()
    }
}

async fn ask(http: &Http, url: &str) -> Result<Vec<u8>, HttpError> {
    let endpoint = http.endpoint(&RedactedUrl::new(url), LIMITS).unwrap();
    Ok(endpoint.get("x").send().await?.body)
}

#[tokio::test]
async fn a_ca_of_ones_own_is_trusted_where_it_is_named_and_for_its_names_only() {
    let (ca, url) = tls_server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca).unwrap();
    let http = Http::new(&trusting(Some(&file))).unwrap();
    assert_eq!(ask(&http, &url).await.unwrap(), b"in private");
    let other_name = url.replace("localhost", "127.0.0.1");
    let error = ask(&http, &other_name).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls(_)), "{error:?}");
    let stranger = Http::new(&trusting(None)).unwrap();
    let error = ask(&stranger, &url).await.unwrap_err();
    assert!(
        matches!(error, HttpError::Tls(_)) && error.is_unsent(),
        "{error:?}"
    );
    assert!(error.to_string().starts_with("TLS: "), "{error}");
    // plain text where TLS is spoken, and the other way round
    let error = ask(&http, &url.replace("https", "http")).await.unwrap_err();
    assert!(!error.is_unsent() && !error.is_timeout(), "{error:?}");
    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    tokio::spawn(async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        stream
            .write_all(&answer("400 Bad Request", "", ""))
            .await
            .unwrap();
        std::future::pending::<()>().await;
    });
    let error = ask(&http, &url).await.unwrap_err();
    assert!(matches!(error, HttpError::Tls(_)), "{error:?}");
}

#[tokio::test]
async fn a_bundle_that_was_changed_counts_once_it_is_read_anew() {
    let (ca, url) = tls_server().await;
    let (another, _) = tls_server().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, another).unwrap();
    let http = Http::new(&trusting(Some(&file))).unwrap();
    let clone = http.clone();
    assert!(ask(&clone, &url).await.is_err());
    std::fs::write(&file, ca).unwrap();
    http.reload().unwrap();
    assert_eq!(ask(&clone, &url).await.unwrap(), b"in private", "for all clones");
    std::fs::write(&file, "nonsense").unwrap();
    http.reload().unwrap_err();
    assert_eq!(ask(&clone, &url).await.unwrap(), b"in private", "as it was");
}

#[test]
fn a_bundle_that_is_none_is_named() {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    let problem = || {
        let error = Http::new(&trusting(Some(&file))).unwrap_err();
        assert!(matches!(error, HttpSetupError::CaFile { .. }));
        let text = error.to_string();
        assert!(
            text.starts_with("http.ca_file ") && text.contains("ca.pem"),
            "{text}"
        );
        text
    };
    assert!(problem().contains("No such file"));
    std::fs::write(&file, "nonsense").unwrap();
    assert!(problem().contains("holds no certificate"));
    let broken = "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n";
    std::fs::write(&file, broken).unwrap();
    problem();
}

/// Where a system has no CA certificates is told by its environment, so this test runs itself once more in a child
/// process whose environment has none.
#[tokio::test]
async fn without_ca_certificates_plain_http_works_and_tls_says_what_is_missing() {
    const CHILD: &str = "HTTP_TEST_WITHOUT_CERTIFICATES";
    if std::env::var_os(CHILD).is_none() {
        let nowhere = tempfile::tempdir().unwrap();
        let name = std::thread::current().name().unwrap().to_owned();
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", &name, "--nocapture"])
            .env(CHILD, "1")
            .env("SSL_CERT_FILE", nowhere.path().join("none.pem"))
            .env("SSL_CERT_DIR", nowhere.path())
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&child.stdout);
        assert!(child.status.success(), "{said}");
        assert!(said.contains("1 passed"), "{said}");
        return;
    }
    let http = Http::new(&trusting(None)).unwrap();
    let plain = Server::start(|_| ok("in public")).await;
    assert_eq!(ask(&http, &plain.url).await.unwrap(), b"in public");
    // hosts that are not this machine have a client of their own
    let error = ask(&http, "http://far.invalid").await.unwrap_err();
    assert!(matches!(error, HttpError::Unresolved(_)), "{error:?}");
    let (ca, url) = tls_server().await;
    let text = ask(&http, &url).await.unwrap_err().to_string();
    assert!(
        text.starts_with("TLS: ") && text.contains("http.ca_file"),
        "{text}"
    );
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, ca).unwrap();
    let http = Http::new(&trusting(Some(&file))).unwrap();
    assert_eq!(ask(&http, &url).await.unwrap(), b"in private");
}

/// Whoever may change the bundle decides whom we believe.
#[test]
fn a_bundle_that_everybody_may_change_is_refused() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, "whatever").unwrap();
    std::fs::set_permissions(&file, std::fs::Permissions::from_mode(0o666)).unwrap();
    let refused = Http::new(&trusting(Some(&file))).unwrap_err().to_string();
    assert!(refused.contains("chmod o-w "), "{refused}");
}

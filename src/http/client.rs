//! The client itself: who stands between, whom it trusts, and its connections.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::{Arc, OnceLock, PoisonError, RwLock};
use std::time::Duration;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, ClientBuilder, Identity, NoProxy, Proxy, Url};

use super::url::is_loopback;
use super::{HttpError, parse};
use crate::secrets::read_trusted;
use crate::types::{RedactedUrl, SafeText};

/// Time for a connection, its TLS handshake included.
const CONNECT: Duration = Duration::from_secs(5);
/// Idle connections to one host: an observer of many ceremonies is many subscribers at one host.
const IDLE_CONNECTIONS: usize = 64;
/// Shorter than any server's usual idle time-out, so that we do not write into a closing connection.
const IDLE: Duration = Duration::from_secs(30);
/// Longest CA bundle that is read; the usual one of a system has 200 KiB.
const MAX_BUNDLE: u64 = 4 << 20;
/// Of HTTP/2; HTTP/1 headers are bounded by the library (100 headers) and counted when they are there.
const MAX_HEADERS: u32 = super::response::MAX_HEADERS as u32;
const USER_AGENT: &str = concat!("casimir-dkg/", env!("CARGO_PKG_VERSION"));

/// Who stands between us and the hosts that are not this machine.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub enum ProxyRule {
    /// Whom the environment names: `HTTPS_PROXY`, `HTTP_PROXY`, `ALL_PROXY`, in capitals or small.
    #[default]
    Environment,
    /// Nobody.
    None,
    /// This proxy, for `http` and `https`.
    Url(RedactedUrl),
}

/// How others are reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HttpOptions {
    /// Who stands between. Hosts in `NO_PROXY` are reached directly, loopback addresses always are.
    pub proxy: ProxyRule,
    /// Certificates (PEM) that are trusted beside the system's.
    pub ca_file: Option<PathBuf>,
    /// Time for a connection, its TLS handshake included.
    pub connect: Duration,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            proxy: ProxyRule::default(),
            ca_file: None,
            connect: CONNECT,
        }
    }
}

/// What is configured for HTTP cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpSetupError {
    /// Not a proxy.
    #[error("http.proxy: {0}")]
    Proxy(SafeText),
    /// Not a bundle of certificates.
    #[error("http.ca_file {path}: {reason}")]
    CaFile {
        path: String,
        /// What is wrong with it.
        reason: SafeText,
    },
    /// Not a certificate with its private key.
    #[error("client certificate: {0}")]
    Identity(SafeText),
}

/// Which addresses may be connected to.
pub type AddressRule = Arc<dyn Fn(IpAddr) -> bool + Send + Sync>;

/// The client that all adapters share. Clones share their connections.
#[derive(Clone)]
pub struct Http {
    /// The present clients, for all clones.
    inner: Arc<RwLock<Arc<Inner>>>,
    options: HttpOptions,
    rule: Option<AddressRule>,
}

struct Inner {
    /// For every host that is not this machine. What the environment has wrong matters only when such a host is asked.
    proxies: Result<Vec<Proxy>, SafeText>,
    certificates: Vec<Certificate>,
    /// What is shown to a server that asks who we are.
    identity: Option<Identity>,
    connect: Duration,
    calls: Clients,
    /// A connection that becomes a WebSocket speaks HTTP/1.1.
    sockets: Clients,
}

/// Each is built when it is first used: the system's certificates are not read for plain HTTP to this machine.
#[derive(Default)]
struct Clients {
    near: OnceLock<Result<Built, SafeText>>,
    near_tls: OnceLock<Result<Built, SafeText>>,
    far: OnceLock<Result<Built, SafeText>>,
    /// As `far`, and every name's addresses pass a rule before the connection.
    far_ruled: OnceLock<Result<Built, SafeText>>,
}

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    Calls,
    Socket,
}

#[derive(Clone)]
pub(super) struct Built {
    pub(super) client: Client,
    /// The system has no CA certificates, and why that is thought.
    no_roots: Option<SafeText>,
    connect: Duration,
}

impl Built {
    /// Why nothing was sent, or no answer came.
    pub(super) fn failure(&self, error: &reqwest::Error) -> HttpError {
        match (HttpError::of(error, self.connect), &self.no_roots) {
            (HttpError::Tls(words), Some(_)) => HttpError::Tls(SafeText::new(&format!(
                "{words}; this system has no CA certificates: install them, or name a bundle in http.ca_file"
            ))),
            (other, _) => other,
        }
    }
}

impl fmt::Debug for Http {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Http")
    }
}

impl Http {
    /// A client by these rules. The environment is read now; nothing is asked yet.
    ///
    /// # Errors
    /// The configured proxy is not one, or the CA bundle cannot be read.
    pub fn new(options: &HttpOptions) -> Result<Self, HttpSetupError> {
        Self::with_environment(options, |name| std::env::var(name).ok())
    }

    /// A client that goes straight to every host: for local networks and tests.
    #[must_use]
    pub fn direct() -> Self {
        Self::with(Ok(Vec::new()), Vec::new(), HttpOptions::default())
    }

    /// A clone that connects only to addresses that pass `rule`: the host's own, or all that its name has at that moment.
    /// One rule for all clones of a client.
    #[must_use]
    pub fn only_to(&self, rule: AddressRule) -> Self {
        Self {
            rule: Some(rule),
            ..self.clone()
        }
    }

    /// A client of its own that shows this certificate (PEM, the chain behind it) to servers that ask who it is. The
    /// private key (PEM) has no password.
    ///
    /// # Errors
    /// They are none, or do not belong together.
    pub fn with_identity(&self, certificate: &str, key: &str) -> Result<Self, HttpSetupError> {
        let pem = zeroize::Zeroizing::new(format!("{certificate}\n{key}\n"));
        let identity = Identity::from_pem(pem.as_bytes()).map_err(|e| HttpSetupError::Identity(words(&e)))?;
        // whether they belong together is found out when a client is built
        let client = Client::builder()
            .no_proxy()
            .tls_certs_only([])
            .identity(identity.clone());
        client.build().map_err(|e| HttpSetupError::Identity(words(&e)))?;
        let present = Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner));
        let mut inner = Inner::new(
            present.proxies.clone(),
            present.certificates.clone(),
            present.connect,
        );
        inner.identity = Some(identity);
        Ok(Self {
            inner: Arc::new(RwLock::new(Arc::new(inner))),
            options: self.options.clone(),
            rule: self.rule.clone(),
        })
    }

    /// Reads the CA bundle anew, for all clones: the next call goes by it. What the environment says of proxies stays.
    ///
    /// # Errors
    /// The bundle cannot be read: then everything stays as it was.
    pub fn reload(&self) -> Result<(), HttpSetupError> {
        let certificates = certificates(&self.options)?;
        let mut inner = self.inner.write().unwrap_or_else(PoisonError::into_inner);
        let mut anew = Inner::new(inner.proxies.clone(), certificates, inner.connect);
        anew.identity.clone_from(&inner.identity);
        *inner = Arc::new(anew);
        Ok(())
    }

    pub(super) fn with_environment(
        options: &HttpOptions,
        variable: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, HttpSetupError> {
        let proxies = match &options.proxy {
            ProxyRule::None => Ok(Vec::new()),
            ProxyRule::Url(url) => {
                let no = no_proxy(&variable);
                Ok(vec![proxy(url, Proxy::all, no).map_err(HttpSetupError::Proxy)?])
            }
            ProxyRule::Environment => from_environment(&variable),
        };
        if let Err(reason) = &proxies {
            tracing::warn!(target: "http", %reason, "the environment's proxy cannot be used");
        }
        Ok(Self::with(proxies, certificates(options)?, options.clone()))
    }

    fn with(
        proxies: Result<Vec<Proxy>, SafeText>,
        certificates: Vec<Certificate>,
        options: HttpOptions,
    ) -> Self {
        let inner = Inner::new(proxies, certificates, options.connect);
        Self {
            inner: Arc::new(RwLock::new(Arc::new(inner))),
            options,
            rule: None,
        }
    }

    /// No proxy may stand between this host and us. Who is excepted from one is not looked at.
    pub(super) fn is_direct(&self, url: &Url) -> bool {
        let inner = self.inner.read().unwrap_or_else(PoisonError::into_inner);
        is_loopback(url) || inner.proxies.as_ref().is_ok_and(Vec::is_empty)
    }

    /// The client for a host.
    pub(super) fn client(&self, url: &Url, purpose: Purpose) -> Result<Built, HttpError> {
        let inner = Arc::clone(&self.inner.read().unwrap_or_else(PoisonError::into_inner));
        if let (Some(rule), Some(address)) = (&self.rule, literal(url))
            && !rule(address)
        {
            return Err(HttpError::Unsendable(NOT_ALLOWED.into()));
        }
        let clients = match purpose {
            Purpose::Calls => &inner.calls,
            Purpose::Socket => &inner.sockets,
        };
        let proxies = || inner.proxies.as_ref().map_err(Clone::clone);
        let built = match (is_loopback(url), url.scheme(), &self.rule) {
            (true, "http", _) => clients.near.get_or_init(|| inner.without_roots(purpose)),
            (true, ..) => clients
                .near_tls
                .get_or_init(|| inner.with_roots(&[], None, purpose)),
            (false, _, None) => clients
                .far
                .get_or_init(|| inner.with_roots(proxies()?, None, purpose)),
            (false, _, Some(rule)) => clients
                .far_ruled
                .get_or_init(|| inner.with_roots(proxies()?, Some(rule), purpose)),
        };
        built.clone().map_err(HttpError::Unsendable)
    }
}

const NOT_ALLOWED: &str = "the address is one that must not be connected to";

/// The address that the URL names without a look-up.
fn literal(url: &Url) -> Option<IpAddr> {
    let host = url.host_str()?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let near = is_loopback(url).then_some(IpAddr::V4(Ipv4Addr::LOCALHOST));
    host.parse().ok().or(near)
}

/// Looks names up as usual, and knows only names all of whose addresses pass.
struct Ruled(AddressRule);

impl Resolve for Ruled {
    fn resolve(&self, name: Name) -> Resolving {
        let rule = Arc::clone(&self.0);
        Box::pin(async move {
            let found: Vec<_> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            // a URL of this name never comes here: it is a proxy on this machine
            let is_proxy = name.as_str() == "localhost";
            if !is_proxy && !found.iter().all(|address| rule(address.ip())) {
                return Err(NOT_ALLOWED.into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// Those of the configured bundle.
fn certificates(options: &HttpOptions) -> Result<Vec<Certificate>, HttpSetupError> {
    let Some(path) = &options.ca_file else {
        return Ok(Vec::new());
    };
    bundle(path).map_err(|reason| HttpSetupError::CaFile {
        path: path.display().to_string(),
        reason: SafeText::new(&reason),
    })
}

impl Inner {
    fn new(proxies: Result<Vec<Proxy>, SafeText>, certificates: Vec<Certificate>, connect: Duration) -> Self {
        Self {
            proxies,
            certificates,
            identity: None,
            connect,
            calls: Clients::default(),
            sockets: Clients::default(),
        }
    }

    fn builder(&self, purpose: Purpose) -> ClientBuilder {
        let builder = match purpose {
            Purpose::Calls => Client::builder(),
            Purpose::Socket => Client::builder().http1_only(),
        };
        let builder = match &self.identity {
            Some(identity) => builder.identity(identity.clone()),
            None => builder,
        };
        builder
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .no_proxy()
            .no_gzip()
            .no_brotli()
            .no_deflate()
            .no_zstd()
            .connect_timeout(self.connect)
            .tcp_nodelay(true)
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .pool_idle_timeout(IDLE)
            .http2_max_header_list_size(MAX_HEADERS)
            .user_agent(USER_AGENT)
    }

    fn without_roots(&self, purpose: Purpose) -> Result<Built, SafeText> {
        let client = self
            .builder(purpose)
            .tls_certs_only(self.certificates.clone())
            .build();
        Ok(Built {
            client: client.map_err(|e| words(&e))?,
            no_roots: None,
            connect: self.connect,
        })
    }

    /// The system's certificates and ours. Where the system has none, ours alone: plain HTTP and whoever is in the
    /// bundle go on, and a failed handshake says what is missing.
    fn with_roots(
        &self,
        proxies: &[Proxy],
        rule: Option<&AddressRule>,
        purpose: Purpose,
    ) -> Result<Built, SafeText> {
        let with_proxies = |builder: ClientBuilder| {
            let builder = match rule {
                Some(rule) => builder.dns_resolver(Arc::new(Ruled(Arc::clone(rule)))),
                None => builder,
            };
            proxies.iter().cloned().fold(builder, ClientBuilder::proxy)
        };
        let mut builder = with_proxies(self.builder(purpose));
        if !self.certificates.is_empty() {
            builder = builder.tls_certs_merge(self.certificates.clone());
        }
        let error = match builder.build() {
            Ok(client) => {
                return Ok(Built {
                    client,
                    no_roots: None,
                    connect: self.connect,
                });
            }
            Err(error) => words(&error),
        };
        tracing::warn!(target: "http", %error, "the system's CA certificates are missing");
        let builder = with_proxies(self.builder(purpose)).tls_certs_only(self.certificates.clone());
        Ok(Built {
            client: builder.build().map_err(|e| words(&e))?,
            no_roots: Some(error),
            connect: self.connect,
        })
    }
}

/// Why a client cannot be built: the innermost cause, without a URL.
fn words(error: &reqwest::Error) -> SafeText {
    let mut cause: &dyn std::error::Error = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    SafeText::new(&cause.to_string())
}

/// The certificates of a PEM file, each of them one that can be trusted.
fn bundle(path: &Path) -> Result<Vec<Certificate>, String> {
    // whoever may change it decides whom we believe
    let text = read_trusted(path, MAX_BUNDLE).map_err(|e| e.to_string())?;
    let certificates = Certificate::from_pem_bundle(&text).map_err(|e| words(&e).to_string())?;
    if certificates.is_empty() {
        return Err("holds no certificate (PEM)".to_owned());
    }
    // the library parses them only when a client is built
    let client = Client::builder().no_proxy().tls_certs_only(certificates.clone());
    client.build().map_err(|e| words(&e).to_string())?;
    Ok(certificates)
}

/// A variable in capitals or small; an empty one is none.
fn either(variable: &impl Fn(&str) -> Option<String>, name: &str) -> Option<String> {
    [name.to_owned(), name.to_lowercase()]
        .iter()
        .filter_map(|name| variable(name))
        .find(|value| !value.trim().is_empty())
}

fn no_proxy(variable: &impl Fn(&str) -> Option<String>) -> Option<NoProxy> {
    either(variable, "NO_PROXY").and_then(|list| NoProxy::from_string(&list))
}

/// The proxies that the environment names, by the usual rules.
fn from_environment(variable: &impl Fn(&str) -> Option<String>) -> Result<Vec<Proxy>, SafeText> {
    let mut proxies = Vec::new();
    let no = no_proxy(variable);
    // in a CGI program HTTP_PROXY may be a header of the request (httpoxy)
    let cgi = variable("REQUEST_METHOD").is_some();
    type Make = fn(Url) -> reqwest::Result<Proxy>;
    let rules: [(&str, Make); 3] = [
        ("HTTPS_PROXY", Proxy::https),
        ("HTTP_PROXY", Proxy::http),
        ("ALL_PROXY", Proxy::all),
    ];
    for (name, make) in rules {
        if name == "HTTP_PROXY" && cgi {
            continue;
        }
        let Some(value) = either(variable, name) else {
            continue;
        };
        // curl and others take a bare host and port
        let url = if value.contains("://") {
            value
        } else {
            format!("http://{value}")
        };
        let made = proxy(&RedactedUrl::new(url), make, no.clone());
        proxies.push(made.map_err(|reason| SafeText::new(&format!("{name}: {reason}")))?);
    }
    Ok(proxies)
}

fn proxy(
    url: &RedactedUrl,
    make: impl Fn(Url) -> reqwest::Result<Proxy>,
    no: Option<NoProxy>,
) -> Result<Proxy, SafeText> {
    let parsed = parse(url).map_err(|e| SafeText::new(&e.to_string()))?;
    make(parsed)
        .map(|proxy| proxy.no_proxy(no))
        .map_err(|e| words(&e))
}

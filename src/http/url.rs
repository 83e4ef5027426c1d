//! URLs: what may be asked, how a path is appended, and which hosts are this machine.

use std::net::IpAddr;

use reqwest::Url;

use crate::types::RedactedUrl;

/// What cannot be asked. The URL is not repeated: it may hold a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadUrl {
    /// Not a URL at all, by the parser's words.
    #[error("expected a URL that begins with http:// or https://: {0}")]
    Syntax(String),
    /// A URL of another scheme.
    #[error("expected a URL that begins with http:// or https://, got {0}://")]
    Scheme(String),
    /// It begins well, and nobody is named.
    #[error("the URL names no host")]
    NoHost,
}

/// Reads the URL of somebody who can be asked.
///
/// # Errors
/// See [`BadUrl`].
pub fn parse(url: &RedactedUrl) -> Result<Url, BadUrl> {
    let parsed = Url::parse(url.expose().trim()).map_err(|e| BadUrl::Syntax(e.to_string()))?;
    if !matches!(parsed.scheme(), "http" | "https") {
        return Err(BadUrl::Scheme(parsed.scheme().to_owned()));
    }
    if parsed.host_str().is_none_or(str::is_empty) {
        return Err(BadUrl::NoHost);
    }
    Ok(parsed)
}

/// Reads the URL of a WebSocket, and returns where its handshake is asked for: `ws` begins as `http`, `wss` as `https`
/// (RFC 6455, section 3).
///
/// # Errors
/// See [`BadUrl`].
pub(super) fn parse_socket(url: &RedactedUrl) -> Result<Url, BadUrl> {
    let mut parsed = Url::parse(url.expose().trim()).map_err(|e| BadUrl::Syntax(e.to_string()))?;
    let scheme = match parsed.scheme() {
        "ws" => "http",
        "wss" => "https",
        other => return Err(BadUrl::Scheme(other.to_owned())),
    };
    match parsed.set_scheme(scheme) {
        Ok(()) if parsed.host_str().is_some_and(|host| !host.is_empty()) => Ok(parsed),
        _ => Err(BadUrl::NoHost),
    }
}

/// Appends `path`, which may bring a query of its own, with exactly one slash between. A query of the base stays a
/// query and comes first, because keys stand there: `https://h/x?key=1` and `/eth/v1` give `https://h/x/eth/v1?key=1`.
/// An empty path changes nothing.
#[must_use]
pub fn join(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    url.set_fragment(None);
    let (path, query) = path.split_once('?').unwrap_or((path, ""));
    let path = path.trim_start_matches('/');
    if !path.is_empty() {
        let before = base.path().trim_end_matches('/');
        url.set_path(&format!("{before}/{path}"));
    }
    let parts: Vec<&str> = base
        .query()
        .into_iter()
        .chain([query])
        .filter(|part| !part.is_empty())
        .collect();
    url.set_query((!parts.is_empty()).then(|| parts.join("&")).as_deref());
    url
}

/// Whether the host is this machine, by its name or address: nobody stands between.
pub(super) fn is_loopback(url: &Url) -> bool {
    let Some(host) = url.host_str() else {
        return false;
    };
    let host = host.trim_start_matches('[').trim_end_matches(']');
    match host.parse::<IpAddr>() {
        Ok(IpAddr::V4(address)) => address.is_loopback(),
        Ok(IpAddr::V6(address)) => {
            address.is_loopback() || address.to_ipv4_mapped().is_some_and(|v4| v4.is_loopback())
        }
        Err(_) => {
            let host = host.trim_end_matches('.');
            host == "localhost" || host.ends_with(".localhost")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn joined(base: &str, path: &str) -> String {
        join(&parse(&RedactedUrl::new(base)).unwrap(), path).to_string()
    }

    #[test]
    fn a_path_goes_before_the_query_and_keys_survive() {
        for (base, path, expected) in [
            (
                "https://h/x?key=1",
                "/eth/v1/node",
                "https://h/x/eth/v1/node?key=1",
            ),
            ("https://h/x/?key=1", "eth/v1", "https://h/x/eth/v1?key=1"),
            (
                "https://h?key=1",
                "publish?topic=a",
                "https://h/publish?key=1&topic=a",
            ),
            ("https://h", "/ping", "https://h/ping"),
            ("https://h//", "//ping", "https://h/ping"),
            ("https://h/v3/KEY", "", "https://h/v3/KEY"),
            ("https://h/v3/KEY/?a=b", "", "https://h/v3/KEY/?a=b"),
            ("https://u:p@h/x#there", "y", "https://u:p@h/x/y"),
            ("http://[::1]:80/", "a b", "http://[::1]/a%20b"),
        ] {
            assert_eq!(joined(base, path), expected, "{base} and {path}");
        }
    }

    #[test]
    fn only_http_is_asked_and_the_url_is_not_repeated() {
        for (url, words) in [
            ("ftp://secret@h", "got ftp://"),
            ("secret", "relative URL"),
            ("http://", "empty host"),
            ("unix:secret", "got unix://"),
        ] {
            let error = parse(&RedactedUrl::new(url)).unwrap_err().to_string();
            assert!(
                error.contains(words) && !error.contains("secret"),
                "{url}: {error}"
            );
        }
    }

    #[test]
    fn this_machine_has_several_names() {
        let loopback = |url: &str| is_loopback(&Url::parse(url).unwrap());
        for url in [
            "http://localhost:1",
            "http://a.localhost",
            "http://LOCALHOST./",
            "http://127.0.0.1",
            "http://127.8.8.8",
            "http://[::1]:5052",
            "http://[::ffff:127.0.0.1]",
        ] {
            assert!(loopback(url), "{url}");
        }
        for url in [
            "http://localhost.example",
            "http://notlocalhost",
            "http://128.0.0.1",
            "http://[fe80::1]",
        ] {
            assert!(!loopback(url), "{url}");
        }
    }
}

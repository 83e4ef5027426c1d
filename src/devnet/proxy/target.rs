//! What the proxy stands before. All of it is on this machine: a liar in front of a real network would be a weapon.

use std::fmt;
use std::net::IpAddr;

use reqwest::Url;

use super::error::ProxyError;
use crate::types::RedactedUrl;

/// What a target is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// An execution node: JSON-RPC over HTTP, batches too, and over a WebSocket.
    Execution,
    /// A beacon node: REST and a stream of events.
    Beacon,
    /// A messenger of operators.
    Messenger,
    SsvApi,
    /// An operator's node.
    Operator,
}

impl Kind {
    /// Every kind.
    pub const ALL: [Self; 5] = [
        Self::Execution,
        Self::Beacon,
        Self::Messenger,
        Self::SsvApi,
        Self::Operator,
    ];

    /// As scenarios write it.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Execution => "execution",
            Self::Beacon => "beacon",
            Self::Messenger => "messenger",
            Self::SsvApi => "ssv-api",
            Self::Operator => "operator",
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.word())
    }
}

/// One endpoint to stand before. Several may stand before the same node: then one of them can lie and the others not.
#[derive(Debug, Clone)]
pub struct Target {
    pub(super) kind: Kind,
    pub(super) name: String,
    pub(super) http: Url,
    pub(super) socket: Url,
}

impl Target {
    /// A target of this kind and name behind this base URL. Its WebSocket, if it has one, is on the same port.
    ///
    /// # Errors
    /// The URL is no `http://` one, or its host is neither `localhost` nor a loopback address.
    pub fn new(kind: Kind, name: &str, url: &str) -> Result<Self, ProxyError> {
        let http = loopback(name, url, "http")?;
        Ok(Self {
            kind,
            name: name.to_owned(),
            socket: http.clone(),
            http,
        })
    }

    /// The same with its WebSocket elsewhere (`ws://`), as with nodes that take it on a port of its own.
    ///
    /// # Errors
    /// As [`Target::new`].
    pub fn with_socket(mut self, url: &str) -> Result<Self, ProxyError> {
        let url = loopback(&self.name, url, "ws")?;
        // the client upgrades an HTTP connection, so it wants the URL of one
        let http = format!("http{}", url.as_str().trim_start_matches("ws"));
        self.socket = loopback(&self.name, &http, "http")?;
        Ok(self)
    }
}

fn loopback(name: &str, url: &str, scheme: &str) -> Result<Url, ProxyError> {
    let refuse = |reason| ProxyError::Target {
        name: name.into(),
        url: RedactedUrl::new(url),
        reason,
    };
    let parsed = Url::parse(url).map_err(|_| refuse("is no URL"))?;
    if parsed.scheme() != scheme {
        return Err(refuse("only http:// and ws:// are spoken to local nodes"));
    }
    let host = parsed.host_str().unwrap_or_default();
    let address: Option<IpAddr> = host.trim_matches(['[', ']']).parse().ok();
    // the client resolves `localhost` to loopback addresses itself, whatever the system says
    if host == "localhost" || address.is_some_and(|address| address.is_loopback()) {
        Ok(parsed)
    } else {
        Err(refuse(
            "is not on this machine, and the fault proxy goes nowhere else",
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_but_this_machine_is_spoken_to() {
        for url in [
            "http://127.0.0.1:8545",
            "http://127.9.9.9:1/key",
            "http://localhost:5052/",
            "http://[::1]:8545",
        ] {
            Target::new(Kind::Execution, "node", url).unwrap();
        }
        for url in [
            "http://192.168.0.7:8545",
            "http://0.0.0.0:8545",
            "http://10.0.0.1",
            "http://169.254.169.254/",
            "http://[::ffff:10.0.0.1]:8545",
            "http://localhost.example:8545",
            "http://127.0.0.1.example:8545",
            "http://user@example.org:80",
            "https://127.0.0.1:8545",
            "ftp://127.0.0.1/",
            "127.0.0.1:8545",
        ] {
            let refused = Target::new(Kind::Execution, "node", url);
            assert!(refused.is_err(), "{url}");
        }
        let node = Target::new(Kind::Execution, "node", "http://127.0.0.1:8545").unwrap();
        assert!(node.clone().with_socket("ws://example.org:8546").is_err());
        let node = node.with_socket("ws://127.0.0.1:8546/ws").unwrap();
        assert_eq!(node.socket.as_str(), "http://127.0.0.1:8546/ws");
    }
}

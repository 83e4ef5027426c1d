//! What the handlers of one listener share: the target, the way to it, and the board of rules.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderName, HeaderValue};
use reqwest::{Client, Method, Url};
use serde_json::{Value, json};

use super::board::{Board, Fired};
use super::error::ProxyError;
use super::http::{Body, Reply, Request, is_hop};
use super::scenario::Call;
use super::target::Target;

/// Longest answer of a node that is passed on; nodes on this machine give no longer ones.
const MAX_ANSWER: usize = 64 << 20;
/// The messenger holds some answers back for 10 s; nothing honest takes longer than this.
const DEADLINE: Duration = Duration::from_secs(60);

/// The node did not answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Unreachable;

/// One listener's place.
#[derive(Debug)]
pub(super) struct Desk {
    /// Place of the target among all.
    index: usize,
    pub(super) target: Target,
    pub(super) board: Arc<Board>,
    client: Client,
}

/// A client that stays on this machine: no proxy of the environment, no redirect, and `localhost` is what it says.
pub(super) fn client() -> Result<Client, ProxyError> {
    let here = [
        SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0),
        SocketAddr::new(IpAddr::V6(Ipv6Addr::LOCALHOST), 0),
    ];
    Client::builder()
        .no_proxy()
        .http1_only()
        // TLS is never spoken: a system without certificates must not keep the proxy from starting
        .tls_certs_only([])
        .redirect(reqwest::redirect::Policy::none())
        .resolve_to_addrs("localhost", &here)
        .connect_timeout(Duration::from_secs(5))
        .build()
        .map_err(|error| ProxyError::Start(error.to_string().into()))
}

impl Desk {
    pub(super) fn new(index: usize, target: Target, board: Arc<Board>, client: Client) -> Self {
        Self {
            index,
            target,
            board,
            client,
        }
    }

    /// The rules that strike this call. Each counts it.
    pub(super) fn decide(&self, call: &Call) -> Vec<Fired> {
        self.board.decide(self.index, call)
    }

    pub(super) fn count(&self, call: &Call) {
        self.board.count(self.index, call);
    }

    /// What befalls a connection that stands because of this call.
    pub(super) fn standing(&self, opening: &Call) -> Option<Fired> {
        self.board.standing(self.index, opening)
    }

    /// Passes a request on with this body and gives the whole answer.
    pub(super) async fn forward(&self, request: &Request, body: Vec<u8>) -> Result<Reply, Unreachable> {
        whole(self.open(request, body).await?).await
    }

    /// Passes a request on and gives the answer as it begins.
    pub(super) async fn open(
        &self,
        request: &Request,
        body: Vec<u8>,
    ) -> Result<reqwest::Response, Unreachable> {
        let method = Method::from_bytes(request.method.as_bytes()).map_err(|_| Unreachable)?;
        let url = at(&self.target.http, &request.target)?;
        let headers = headers_of(request, |name| !is_hop(name));
        let sent = self.client.request(method, url).headers(headers).body(body);
        match tokio::time::timeout(DEADLINE, sent.send()).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) | Err(_) => Err(Unreachable),
        }
    }

    /// Opens a WebSocket to the node with the client's own handshake. Extensions are left out: compressed frames could
    /// not be looked into.
    pub(super) async fn open_socket(&self, request: &Request) -> Result<reqwest::Response, Unreachable> {
        let url = at(&self.target.socket, &request.target)?;
        let mut headers = headers_of(request, |name| {
            !is_hop(name) && !name.eq_ignore_ascii_case("sec-websocket-extensions")
        });
        headers.insert("connection", HeaderValue::from_static("Upgrade"));
        headers.insert("upgrade", HeaderValue::from_static("websocket"));
        let sent = self.client.get(url).headers(headers).send();
        match tokio::time::timeout(DEADLINE, sent).await {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(_)) | Err(_) => Err(Unreachable),
        }
    }

    /// Asks the node something for the proxy itself: no rule is looked at, nothing is counted.
    pub(super) async fn ask(&self, method: &str, params: Value) -> Option<Value> {
        let body = json!({"jsonrpc": "2.0", "id": 1, "method": method, "params": params});
        let sent = self
            .client
            .post(self.target.http.clone())
            .timeout(DEADLINE)
            .json(&body)
            .send();
        let mut answer: Value = sent.await.ok()?.json().await.ok()?;
        answer.get_mut("result").map(Value::take)
    }
}

/// The request's path behind the target's own.
fn at(base: &Url, target: &str) -> Result<Url, Unreachable> {
    let (path, query) = match target.split_once('?') {
        Some((path, query)) => (path, Some(query)),
        None => (target, None),
    };
    let mut url = base.clone();
    // a base such as `/v3/key` is called as it stands, not as `/v3/key/`
    let joined = match path {
        "/" => base.path().to_owned(),
        path => format!("{}{path}", base.path().trim_end_matches('/')),
    };
    url.set_path(&joined);
    url.set_query(query.or(base.query()));
    // whatever a path may look like, the host is still the target's
    if url.host_str() == base.host_str() && url.port() == base.port() {
        Ok(url)
    } else {
        Err(Unreachable)
    }
}

fn headers_of(request: &Request, keep: impl Fn(&str) -> bool) -> reqwest::header::HeaderMap {
    let kept = request.headers.iter().filter(|(name, _)| keep(name));
    kept.filter_map(|(name, value)| {
        let name = HeaderName::from_bytes(name.as_bytes()).ok()?;
        Some((name, HeaderValue::from_str(value).ok()?))
    })
    .collect()
}

/// An answer with its body.
pub(super) async fn whole(mut response: reqwest::Response) -> Result<Reply, Unreachable> {
    let mut reply = head_of(&response);
    let mut bytes = Vec::new();
    let read = async {
        while let Some(chunk) = response.chunk().await.map_err(|_| Unreachable)? {
            if bytes.len() + chunk.len() > MAX_ANSWER {
                return Err(Unreachable);
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(())
    };
    tokio::time::timeout(DEADLINE, read)
        .await
        .unwrap_or(Err(Unreachable))?;
    reply.body = Body::Bytes(bytes);
    Ok(reply)
}

/// Status and headers of an answer, its body not read yet.
pub(super) fn head_of(response: &reqwest::Response) -> Reply {
    let headers = response
        .headers()
        .iter()
        .filter(|(name, _)| !is_hop(name.as_str()));
    let headers = headers.filter_map(|(name, value)| {
        let value = value.to_str().ok()?;
        Some((name.as_str().to_owned(), value.to_owned()))
    });
    Reply {
        status: response.status().as_u16(),
        headers: headers.collect(),
        body: Body::Bytes(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_put_behind_the_targets_own() {
        for (base, target, whole) in [
            ("http://127.0.0.1:1", "/", "http://127.0.0.1:1/"),
            (
                "http://127.0.0.1:1",
                "/eth/v1/x?id=1&id=2",
                "http://127.0.0.1:1/eth/v1/x?id=1&id=2",
            ),
            ("http://127.0.0.1:1/v3/key", "/", "http://127.0.0.1:1/v3/key"),
            ("http://127.0.0.1:1/v3/", "/a", "http://127.0.0.1:1/v3/a"),
            ("http://127.0.0.1:1/?key=k", "/", "http://127.0.0.1:1/?key=k"),
            (
                "http://127.0.0.1:1",
                "//example.org/x",
                "http://127.0.0.1:1//example.org/x",
            ),
            (
                "http://127.0.0.1:1",
                "/@example.org:2/",
                "http://127.0.0.1:1/@example.org:2/",
            ),
        ] {
            let url = at(&Url::parse(base).unwrap(), target).unwrap();
            assert_eq!(url.as_str(), whole);
        }
    }
}

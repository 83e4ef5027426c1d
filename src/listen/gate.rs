//! What every request passes before its route: who sent it, and whether it is read at all.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use axum::Router;
use axum::extract::{ConnectInfo, Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse as _, Response};

use super::connection::Arrived;
use super::crowd::{Crowd, Phase};
use super::network::{client_of, plain};

/// Who sent a request, as clients are counted; an extension of every request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Client(pub(crate) IpAddr);

/// A listener's gate; cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Gate {
    crowd: Arc<Crowd>,
    /// Requests under way, of clients behind trusted proxies: their connections are the proxy's.
    under_way: Arc<Mutex<HashMap<IpAddr, usize>>>,
}

impl Gate {
    pub(super) fn new(crowd: Arc<Crowd>) -> Self {
        Self {
            crowd,
            under_way: Arc::default(),
        }
    }

    /// The client proved who it is: it is let in while others have to wait.
    pub(crate) fn befriend(&self, client: Client) {
        self.crowd.patience.befriend(client.0, Instant::now());
    }

    /// The client sent something that was refused; too many of these, and its requests are not read any more.
    pub(crate) fn refused(&self, client: Client) {
        self.crowd.patience.refused(client.0, Instant::now());
    }

    pub(super) fn around(&self, router: Router) -> Router {
        router.layer(middleware::from_fn_with_state(self.clone(), pass))
    }

    /// The address of who asks: the last one that is not a trusted proxy's.
    fn address(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        let mut address = peer;
        let named: Vec<IpAddr> = headers
            .get_all("x-forwarded-for")
            .iter()
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .map_while(|part| part.trim().parse().ok())
            .collect();
        for before in named.into_iter().rev() {
            if !self.crowd.is_proxy(address) {
                break;
            }
            address = before;
        }
        plain(address)
    }

    /// A place among the requests of a client behind a proxy.
    fn turn(&self, client: IpAddr) -> Option<Turn> {
        let mut under_way = self.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        let count = under_way.entry(client).or_default();
        if *count >= self.crowd.bounds.per_client {
            return None;
        }
        *count += 1;
        Some(Turn {
            gate: self.clone(),
            client,
        })
    }
}

struct Turn {
    gate: Gate,
    client: IpAddr,
}

impl Drop for Turn {
    fn drop(&mut self) {
        let mut under_way = self.gate.under_way.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = under_way.get_mut(&self.client) {
            *count -= 1;
            if *count == 0 {
                under_way.remove(&self.client);
            }
        }
    }
}

async fn pass(
    State(gate): State<Gate>,
    ConnectInfo(arrived): ConnectInfo<Arrived>,
    mut request: Request,
    next: Next,
) -> Response {
    arrived.seat.enter(Phase::Served);
    let peer = arrived.peer.ip();
    let client = client_of(gate.address(peer, request.headers()));
    if gate.crowd.patience.is_over(client, Instant::now()) {
        return StatusCode::TOO_MANY_REQUESTS.into_response();
    }
    let _turn = if gate.crowd.is_proxy(peer) {
        match gate.turn(client) {
            Some(turn) => Some(turn),
            None => return StatusCode::TOO_MANY_REQUESTS.into_response(),
        }
    } else {
        None
    };
    request.extensions_mut().insert(Client(client));
    next.run(request).await
}

//! Requests of one port, each connection in a task of its own.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::pin::pin;

use axum::Router;
use axum::body::Body;
use axum::extract::{ConnectInfo, Request};
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tower_service::Service as _;

use super::connection::{Arrived, Connection, Listener};

/// Serves `router` behind the listener's gate until `stop` is over; requests that run then are finished. Dropping it ends
/// its connections.
///
/// HTTP/1.1 alone is spoken, by construction: every bound of this room counts one request to a connection, and HTTP/2 has
/// hundreds of them there. What serves either by the first bytes does so as soon as any crate of the build wants HTTP/2.
pub(crate) async fn serve(mut listener: Listener, router: Router, stop: impl Future<Output = ()>) {
    let router = listener.gate().around(router);
    let tls = listener.tls();
    let fresh = async {
        match tls {
            Some(tls) => tls.keep_fresh().await,
            None => std::future::pending().await,
        }
    };
    let mut connections = JoinSet::new();
    let (stopping, stopped) = watch::channel(());
    let take_all = async {
        let mut stop = pin!(stop);
        loop {
            // nothing but the end may give up the next connection: it may have been taken, and wait for room
            let (connection, peer) = tokio::select! {
                () = &mut stop => break,
                next = listener.next() => next,
            };
            while connections.try_join_next().is_some() {}
            connections.spawn(converse(connection, peer, router.clone(), stopped.clone()));
        }
        // whoever comes now is refused, not left waiting
        drop(listener);
        drop(stopping);
        while connections.join_next().await.is_some() {}
    };
    tokio::select! {
        () = take_all => {}
        never = fresh => match never {},
    }
}

/// Until either side ends it, or until the request under way is answered once `stopped` tells of the end.
async fn converse(
    connection: Connection,
    peer: SocketAddr,
    router: Router,
    mut stopped: watch::Receiver<()>,
) {
    let arrived = connection.arrived(peer);
    let service = service_fn(move |request| answer(router.clone(), arrived.clone(), request));
    let serving = http1::Builder::new().serve_connection(TokioIo::new(connection), service);
    let mut serving = pin!(serving);
    // how a connection ends is its client's affair; what matters of it the gate has counted
    tokio::select! {
        _ = &mut serving => return,
        _ = stopped.changed() => serving.as_mut().graceful_shutdown(),
    }
    let _ = serving.await;
}

async fn answer(
    mut router: Router,
    arrived: Arrived,
    request: hyper::Request<Incoming>,
) -> Result<axum::response::Response, Infallible> {
    let mut request: Request = request.map(Body::new);
    request.extensions_mut().insert(ConnectInfo(arrived));
    router.call(request).await
}

//! How a running role is: `/metrics`, `/livez` and `/readyz`, over HTTP for machines.
//!
//! | path | answers |
//! |---|---|
//! | `/livez` | 200 while the role goes around; 503 when it hangs and should be started again |
//! | `/readyz` | 200 when it could act right now; 503 otherwise, with why; JSON in both cases |
//! | `/metrics` | Prometheus' text format, version 0.0.4 |
//!
//! By default it is asked from the same machine only: whoever asks learns addresses, balances and what waits. Nothing can
//! be changed here.

mod encode;
mod process;
mod pulse;
mod server;
#[cfg(test)]
mod tests;

use std::fmt;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;

use serde_json::Value;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;

use crate::types::SafeText;

pub(crate) use encode::{Family, render};
#[cfg(test)]
pub(crate) use pulse::HANGS_AFTER;
pub use pulse::Pulse;

/// Where a role is asked how it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum MetricsListen {
    /// At the role's usual port of the loopback address; where that is taken, nowhere.
    #[default]
    Usual,
    /// There; it is an error where that cannot be.
    At(SocketAddr),
    /// Nowhere.
    Off,
}

/// Whose port it is, where none is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Oracle,
    Messenger,
    Operator,
}

impl Role {
    fn usual_port(self) -> u16 {
        match self {
            Self::Oracle => 9_464,
            Self::Messenger => 9_465,
            Self::Operator => 9_466,
        }
    }
}

/// An answer to `/livez` or `/readyz`.
#[derive(Debug, Clone, PartialEq)]
pub struct Verdict {
    /// 200, or 503.
    pub yes: bool,
    /// Why, as JSON.
    pub body: Value,
}

/// Somebody who can be asked how it is. No answer waits for anything.
pub trait Probe: fmt::Debug + Send + Sync + 'static {
    /// Whether it goes around.
    fn live(&self) -> Verdict;
    /// Whether it could act right now.
    fn ready(&self) -> Verdict;
    /// The text of `/metrics`.
    fn metrics(&self) -> String;
}

/// The configured address cannot be listened on.
#[derive(Debug, thiserror::Error)]
#[error("metrics.listen: cannot listen on {at}: {error}")]
pub struct NotListening {
    at: SocketAddr,
    error: std::io::Error,
}

/// An open port; dropping it closes it.
#[derive(Debug)]
pub struct Monitor {
    address: SocketAddr,
    server: JoinHandle<()>,
}

impl Monitor {
    /// Where it listens.
    #[must_use]
    pub fn address(&self) -> SocketAddr {
        self.address
    }
}

impl Drop for Monitor {
    fn drop(&mut self) {
        self.server.abort();
    }
}

/// A port that is open and not served yet.
#[derive(Debug)]
pub struct Bound {
    address: SocketAddr,
    listener: TcpListener,
}

/// Opens the port. Nobody asked for the usual port, so where that is taken the role runs without one, and says so.
///
/// # Errors
/// The address that was configured cannot be listened on.
pub async fn bind(listen: MetricsListen, role: Role) -> Result<Option<Bound>, NotListening> {
    let at = match listen {
        MetricsListen::Off => return Ok(None),
        MetricsListen::At(at) => at,
        MetricsListen::Usual => SocketAddr::from((Ipv4Addr::LOCALHOST, role.usual_port())),
    };
    let bound = TcpListener::bind(at).await;
    match bound.and_then(|listener| Ok((listener.local_addr()?, listener))) {
        Ok((address, listener)) => Ok(Some(Bound { address, listener })),
        Err(error) if listen == MetricsListen::Usual => {
            let error = SafeText::new(&error.to_string());
            tracing::info!(target: "monitor", %at, %error, "no /metrics, /livez and /readyz: set metrics.listen");
            Ok(None)
        }
        Err(error) => Err(NotListening { at, error }),
    }
}

impl Bound {
    /// Answers for a role from now on.
    #[must_use]
    pub fn serve(self, probe: Arc<dyn Probe>) -> Monitor {
        self.serve_within(probe, server::DEADLINES)
    }

    fn serve_within(self, probe: Arc<dyn Probe>, deadlines: server::Deadlines) -> Monitor {
        let address = self.address;
        tracing::info!(target: "monitor", %address, "answers /metrics, /livez and /readyz");
        Monitor {
            address,
            server: tokio::spawn(server::serve(self.listener, probe, deadlines)),
        }
    }
}

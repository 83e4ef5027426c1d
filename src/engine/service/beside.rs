//! What stands beside the engine and never holds it up: who is told what waits, and where it is asked how it is.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use super::{ServiceError, doors};
use crate::config::Config;
use crate::engine::core::Incoming;
use crate::engine::notices::{self, Book, Pace, Recipient, Telling};
use crate::engine::{Costs, EngineHandle, LiveUpdate, OracleProbe};
use crate::http::Http;
use crate::monitor::{self, Bound, Monitor, Role};

/// How long notices may take to arrive when the engine has ended.
const LAST_WORDS: Duration = Duration::from_secs(5);

/// Opened, and idle: what a person has to mend is found before anything is begun.
pub(super) struct Prepared {
    receivers: Vec<Recipient>,
    port: Option<Bound>,
}

/// # Errors
/// A receiver cannot be opened, or the configured port is not free.
pub(super) async fn prepare(config: &Config, http: &Http) -> Result<Prepared, ServiceError> {
    Ok(Prepared {
        receivers: doors::receivers(&config.notices, config.network.name, http)?,
        port: monitor::bind(config.metrics, Role::Oracle).await?,
    })
}

impl Prepared {
    /// Sets it going beside an engine whose core hears of costs by `core`, and which has this journal.
    pub(super) async fn begin(
        self,
        config: &Config,
        journal: &Path,
        engine: &EngineHandle,
        core: &mpsc::Sender<Incoming>,
    ) -> Beside {
        let costs = Costs {
            ceiling_wei: config.fees.max_fee_wei,
            least_deposits: config.notices.balance_deposits,
        };
        // a core that has ended already says so itself
        let _ = core.send(Incoming::Live(LiveUpdate::Costs(costs))).await;
        let pace = Pace {
            repeat: config.notices.repeat,
            per_hour: config.notices.per_hour,
        };
        let telling = notices::tell(engine, self.receivers, pace, Book::beside(journal));
        let probe = Arc::new(OracleProbe::new(engine, telling.delivered.clone()));
        Beside {
            _monitor: self.port.map(|port| port.serve(probe)),
            telling,
        }
    }
}

/// It ends when it is dropped.
#[derive(Debug)]
pub(super) struct Beside {
    _monitor: Option<Monitor>,
    telling: Telling,
}

impl Beside {
    /// After the end of the engine: its last words may be the ones that matter most, and whoever hangs must not hold up
    /// the end.
    pub(super) async fn end(&mut self) {
        let tasks = &mut self.telling.tasks;
        let told = async { while tasks.join_next().await.is_some() {} };
        if tokio::time::timeout(LAST_WORDS, told).await.is_err() {
            tracing::warn!(target: "notices", "the last notices were not delivered in time");
        }
        self.telling.tasks.shutdown().await;
    }
}

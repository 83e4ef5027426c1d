//! The way of a ceremony, from its plan to its end.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::Arc;

use tokio::sync::mpsc;
use tokio::task::JoinSet;

use super::ceremony::Ceremony;
use super::config::{InitiatorConfig, InitiatorError};
use super::host::Host;
use crate::dkg::tracker::View;
use crate::ports::{Answer, CeremonyUpdate, Failed, OperatorHealth, RelayHealth, Verified};
use crate::types::{CaseId, CeremonyPlan, HeldFor, OperatorId, OperatorRecord, RequestId};

/// Starts ceremonies and follows them; cheap to clone.
#[derive(Debug, Clone)]
pub struct Initiator {
    host: Arc<Host>,
    /// For which case of the oracle's its ceremonies are.
    case: Option<CaseId>,
}

impl Initiator {
    /// Opens the observer's listener. Nothing is sent to anybody.
    ///
    /// # Errors
    /// See [`InitiatorError`].
    pub async fn start(config: InitiatorConfig) -> Result<Self, InitiatorError> {
        let host = Arc::new(Host::open(config).await?);
        Ok(Self { host, case: None })
    }

    /// The same, for a case: the transcripts of its ceremonies name it.
    #[must_use]
    pub fn of(&self, case: CaseId) -> Self {
        Self {
            case: Some(case),
            ..self.clone()
        }
    }

    fn held_for(&self) -> Option<HeldFor> {
        let held_for = self.host.config.held_for?;
        Some(HeldFor {
            case: self.case,
            ..held_for
        })
    }

    /// Operators with the keys that were not known at the start. The first that are told stay.
    pub(in crate::dkg::rockx) fn learn(&self, operators: BTreeMap<OperatorId, OperatorRecord>) {
        self.host.learn(operators);
    }

    /// Where the observer listens.
    #[must_use]
    pub fn observer_addr(&self) -> SocketAddr {
        self.host.observer_addr()
    }

    /// Asks these operators' nodes for `/ping` and `/version`, in parallel, each within ten seconds.
    pub async fn preflight(&self, ids: &[OperatorId]) -> Vec<OperatorHealth> {
        self.host.preflight(ids).await
    }

    /// Asks the messenger the same.
    pub async fn preflight_messenger(&self) -> RelayHealth {
        self.host.messenger_health().await
    }

    /// Which of these operators are not registered at the messenger. Never a no.
    pub async fn unregistered(&self, ids: &[OperatorId]) -> Answer<Vec<OperatorId>> {
        self.host.unregistered(ids).await
    }

    /// Runs a ceremony from preflight to verified result; see [`crate::ports::Ceremonies::run`].
    ///
    /// # Errors
    /// See [`crate::types::FailureKind`]. After `NotStarted` no operator got a start message that it accepted.
    pub async fn run(
        &self,
        request_id: RequestId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        let mut ceremony = Ceremony::open(
            &self.host,
            request_id,
            plan,
            updates,
            (View::Whole, self.held_for()),
        )?;
        let end = match ceremony.prepare().await {
            Ok(()) => match ceremony.begin() {
                Ok(starts) => ceremony.follow(starts).await,
                Err(failure) => Err(failure),
            },
            Err(failure) => Err(failure),
        };
        ceremony.close(end).await
    }

    /// Takes up a ceremony that an earlier process started, without sending a start message: subscribes again, and waits
    /// for the result or for nothing more to come. The messenger may be down at this moment: that is found out on the way.
    ///
    /// # Errors
    /// As [`Initiator::run`]; `Unknown` when nothing can be found out, never `NotStarted`.
    pub async fn find(
        &self,
        request_id: RequestId,
        plan: &CeremonyPlan,
        updates: mpsc::Sender<CeremonyUpdate>,
    ) -> Result<Verified, Box<Failed>> {
        let mut ceremony = Ceremony::open(
            &self.host,
            request_id,
            plan,
            updates,
            (View::Late, self.held_for()),
        )?;
        ceremony.note = "attached again; no start message is sent".into();
        ceremony.resubscribe().await;
        let end = ceremony.follow(JoinSet::new()).await;
        ceremony.close(end).await
    }
}

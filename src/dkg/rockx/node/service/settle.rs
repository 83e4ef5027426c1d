//! Finding out whether a run completed whose end this node missed: because it crashed, was cut off, or lost patience while
//! the others went on. The members' signed results are at the messenger then.

use std::time::{Duration, Instant};

use super::super::session::completed;
use super::super::store::{Remembered, Unsettled};
use super::{Refused, Service};
use crate::dkg::rockx::wire::{DataStore, Decode, Encode};
use crate::types::{BlsPublicKey, SafeText};

/// How long a start message waits for an answer on a run that is not settled.
const AT_ONCE: Duration = Duration::from_secs(3);
/// Pauses between two rounds of questions while nobody needs the answer.
const FIRST_PAUSE: Duration = Duration::from_secs(2);
const LONGEST_PAUSE: Duration = Duration::from_secs(600);
/// No messenger keeps results for longer, so there is nobody left to ask.
const LIFETIME: Duration = Duration::from_secs(30 * 24 * 3600);
/// Runs that are asked for before a share is used: more than one or two means that something else is wrong.
const MOST_AT_ONCE: usize = 4;
/// Runs that left no share and that no configured initiator signed are remembered until nobody can ask about them any more; those in which no other operator spoke
/// for a day: RockX's messenger sends a start message for minutes. One address begins at most one a second where anybody may.
const REMEMBERED: Remembered = Remembered {
    alone: Duration::from_secs(24 * 3600),
    others: LIFETIME,
    most: 100_000,
};
const BETWEEN_FORGETTING: Duration = Duration::from_secs(3600);

impl Service {
    /// Asks the messenger about every unsettled run, again and again, until the node stops.
    pub(in super::super) async fn keep_settling(&self) {
        let mut stop = self.stop.clone();
        let mut pause = FIRST_PAUSE;
        let mut forgotten: Option<Instant> = None;
        loop {
            if forgotten.is_none_or(|at| at.elapsed() >= BETWEEN_FORGETTING) {
                forgotten = Some(Instant::now());
                self.forget().await;
            }
            let ended = self.unsettled_ended.notified();
            match self.unsettled(None).await {
                Ok(runs) => {
                    for run in runs {
                        self.settle(&run).await;
                    }
                }
                Err(error) => {
                    tracing::error!(target: "casimir_dkg::node", %error, "cannot read which runs are not settled");
                }
            }
            tokio::select! {
                _ = stop.wait_for(|stop| *stop) => return,
                () = ended => pause = FIRST_PAUSE,
                () = tokio::time::sleep(pause) => pause = (pause * 2).min(LONGEST_PAUSE),
            }
        }
    }

    /// Forgets the request ids of runs that left nothing here, which strangers can make this node remember.
    async fn forget(&self) {
        match self.with_store(|store| store.forget(&REMEMBERED)).await {
            Ok(forgotten) => {
                let mut table = self.table();
                for ceremony in &forgotten {
                    table.over.remove(ceremony);
                }
            }
            Err(error) => {
                tracing::error!(target: "casimir_dkg::node", %error, "cannot forget old runs that left no share");
            }
        }
    }

    /// Asks about the unsettled runs of a key whose share is about to be used. What the messenger does not tell in time
    /// stays unsettled: the share of the newest run that is known to be complete counts then.
    pub(super) async fn settle_key(&self, validator: BlsPublicKey) -> Result<(), Refused> {
        let runs = self.unsettled(Some(validator)).await?;
        let ask = async {
            for run in runs.iter().take(MOST_AT_ONCE) {
                self.settle(run).await;
            }
        };
        if tokio::time::timeout(AT_ONCE, ask).await.is_err() {
            tracing::warn!(
                target: "casimir_dkg::node", %validator,
                "the messenger did not tell in time whether the last run of this key completed"
            );
        }
        Ok(())
    }

    async fn unsettled(&self, validator: Option<BlsPublicKey>) -> Result<Vec<Unsettled>, Refused> {
        self.with_store(move |store| store.unsettled(validator, LIFETIME))
            .await
    }

    async fn settle(&self, run: &Unsettled) {
        let ceremony = run.ceremony;
        let mut stop = self.stop.clone();
        let evidence = tokio::select! {
            _ = stop.wait_for(|stop| *stop) => return,
            evidence = self.evidence(run) => evidence,
        };
        match evidence {
            Ok(Some(outputs)) => {
                let stored = self
                    .with_store(move |store| store.complete(ceremony, &outputs))
                    .await;
                match stored {
                    Ok(()) => {
                        tracing::info!(target: "casimir_dkg::node", %ceremony, "the run completed: all results are at the messenger");
                    }
                    Err(error) => {
                        tracing::error!(target: "casimir_dkg::node", %ceremony, %error, "not settled")
                    }
                }
            }
            Ok(None) => {
                tracing::debug!(target: "casimir_dkg::node", %ceremony, "the messenger has no results of this run");
            }
            Err(why) => {
                tracing::debug!(target: "casimir_dkg::node", %ceremony, %why, "the run is not settled")
            }
        }
    }

    /// The results that show that the run completed, as JSON. None: the messenger has none.
    async fn evidence(&self, run: &Unsettled) -> Result<Option<Vec<u8>>, SafeText> {
        let Some(stored) = self.messenger.data(run.ceremony).await? else {
            return Ok(None);
        };
        let stored = DataStore::from_json(&stored).map_err(|e| e.to_string())?;
        if stored.dkg_outputs.is_empty() {
            return Ok(None);
        }
        let members: Vec<_> = run.share_public_keys.keys().copied().collect();
        let peers = self.peers(&members).await.map_err(|e| e.to_string())?;
        completed(run, &peers, &stored.dkg_outputs)?;
        Ok(Some(stored.dkg_outputs.to_json()))
    }
}

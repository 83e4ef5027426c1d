//! The world while the contract is not known yet: the journal is open and the screen is up, and nothing that rests on
//! the contract leaves this machine.

use std::sync::Arc;

use tokio::sync::watch;

use super::outside::{self, Outside};
use crate::engine::world::{EffectFuture, World};
use crate::oracle::{Effect, Input};
use crate::ports::Consensus;
use crate::types::SafeText;

/// What a transaction waits for, in the words that its page shows.
const WAITS: &str = "the contract has not answered since the start";

/// Lets effects through once the world behind it is known.
pub(super) struct Gate {
    /// Nothing while the contract is not known.
    pub(super) world: watch::Receiver<Option<Arc<Outside>>>,
    /// Asks nobody about the contract.
    pub(super) consensus: Option<Arc<dyn Consensus>>,
}

impl World for Gate {
    /// What was being handed over when an earlier run ended is answered at once, as by endpoints that are down: the core
    /// asks again by itself, and an end of the program need not wait for it. What only prepares waits here.
    fn perform(self: Arc<Self>, effect: Effect) -> EffectFuture {
        Box::pin(async move {
            let open = self.world.borrow().clone();
            if let Some(world) = open {
                return world.perform(effect).await;
            }
            let beacon = self.consensus.as_deref();
            match effect {
                Effect::Sign { action, .. } => Input::Signed {
                    action,
                    outcome: Err(SafeText::new(WAITS).into()),
                },
                Effect::Send { action, .. } => Input::Sent {
                    action,
                    outcome: Err(WAITS.into()),
                },
                Effect::Inspect { action, .. } => Input::Inspected { action, status: None },
                Effect::PublishExit { action, payload } => {
                    outside::publish_exit(beacon, action, &payload).await
                }
                Effect::LookUpValidator {
                    case,
                    validator,
                    published,
                } => outside::look_up(beacon, case, validator, published).await.0,
                waits @ (Effect::Prepare { .. } | Effect::RunCeremony { .. }) => {
                    self.opened().await.perform(waits).await
                }
            }
        })
    }
}

impl Gate {
    async fn opened(&self) -> Arc<Outside> {
        let mut world = self.world.clone();
        let open = world.wait_for(Option::is_some).await;
        if let Ok(Some(world)) = open.map(|world| world.clone()) {
            return world;
        }
        // nobody opens it any more: the engine is ending, and this task with it
        std::future::pending().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::types::{ActionId, BackendName, CaseId, CeremonyPlan, OperatorId, RequestId};

    fn case() -> CaseId {
        "deposit/1".parse().unwrap()
    }

    fn closed() -> (watch::Sender<Option<Arc<Outside>>>, Arc<Gate>) {
        let (opens, world) = watch::channel(None);
        let consensus = None;
        (opens, Arc::new(Gate { world, consensus }))
    }

    #[tokio::test]
    async fn what_would_be_handed_over_is_answered_as_by_endpoints_that_are_down() {
        let (_opens, gate) = closed();
        let action = ActionId {
            case: case(),
            number: 1,
        };
        let inspect = Effect::Inspect {
            action,
            nonce: 0,
            hashes: Vec::new(),
        };
        let told = gate.perform(inspect).await;
        assert!(
            matches!(told, Input::Inspected { status: None, .. }),
            "not known, which is not missing"
        );
    }

    #[tokio::test]
    async fn a_ceremony_waits() {
        let (_opens, gate) = closed();
        let ceremony = Effect::RunCeremony {
            case: case(),
            request: RequestId([1; 24]),
            plan: CeremonyPlan::Reshare {
                validator: Default::default(),
                old: vec![OperatorId(1)],
                new: vec![OperatorId(2)],
                threshold: 1,
                brought: None,
                registration: None,
            },
            backend: BackendName::ROCKX,
            start: true,
        };
        let mut told = gate.perform(ceremony);
        for _ in 0..3 {
            assert!(futures_util::poll!(&mut told).is_pending());
        }
    }
}

//! The life of a pool's validator on Lodestar.

use std::sync::Arc;
use std::time::{Duration, Instant};

use casimir_dkg::beacon::client::{Beacon, BeaconConfig};
use casimir_dkg::config::{self, Flag, LoadOptions};
use casimir_dkg::devnet::{BeaconWatch, DemoBeacon, DemoNetwork, DemoOptions, StakerScript, lodestar};
use casimir_dkg::engine::service::{self, Running, ServiceOptions};
use casimir_dkg::engine::{Identity, Seat};
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::ports::consensus::{Consensus, Validator};
use casimir_dkg::signer::{KeyPolicy, OracleSigner};
use casimir_dkg::types::{BlsPublicKey, CaseId, CeremonyPlan, OperatorId, PoolId, RedactedUrl, Root};
use casimir_dkg::view::{
    ActionState, ActionView, CaseStatus, CaseView, CeremonyPayload, Payload, Refused, Request, Snapshot,
};
use secrecy::SecretString;

use super::{alone, say};
use crate::devnet::killed::gone;

/// From the start of the network to the withdrawal: about 150 s on an idle machine, and only what hangs takes so long.
const WHOLE_LIFE: Duration = Duration::from_secs(1_800);
const POLL: Duration = Duration::from_millis(250);
const POOL: PoolId = PoolId(1);

/// The oracle on the network, as far as a person goes who approves what it proposes.
struct Life {
    network: DemoNetwork,
    oracle: Running,
    started: Instant,
}

impl Life {
    async fn start() -> Self {
        let options = DemoOptions {
            operators: 5,
            committee: 4,
            stakers: StakerScript {
                first: 1,
                then_every: Duration::from_secs(1),
                up_to: 1,
            },
            beacon: DemoBeacon::lodestar(),
            ..DemoOptions::default()
        };
        let started = Instant::now();
        let mut network = DemoNetwork::start(options, &say).await.unwrap();
        let config = config::load(&LoadOptions {
            file: Some(network.config_file().to_owned()),
            flags: vec![Flag {
                key: "dkg.round_deadline",
                flag: "--round-deadline",
                value: "20s".to_owned(),
            }],
            ..LoadOptions::default()
        })
        .unwrap();
        let words = std::fs::read_to_string(network.folder().join("oracle.mnemonic")).unwrap();
        let words = SecretString::from(words.trim());
        let signer = OracleSigner::from_mnemonic(&words, 0, KeyPolicy::DevelopmentKeys).unwrap();
        let oracle = service::start(ServiceOptions {
            config,
            signer: Some(Arc::new(signer)),
            backend: None,
            simulated: Vec::new(),
        })
        .await
        .unwrap();
        network.begin();
        Self {
            network,
            oracle,
            started,
        }
    }

    fn log(&self, text: &str) {
        println!("{:>5.1} s  {text}", self.started.elapsed().as_secs_f32());
    }

    fn left(&self) -> Duration {
        WHOLE_LIFE.saturating_sub(self.started.elapsed())
    }

    fn give_up(&self, what: &str) -> ! {
        let snapshot = self.oracle.handle.snapshots.borrow().clone();
        let cases: Vec<_> = snapshot
            .cases
            .iter()
            .map(|c| format!("{} is {}: {}", c.id, c.status, c.sentence))
            .collect();
        panic!(
            "not seen in time: {what}; cases {cases:?}, alarms {:?}, validators {:?}, Lodestar ended: {:?}",
            snapshot.alarms,
            snapshot.validators,
            self.network.lodestar().map(lodestar::Lodestar::exited),
        );
    }

    async fn until<T>(&self, what: &str, find: impl Fn(&Snapshot) -> Option<T>) -> T {
        let mut snapshots = self.oracle.handle.snapshots.clone();
        loop {
            if let Some(found) = find(&snapshots.borrow_and_update()) {
                return found;
            }
            let changed = tokio::time::timeout(self.left(), snapshots.changed()).await;
            if !matches!(changed, Ok(Ok(()))) {
                self.give_up(what);
            }
        }
    }

    /// Approves what a case proposes, again when it changed in between.
    async fn approve(&self, case: &str, kind: ActionKind) {
        self.approve_with(case, kind, None).await;
    }

    async fn approve_with(&self, case: &str, kind: ActionKind, committee: Option<&[OperatorId]>) {
        let id: CaseId = case.parse().unwrap();
        loop {
            let what = format!("{kind} of {case}, ready to be approved");
            let action: ActionView = self
                .until(&what, |s| {
                    let fits = |a: &&ActionView| {
                        a.id.case == id
                            && a.kind == kind.to_string()
                            && a.state == ActionState::Proposed
                            && a.can_approve.is_yes()
                            && committee.is_none_or(|wanted| new_committee(a) == Some(wanted))
                    };
                    s.actions.iter().find(fits).cloned()
                })
                .await;
            let approve = Request::Approve {
                action: action.id,
                digest: action.digest,
                phrase: action.phrase.clone(),
            };
            match seat(&self.oracle).request(approve).await {
                Ok(_) => return self.log(&format!("approved: {}", action.title)),
                // it was prepared anew in this moment: the new one is in the next snapshot
                Err(Refused::Stale(_) | Refused::NotNow(_)) if !self.left().is_zero() => {
                    tokio::time::sleep(POLL).await;
                }
                Err(other) => panic!("{other}"),
            }
        }
    }

    async fn done(&self, case: &str) -> CaseView {
        let id: CaseId = case.parse().unwrap();
        let found = self
            .until(&format!("{case} done"), |s| {
                let ended = |c: &&CaseView| c.id == id && c.status == CaseStatus::Done;
                s.cases.iter().find(ended).cloned()
            })
            .await;
        self.log(&format!("{case}: {}", found.sentence));
        found
    }

    /// What Lodestar says of the validator, until it says one of these.
    async fn status(&self, key: &BlsPublicKey, wanted: &[&str]) {
        let watch = BeaconWatch::new(self.network.beacon_url().unwrap()).unwrap();
        let mut last = None;
        loop {
            let status = watch.status(key).await;
            if status != last {
                let text = status.as_deref().unwrap_or("unknown");
                self.log(&format!("Lodestar says: {text}"));
                last.clone_from(&status);
            }
            match status {
                Some(status) if wanted.contains(&status.as_str()) => return,
                _ if self.left().is_zero() => self.give_up(&format!("one of {wanted:?} on Lodestar")),
                _ => tokio::time::sleep(POLL).await,
            }
        }
    }
}

/// Who holds the key after this reshare.
fn new_committee(action: &ActionView) -> Option<&[OperatorId]> {
    match &action.payload {
        Payload::Ceremony(CeremonyPayload {
            plan: CeremonyPlan::Reshare { new, .. },
            ..
        }) => Some(new),
        _ => None,
    }
}

fn seat(running: &Running) -> Seat {
    running.handle.seat(Identity::new("tess@test"))
}

async fn validator(life: &Life, key: &BlsPublicKey) -> Validator {
    let url = RedactedUrl::new(life.network.beacon_url().unwrap());
    let beacon = Beacon::new(BeaconConfig::new(vec![url], None)).unwrap();
    beacon.validator(key).await.yes().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_validator_from_the_request_of_its_pool_to_its_exit() {
    // not part of its life
    lodestar::ensure(&say).await.unwrap();
    let _alone = alone().await;
    let life = Life::start().await;
    let port = life.network.lodestar().unwrap().port();
    life.log("the network and the oracle are up");

    // a deposit that Lodestar takes for good
    life.approve("deposit/1", ActionKind::Keygen).await;
    life.approve("deposit/1", ActionKind::SendDeposit).await;
    let case: CaseId = "deposit/1".parse().unwrap();
    let key = life
        .until("the validator's key", |s| {
            s.cases.iter().find(|c| c.id == case).and_then(|c| c.validator)
        })
        .await;
    life.status(&key, &["active_ongoing"]).await;
    life.done("deposit/1").await;
    let active = validator(&life, &key).await;
    assert!(
        active.index >= lodestar::GENESIS_VALIDATORS,
        "it came after those of genesis: {}",
        active.index
    );
    let mut credentials = [0; 32];
    credentials[0] = 1;
    credentials[12..].copy_from_slice(life.network.devnet().addresses().manager.as_slice());
    assert_eq!(
        active.withdrawal_credentials,
        Root(credentials),
        "it pays out to the manager"
    );

    // other operators hold the same key
    life.network.devnet().request_reshare(POOL).await.unwrap();
    let shown = life
        .until("a proposal to reshare", |s| {
            let fits = |a: &&ActionView| a.kind == "reshare";
            s.actions.iter().find(fits).cloned()
        })
        .await;
    let committee = [1, 2, 3, 5].map(OperatorId);
    let choose = Request::SetCommittee {
        action: shown.id,
        committee: committee.to_vec(),
    };
    seat(&life.oracle).request(choose).await.unwrap();
    life.approve_with("reshare/1", ActionKind::Reshare, Some(&committee))
        .await;
    life.approve("reshare/1", ActionKind::SendReshare).await;
    assert_eq!(life.done("reshare/1").await.validator, Some(key));
    life.until("the new committee", |s| {
        s.validators.iter().find(|v| v.operators == committee).cloned()
    })
    .await;

    // they sign its exit, and Lodestar takes it
    life.network.devnet().request_exit(POOL).await.unwrap();
    life.approve("exit/1", ActionKind::SignExit).await;
    life.approve("exit/1", ActionKind::BroadcastExit).await;
    let after_exit = ["exited_unslashed", "withdrawal_possible", "withdrawal_done"];
    life.status(&key, &after_exit).await;
    let exited = validator(&life, &key).await;
    assert!(exited.exit_epoch.is_some(), "{exited:?}");
    assert!(!exited.slashed);
    let case = life.done("exit/1").await;
    let exits = life.oracle.handle.snapshots.borrow().exits.clone();
    assert!(
        exits
            .iter()
            .any(|e| e.case == case.id && e.verdicts.iter().any(|v| v.delivered)),
        "{exits:?}"
    );

    let Life { network, oracle, .. } = life;
    oracle.handle.shutdown().await.unwrap();
    oracle.wait().await.unwrap();
    network.shutdown().await;
    assert!(gone(port), "Lodestar still listens");
}

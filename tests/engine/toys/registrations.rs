//! Registrations that are signed within the ceremony that makes shares: what becomes of one whose nonce moves, a reshare
//! that brings its own, and what cannot be had without the owner's signature.

use std::collections::VecDeque;

use alloy::primitives::{Address, Bytes};
use alloy::signers::SignerSync as _;
use alloy::signers::local::PrivateKeySigner;
use casimir_dkg::devnet::DemoOptions;
use casimir_dkg::dkg::threshold::verify;
use casimir_dkg::engine::service::Running;
use casimir_dkg::oracle::{
    ActionKind, Backend, CeremonyPayload, CeremonySuccess, ChainFacts, Command, Draft, Effect, Input, Mode,
    Payload, Policy, Prepared, Proposal, Rule, SendDepositDraft, Settings, Stamped, State, Step, step,
};
use casimir_dkg::ports::Ceremonies as _;
use casimir_dkg::types::{
    BlockRef, BroughtAlong, CaseId, CeremonyPlan, CeremonyResult, DepositOrder, ForkVersion, KeygenOutput,
    LogRef, OperatorId, OwnerNonce, PoolId, RequestId, RequestKind, Root, SignPurpose, UnixMillis,
};
use casimir_dkg::view::{CaseStatus, Request};

use super::super::support::{
    approve_next, case_is, drive, four_operators, half_second_slots, seat, until, waiting,
};
use super::Toys;
use super::backend::{self, ToyBackend};

const POOL: PoolId = PoolId(3);

fn committee() -> Vec<OperatorId> {
    (1..=4).map(OperatorId).collect()
}

fn keygen(owner: Address, nonce: u64) -> CeremonyPlan {
    CeremonyPlan::Keygen {
        committee: committee(),
        threshold: 4,
        withdrawal_credentials: Root([1; 32]),
        fork_version: ForkVersion::default(),
        registration: Some(OwnerNonce::new(owner, nonce)),
    }
}

/// The core with the toy's operators, where everything that is asked for is approved at once.
struct Core {
    state: State,
    toy: ToyBackend,
    now: u64,
    /// The nonce that a key is made for.
    nonce: u64,
    /// What was begun, in order.
    begun: Vec<CeremonyPlan>,
    /// What the deposit would be prepared from.
    deposit: Option<SendDepositDraft>,
}

impl Core {
    fn new(toy: ToyBackend) -> Self {
        let can = toy.capabilities();
        let rule = Rule {
            name: "all".into(),
            kinds: ActionKind::ALL.to_vec(),
            pools: None,
            max_fee_wei: None,
            max_per_day: None,
            max_attempts: 9,
            other_committees: 0,
            unknown_ok: Vec::new(),
        };
        let settings = Settings {
            mode: Mode::Auto,
            policy: Policy {
                rules: vec![rule],
                ..Policy::default()
            },
            owner: Address::repeat_byte(7),
            deposit_order: DepositOrder::HeadOfQueue,
            backend: Backend {
                name: can.backend.clone(),
                renews_registrations: can.renews_registrations(),
            },
            follows_beacon: false,
            look_up_every_ms: 4_000,
            ceremonies_at_once: 4,
            refresh_every_ms: 5_000,
            approval_expires_ms: 3_600_000,
            bump_after_ms: 60_000,
        };
        Self {
            state: State::new(settings),
            toy,
            now: 0,
            nonce: 5,
            begun: Vec::new(),
            deposit: None,
        }
    }

    async fn give(&mut self, input: Input) {
        let mut inputs = VecDeque::from([input]);
        while let Some(input) = inputs.pop_front() {
            self.now += 10_000;
            let stamped = Stamped {
                at: UnixMillis(self.now),
                up_ms: self.now,
                entropy: [u8::try_from(self.now / 10_000).unwrap(); 24],
                input,
            };
            let (output, _) = step(&mut self.state, stamped);
            for effect in output.effects {
                inputs.extend(self.carry_out(effect).await);
            }
        }
    }

    async fn carry_out(&mut self, effect: Effect) -> Option<Input> {
        match effect {
            Effect::Prepare {
                case, purpose, draft, ..
            } => match *draft {
                Draft::Keygen(_) => {
                    let plan = keygen(self.state.settings.owner, self.nonce);
                    let backend = backend::NAME;
                    let proposal = Proposal {
                        kind: ActionKind::Keygen,
                        title: "make a key".into(),
                        facts: Vec::new(),
                        checks: Vec::new(),
                        payload: Payload::Ceremony(CeremonyPayload {
                            plan,
                            backend,
                            parties: None,
                        }),
                    };
                    let outcome = Prepared::Proposal(Box::new(proposal));
                    Some(Input::Prepared {
                        case,
                        purpose,
                        outcome,
                    })
                }
                Draft::SendDeposit(draft) => {
                    self.deposit = Some(draft);
                    None
                }
                other => panic!("{other:?}"),
            },
            Effect::RunCeremony {
                case, request, plan, ..
            } => {
                let (updates, _told) = tokio::sync::mpsc::channel(9);
                let verified = self.toy.run(request, case, &plan, updates).await.unwrap();
                self.begun.push(plan);
                let (result, checks) = (verified.result, verified.checks);
                Some(Input::CeremonyEnded {
                    request,
                    outcome: Ok(Box::new(CeremonySuccess { result, checks })),
                    transcript: None,
                })
            }
            other => panic!("{other:?}"),
        }
    }

    /// What the contract says of its queue, and SSV of the nonce.
    async fn facts(&mut self, ready: &[u32], owner_nonce: u64) {
        let facts = ChainFacts {
            head: Some(block(self.now)),
            ready: ready.iter().copied().map(PoolId).collect(),
            owner_nonce: Some(owner_nonce),
            ..ChainFacts::default()
        };
        self.give(Input::Facts(Box::new(facts))).await;
    }

    /// The key of a pool that is second in the queue, whose registration is signed for nonce 5; then its turn comes, and
    /// SSV expects nonce 6.
    async fn moved(toy: ToyBackend) -> (Self, KeygenOutput) {
        let mut core = Self::new(toy);
        core.give(Input::Started).await;
        core.give(Input::CaughtUp { finalized: None }).await;
        core.facts(&[2, POOL.0], 4).await;
        let log = LogRef {
            block: block(1),
            transaction: Root([2; 32]),
            index: 0,
        };
        let kind = RequestKind::Deposit;
        core.give(Input::Requested {
            leaving: None,
            kind,
            pool: POOL,
            log,
        })
        .await;
        let made = core.state.cases[&case()].keygen.clone().unwrap();
        assert_eq!(core.deposit, None, "it is not at the head");
        core.facts(&[POOL.0], 6).await;
        (core, made)
    }
}

fn case() -> CaseId {
    "deposit/3".parse().unwrap()
}

fn block(number: u64) -> BlockRef {
    BlockRef {
        number,
        hash: Root([u8::try_from(number % 251).unwrap(); 32]),
    }
}

#[tokio::test]
async fn a_registration_whose_nonce_moved_is_signed_again_with_what_the_operators_handed_back() {
    let (core, made) = Core::moved(ToyBackend::without_consent()).await;
    let owner = core.state.settings.owner;
    let [key, again] = &core.begun[..] else {
        panic!("{:?}", core.begun)
    };
    assert_eq!(*key, keygen(owner, 5));
    let CeremonyPlan::Sign { what, brought, .. } = again else {
        panic!("{again:?}")
    };
    let OwnerNonce { owner: told, nonce } = OwnerNonce::new(owner, 6);
    assert_eq!(*what, SignPurpose::OwnerNonce { owner: told, nonce });
    let brought = brought.as_deref().unwrap();
    assert_eq!(brought.handed_back, made.handed_back);
    assert_eq!(brought.withdrawal_credentials, Root([1; 32]));
    // the same key is deposited, with the new signature
    let deposit = core.deposit.unwrap();
    assert_eq!(
        (deposit.keygen.validator, deposit.registration.nonce),
        (made.validator, 6)
    );
    let message = OwnerNonce::new(owner, 6).root();
    assert!(verify(
        &made.validator,
        &message.0,
        &deposit.registration.signature
    ));
}

#[tokio::test]
async fn one_that_takes_the_owners_signature_is_held_and_another_key_is_the_way_on() {
    let (mut core, made) = Core::moved(ToyBackend::default()).await;
    let Step::Halted { reason, .. } = &core.state.cases[&case()].step else {
        panic!("{:?}", core.state.cases[&case()].step)
    };
    assert_eq!(
        reason.as_str(),
        "its SSV registration was signed for nonce 5 within the keygen, SSV expects 6 now, and the toy signs a \
         registration again with the owner's signature only, and the owner is the manager contract: another key is the \
         way on"
    );
    assert_eq!((core.begun.len(), &core.deposit), (1, &None));
    core.nonce = 6;
    let command = Command::RedoKey(case());
    core.give(Input::Command {
        by: "ada".into(),
        command,
    })
    .await;
    assert_eq!(core.begun[1..], [keygen(core.state.settings.owner, 6)]);
    let deposit = core.deposit.unwrap();
    assert_eq!(deposit.registration.nonce, 6);
    assert_ne!(deposit.keygen.validator, made.validator);
    assert!(core.state.condemned.contains_key(&made.validator));
    let spent = &core.state.cases[&case()].spent;
    assert!(spent.is_empty(), "the same operators may make it: {spent:?}");
}

/// Everything that such a backend asks for can be told to it, the owner's signature included.
#[tokio::test]
async fn a_reshare_with_the_owners_signature_can_be_ordered_and_brings_its_registration() {
    let toy = ToyBackend::default();
    let owner = PrivateKeySigner::random();
    let (updates, _told) = tokio::sync::mpsc::channel(9);
    let made = toy
        .run(
            RequestId([1; 24]),
            case(),
            &keygen(owner.address(), 5),
            updates.clone(),
        )
        .await
        .unwrap();
    let CeremonyResult::Keygen(key) = made.result else {
        panic!("{:?}", made.result)
    };
    let order = |owner_signature| CeremonyPlan::Reshare {
        validator: key.validator,
        old: committee(),
        new: (3..=6).map(OperatorId).collect(),
        threshold: 4,
        registration: Some(OwnerNonce::new(owner.address(), 6)),
        brought: Some(Box::new(BroughtAlong {
            handed_back: key.handed_back.clone(),
            withdrawal_credentials: Root([1; 32]),
            fork_version: ForkVersion::default(),
            owner_signature,
        })),
    };
    let unsigned = order(None);
    let why = toy.accepts(&unsigned).unwrap_err();
    assert!(why.as_str().contains("has not signed the order"), "{why}");
    let signature = owner.sign_hash_sync(&backend::order(&unsigned)).unwrap();
    let signed = order(Some(Bytes::from(signature.as_bytes())));
    // as it is journaled, and read again
    let read: CeremonyPlan = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
    assert_eq!(read, signed);
    let moved = toy.run(RequestId([2; 24]), case(), &read, updates).await.unwrap();
    let examined = toy.verify_transcript(&moved.transcript).unwrap();
    assert!(examined.verification.is_sound(), "{examined:?}");
    let CeremonyResult::Reshare(output) = moved.result else {
        panic!("{:?}", moved.result)
    };
    assert_eq!(output.validator, key.validator);
    assert!(output.registration.is_some() && output.handed_back.len() == 4);
}

/// Pool 1 deposited and staked; operator 5 is there and has no part in it.
async fn staked(toy: ToyBackend) -> (Toys, Running) {
    let options = DemoOptions {
        operators: 5,
        committee: 4,
        beacon: half_second_slots(),
        ..four_operators()
    };
    let toys = Toys::start_with(toy, options).await;
    let oracle = toys.oracle().await;
    deposit(&toys, &oracle, 1).await;
    toys.ground.devnet().report_staked(PoolId(1)).await.unwrap();
    until(&oracle, "a staked pool", |s| {
        s.validators.iter().find(|v| v.pool == PoolId(1)).cloned()
    })
    .await;
    (toys, oracle)
}

async fn deposit(toys: &Toys, oracle: &Running, pool: u32) {
    let case = format!("deposit/{pool}");
    toys.ground.devnet().deposit_pool(1).await.unwrap();
    let proposed = waiting(oracle, &case, ActionKind::Keygen).await;
    let choose = Request::SetCommittee {
        action: proposed.id,
        committee: committee(),
    };
    seat(oracle).request(choose).await.unwrap();
    drive(oracle, &case).await;
}

/// What was handed back with the key of a deposit that is closed is brought along to its reshare, which needs no signing
/// of its own; and to the renewal, after another deposit took the nonce.
#[tokio::test(flavor = "multi_thread")]
async fn a_reshare_brings_its_registration_and_is_renewed_when_a_deposit_takes_the_nonce() {
    let (toys, oracle) = staked(ToyBackend::without_consent()).await;
    toys.ground.devnet().request_reshare(PoolId(1)).await.unwrap();
    let proposed = waiting(&oracle, "reshare/1", ActionKind::Reshare).await;
    let registration = proposed.facts.iter().find(|f| f.label == "SSV registration");
    assert!(registration.is_some_and(|fact| fact.value.as_str().ends_with(":1")));
    approve_next(&oracle, "reshare/1", ActionKind::Reshare).await;
    let carried = waiting(&oracle, "reshare/1", ActionKind::SendReshare).await;
    let nonce = |action: &casimir_dkg::view::ActionView| {
        let fact = action.facts.iter().find(|f| f.label == "SSV registration nonce");
        fact.map(|fact| fact.value.to_string())
    };
    assert_eq!(nonce(&carried).as_deref(), Some("1"));
    let signed = |toys: &Toys| {
        let plans = toys.backend.plans();
        plans
            .iter()
            .filter(|plan| matches!(plan, CeremonyPlan::Sign { .. }))
            .count()
    };
    assert_eq!(
        (toys.backend.begun().len(), signed(&toys)),
        (2, 0),
        "key and reshare"
    );

    deposit(&toys, &oracle, 2).await;
    until(&oracle, "the reshare with the next nonce", |s| {
        let renewed = s
            .actions
            .iter()
            .find(|a| a.id.case == carried.id.case && nonce(a).as_deref() == Some("2"));
        renewed.cloned()
    })
    .await;
    let done = drive(&oracle, "reshare/1").await;
    let first = case_is(&oracle, "deposit/1", CaseStatus::Done).await;
    assert_eq!(done.validator, first.validator, "the key stays");
    assert_eq!(
        (toys.backend.begun().len(), signed(&toys)),
        (4, 1),
        "one more key, one renewal"
    );
    toys.end(oracle).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reshare_that_takes_the_owners_signature_is_refused_before_anything_is_begun() {
    let (toys, oracle) = staked(ToyBackend::default()).await;
    let before = toys.backend.begun();
    toys.ground.devnet().request_reshare(PoolId(1)).await.unwrap();
    let refused = case_is(&oracle, "reshare/1", CaseStatus::Attention).await;
    let said = refused.sentence.as_str();
    assert!(
        said.contains(
            "the toy reshares with the owner's signature only, and the owner is the manager contract"
        ),
        "{said}"
    );
    assert_eq!(toys.backend.begun(), before);
    // and it was said before the key was made
    let snapshot = oracle.handle.snapshots.borrow().clone();
    let keygen = snapshot
        .actions
        .iter()
        .find(|a| a.kind == ActionKind::Keygen.to_string());
    let warned = keygen.and_then(|a| a.facts.iter().find(|f| f.label == "good for one nonce"));
    assert!(
        warned.is_some_and(|f| f.value.as_str().contains("only another key")),
        "{keygen:?}"
    );
    toys.end(oracle).await;
}

//! A second backend, a second version of the contract and a second signer: each is one room behind its port, and nothing
//! else of the program knows of it. What comes of them is recorded, and a pane that nothing else knows of draws it.

mod backend;
mod leaving;
mod manager;
mod recorded;
mod registrations;
mod signer;
mod transcript;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use casimir_dkg::config::{Config, SelectionRule};
use casimir_dkg::devnet::{DemoOptions, ManagerVersion};
use casimir_dkg::engine::service::{self, Running, ServiceOptions};
use casimir_dkg::oracle::ActionKind;
use casimir_dkg::ports::Ceremonies;
use casimir_dkg::types::{
    CaseId, CeremonyResult, CheckStatus, FailureKind, OperatorId, OperatorState, RequestId, Transcript,
};
use casimir_dkg::view::{CaseView, CeremonyEnd, CeremonyView, Snapshot};

use super::support::{Ground, approve_next, drive, four_operators, stop, until, waiting};
use backend::ToyBackend;
use signer::ToySigner;

struct Toys {
    ground: Ground,
    backend: Arc<ToyBackend>,
    signer: Arc<ToySigner>,
}

impl Toys {
    async fn start() -> Self {
        Self::start_with(ToyBackend::default(), four_operators()).await
    }

    async fn start_with(backend: ToyBackend, options: DemoOptions) -> Self {
        let ground = Ground::start(DemoOptions {
            manager: ManagerVersion::May26,
            ..options
        })
        .await;
        let words = std::fs::read_to_string(ground.network.folder().join("oracle.mnemonic")).unwrap();
        Self {
            ground,
            backend: Arc::new(backend),
            signer: Arc::new(ToySigner::new(words.trim())),
        }
    }

    async fn oracle(&self) -> Running {
        self.oracle_with(self.ground.config(false)).await
    }

    async fn oracle_with(&self, config: Config) -> Running {
        let options = ServiceOptions {
            config,
            signer: Some(self.signer.clone()),
            backend: Some(self.backend.clone()),
            simulated: Vec::new(),
        };
        service::start(options).await.unwrap()
    }

    /// A transcript as the oracle kept it.
    fn transcript(&self, ceremony: &CeremonyView) -> Transcript {
        let (name, _) = ceremony.transcript.as_ref().unwrap();
        let journal = self.ground.journal();
        let folder: &Path = journal.parent().unwrap();
        let file = [
            folder.join(name.as_str()),
            folder.join("transcripts").join(name.as_str()),
        ];
        let file = file.iter().find(|file| file.exists()).unwrap();
        Transcript::read(&std::fs::read(file).unwrap()).unwrap()
    }

    async fn end(self, oracle: Running) {
        stop(oracle).await;
        self.ground.end().await;
    }
}

/// Pool 1 deposited by the toys, to the end.
async fn deposited() -> (Toys, Running, CaseView, Snapshot) {
    let toys = Toys::start().await;
    let oracle = toys.oracle().await;
    assert_eq!(oracle.relay_url, None, "nobody relays");
    toys.ground.devnet().deposit_pool(1).await.unwrap();
    let proposed = waiting(&oracle, "deposit/1", ActionKind::Keygen).await;
    let registration = proposed.facts.iter().find(|f| f.label == "SSV registration");
    let told = registration.map(|f| f.value.to_string()).unwrap_or_default();
    assert!(
        told.ends_with(":0"),
        "the first registration of this owner: {told}"
    );
    let done = drive(&oracle, "deposit/1").await;
    let snapshot = until(&oracle, "the ceremony", |s| {
        s.ceremonies.first().map(|_| s.clone())
    })
    .await;
    (toys, oracle, done, snapshot)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deposit_runs_through_another_backend_another_contract_and_another_signer() {
    let (toys, oracle, done, snapshot) = deposited().await;
    let view = toys.ground.devnet().manager().getPool(1).call().await.unwrap();
    assert_eq!(
        view.publicKey.as_ref(),
        done.validator.unwrap().as_bytes().as_slice()
    );
    assert_eq!(toys.signer.signed.load(Ordering::Relaxed), 1);
    // what the panes of ceremonies and of the matrix are drawn from
    let ceremony = &snapshot.ceremonies[0];
    let steps: Vec<_> = ceremony.steps.iter().map(|step| step.title.as_str()).collect();
    assert_eq!(steps, ["deal", "sign"]);
    assert!(
        ceremony
            .operators
            .values()
            .all(|row| row.state == OperatorState::Done)
    );
    assert!(matches!(
        ceremony.ended,
        Some((_, CeremonyEnd::Verified { validator })) if Some(validator) == done.validator
    ));
    assert_eq!(ceremony.threshold, 4, "as its backend says");
    let all = snapshot.ceremonies.len();
    assert_eq!(all, 1, "the registration was signed within the key generation");
    // what the toy pane draws
    assert_eq!(recorded::lasting(&snapshot), recorded::lasting(&recorded::read()));
    its_transcript_proves_it(&toys, ceremony, &done);
    toys.end(oracle).await;
}

fn its_transcript_proves_it(toys: &Toys, ceremony: &CeremonyView, done: &CaseView) {
    let kept = toys.transcript(ceremony);
    let examined = toys.backend.verify_transcript(&kept).unwrap();
    assert_eq!(examined.request_id, ceremony.id);
    assert!(matches!(
        &examined.verification.result,
        Some(CeremonyResult::Keygen(output)) if Some(output.validator) == done.validator
    ));
    let key = done.validator.unwrap().to_string();
    let mut other = key.clone();
    let last = if other.pop() == Some('0') { '1' } else { '0' };
    other.push(last);
    let forged = kept.document().replace(&key, &other);
    assert_ne!(forged, kept.document());
    let forged = Transcript::read(forged.as_bytes()).unwrap();
    let examined = toys.backend.verify_transcript(&forged).unwrap();
    assert!(!examined.verification.is_sound() && examined.verification.result.is_none());
}

/// The first oracle ends while the ceremony runs and hears nothing of it; the next one finds what it gave.
#[tokio::test(flavor = "multi_thread")]
async fn what_another_backend_made_for_an_earlier_process_is_found_and_deposited() {
    let toys = Toys::start().await;
    toys.backend.is_silent.store(true, Ordering::Relaxed);
    let first = toys.oracle().await;
    toys.ground.devnet().deposit_pool(1).await.unwrap();
    approve_next(&first, "deposit/1", ActionKind::Keygen).await;
    let case: CaseId = "deposit/1".parse().unwrap();
    let begun = until(&first, "a ceremony", |s| {
        let of_case = s.ceremonies.iter().find(|c| c.case == case && !c.is_over());
        of_case
            .map(|c| c.id)
            .filter(|id| toys.backend.begun().contains(id))
    })
    .await;
    stop(first).await;

    let second = toys.oracle().await;
    let done = drive(&second, "deposit/1").await;
    assert_eq!(
        done.ceremony,
        Some(begun),
        "the key that was made is the one that is used"
    );
    assert_eq!(toys.backend.begun(), [begun], "no other was begun");
    toys.end(second).await;
}

/// Every operator answers and could make the key; SSV has never heard of one of them.
#[tokio::test(flavor = "multi_thread")]
async fn no_key_is_made_for_operators_that_ssv_does_not_take() {
    let toys = Toys::start().await;
    let mut config = toys.ground.config(false);
    let stranger = OperatorId(99);
    let mut record = config.operators.by_id[&OperatorId(4)].clone();
    record.id = stranger;
    config.operators.by_id.insert(stranger, record);
    let committee = vec![OperatorId(1), OperatorId(2), OperatorId(3), stranger];
    config.selection.rule = SelectionRule::Fixed(committee);
    let oracle = toys.oracle_with(config).await;
    toys.ground.devnet().deposit_pool(1).await.unwrap();
    let proposed = until(&oracle, "a proposal", |s| s.actions.first().cloned()).await;
    assert_eq!(proposed.kind, ActionKind::Keygen.to_string());
    let failed: Vec<_> = proposed
        .checks
        .iter()
        .filter(|check| check.status == CheckStatus::Fail)
        .map(|check| (check.name.as_str(), check.reason.as_str()))
        .collect();
    let [(first, refused), (second, reverts)] = failed[..] else {
        panic!("{failed:?}")
    };
    assert_eq!((first, second), ("ssv-operators", "deposit-simulation"));
    assert!(
        refused.starts_with("OperatorDoesNotExist") && reverts.contains(refused),
        "{failed:?}"
    );
    assert!(!proposed.can_approve.is_yes());
    assert_eq!(toys.backend.begun(), []);
    toys.end(oracle).await;
}

#[tokio::test]
async fn a_ceremony_that_nobody_knows_of_is_lost() {
    let toy = ToyBackend::default();
    let plan = recorded::plan();
    let (updates, mut told) = tokio::sync::mpsc::channel(9);
    let (known, unknown) = (RequestId([1; 24]), RequestId([2; 24]));
    let case = "deposit/1".parse().unwrap();
    let made = toy.run(known, case, &plan, updates.clone()).await.unwrap();
    let found = toy.find(known, case, &plan, updates.clone()).await.unwrap();
    assert_eq!(
        (&made.result, &made.transcript),
        (&found.result, &found.transcript)
    );
    let lost = toy.find(unknown, case, &plan, updates).await.unwrap_err();
    assert_eq!(lost.failure.kind, FailureKind::Lost);
    let examined = toy.verify_transcript(&lost.transcript).unwrap();
    assert!(examined.verification.is_sound() && examined.verification.result.is_none());
    assert_eq!(told.recv().await.map(|picture| picture.request_id), Some(known));
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "writes a file that is committed"]
async fn record_the_toys() {
    let (toys, oracle, _, snapshot) = deposited().await;
    recorded::write(&snapshot);
    toys.end(oracle).await;
}

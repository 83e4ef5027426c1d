//! From a configuration to a world that is known: what has to be asked before anything else, and may be away.
//!
//! | asked | *yes* | *no*, or wrong | *not known* |
//! |---|---|---|---|
//! | what is the contract? | the chain is followed, and effects go out | every endpoint that answers says so: a person has to mend the configuration, and the start is refused, or the engine ends | it is asked again for as long as it takes |
//! | the operators' keys that are not configured | the same | never: an API's word is no verdict on the configuration | the same |

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use futures_util::future::join_all;
use tokio::sync::{Mutex, mpsc};

use super::ServiceError;
use super::backend::Roster;
use super::doors::{self, Line};
use super::outside::Outside;
use super::reasons::Reasons;
use crate::chain::Finality;
use crate::chain::comparison::Comparison;
use crate::chain::intake::{Intake, Resume};
use crate::config::Config;
use crate::desk::{Desk, ExpectedChain, Neighbours, Terms};
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{
    Answer, Ceremonies, Consensus, EndpointState, Endpoints, Evidence, PoolManager, Probe, TxSigner, Unknown,
    WatchedEvent,
};
use crate::types::{ClusterLayout, OperatorId, OperatorRecord, SafeText};
use crate::view::LinkState;

/// A start refuses what it hears within this time. Later than this the same answer ends the engine.
const PATIENCE: Duration = Duration::from_secs(2);
/// Who was away is asked again after this time.
const AGAIN: Duration = Duration::from_secs(2);

/// The manager answers to its adapter, as far as anybody told.
pub(super) enum Standing {
    Known(Probe, ClusterLayout, Vec<WatchedEvent>),
    NotYet(Unknown),
}

/// What it says of itself, its layout, and what is listened for.
type Contract = (Probe, ClusterLayout, Vec<WatchedEvent>);

/// Asks the contract what it is, once.
///
/// # Errors
/// It is not what is configured.
pub(super) async fn look(config: &Config, line: &Line) -> Result<Standing, ServiceError> {
    let layout = match doors::layout(config, line).await {
        Ok(layout) => layout,
        Err(why) => return Ok(Standing::NotYet(why)),
    };
    let manager = doors::manager(config, layout, line);
    let probe = match manager.probe().await {
        Answer::No(evidence) => {
            let each = doors::each_manager(config, layout, line);
            every_voice(&*doors::endpoints(line), &each, evidence).await
        }
        Answer::NotKnown(why) => {
            let each = doors::each_manager(config, layout, line);
            anybody(&each).await.map_or(Answer::NotKnown(why), Answer::Yes)
        }
        known => known,
    };
    let probe = match probe {
        Answer::Yes(probe) => probe,
        Answer::No(evidence) => return Err(ServiceError::Contract(evidence)),
        Answer::NotKnown(why) => return Ok(Standing::NotYet(why)),
    };
    match config.network.ssv_network {
        Some(configured) if configured != probe.ssv_network => Err(ServiceError::SsvNetwork {
            actual: probe.ssv_network,
            configured,
        }),
        _ => Ok(match doors::watched(config, layout, line).await {
            Ok(watched) => Standing::Known(probe, layout, watched),
            Err(why) => Standing::NotYet(why),
        }),
    }
}

/// Asks each endpoint by itself, because the one that said *no* may lie, or have no state there. Only when all that answer
/// say so it is *no*; where another one says *yes*, it is named, and not believed. `managers`: as each endpoint tells it,
/// in the configured order.
async fn every_voice(
    endpoints: &dyn Endpoints,
    managers: &[Arc<dyn PoolManager>],
    evidence: Evidence,
) -> Answer<Probe> {
    if managers.len() < 2 {
        return Answer::No(evidence);
    }
    let said = join_all(managers.iter().map(|manager| manager.probe())).await;
    let yes = said.iter().find_map(|answer| match answer {
        Answer::Yes(probe) => Some(probe.clone()),
        Answer::No(_) | Answer::NotKnown(_) => None,
    });
    let mut silent = None;
    for (position, answer) in said.into_iter().enumerate() {
        match answer {
            Answer::Yes(_) => {}
            Answer::No(evidence) if yes.is_some() => {
                let words = format!("says of the contract what others deny: {evidence}");
                endpoints.contradicted(position, &SafeText::new(&words));
            }
            Answer::No(_) => {}
            Answer::NotKnown(why) => silent = Some(why),
        }
    }
    match (yes, silent) {
        (Some(probe), _) => Answer::Yes(probe),
        (None, Some(why)) => Answer::NotKnown(Unknown::because(format!(
            "{evidence}, says one endpoint, and another: {why}"
        ))),
        (None, None) => Answer::No(evidence),
    }
}

/// Whom the first endpoint cannot tell of, the next may: it may be syncing, and holds up nobody by that.
async fn anybody(managers: &[Arc<dyn PoolManager>]) -> Option<Probe> {
    if managers.len() < 2 {
        return None;
    }
    let said = join_all(managers.iter().map(|manager| manager.probe())).await;
    said.into_iter().find_map(Answer::yes)
}

/// The first look, so that a start can still be refused; for a moment only.
///
/// # Errors
/// It is not what is configured.
pub(super) async fn first_look(config: &Config, line: &Line) -> Result<Standing, ServiceError> {
    match tokio::time::timeout(PATIENCE, look(config, line)).await {
        Ok(looked) => looked,
        Err(_) => Ok(Standing::NotYet(Unknown::because("no endpoint has answered yet"))),
    }
}

/// Everything that is there from the beginning.
pub(super) struct Opening {
    pub(super) config: Config,
    pub(super) line: Line,
    pub(super) endpoints: Arc<dyn Endpoints>,
    /// Reads the contract's lists, whatever the field order of SSV's cluster.
    pub(super) lists: Arc<dyn PoolManager>,
    pub(super) ceremonies: Arc<dyn Ceremonies>,
    pub(super) consensus: Option<Arc<dyn Consensus>>,
    pub(super) signer: Option<Arc<dyn TxSigner>>,
    pub(super) oracle: Option<Address>,
    /// Completes the operators; none where the backend needs nothing of them.
    pub(super) roster: Option<Arc<dyn Roster>>,
    pub(super) finality: Finality,
    pub(super) transcripts: PathBuf,
    /// Where the intake goes on.
    pub(super) resume: Resume,
    /// As the start found it.
    pub(super) standing: Standing,
    pub(super) core: mpsc::Sender<Incoming>,
}

/// Whom the execution layer's feeds and effects ask, once that is known.
pub(super) struct Known {
    pub(super) outside: Arc<Outside>,
    pub(super) intake: Intake,
    /// None where old blocks are not compared.
    pub(super) comparison: Option<Comparison>,
}

impl Opening {
    /// Waits for whoever is away. What turns out to be wrong ends the engine, and this never.
    pub(super) async fn run(mut self) -> Known {
        let standing = std::mem::replace(&mut self.standing, Standing::NotYet(Unknown::because("")));
        let operators = async { Ok(self.operators().await) };
        match tokio::try_join!(self.contract(standing), operators) {
            Ok((contract, operators)) => self.known(contract, operators),
            Err(wrong) => {
                self.tell(Incoming::Fatal(SafeText::new(&wrong.to_string())))
                    .await;
                std::future::pending().await
            }
        }
    }

    async fn contract(&self, mut standing: Standing) -> Result<Contract, ServiceError> {
        let mut waits = Waits::of(self, "contract", "waiting for the contract");
        loop {
            match standing {
                Standing::Known(probe, layout, watched) => {
                    waits.over().await;
                    return Ok((probe, layout, watched));
                }
                Standing::NotYet(why) => {
                    let answers = |state| matches!(state, EndpointState::Healthy);
                    let link = match self
                        .endpoints
                        .health()
                        .iter()
                        .any(|endpoint| answers(endpoint.state))
                    {
                        true => LinkState::Stale,
                        false => LinkState::Down,
                    };
                    self.tell(Incoming::Live(LiveUpdate::Link(link))).await;
                    waits.go_on(why.words()).await;
                }
            }
            tokio::time::sleep(AGAIN).await;
            standing = look(&self.config, &self.line).await?;
        }
    }

    async fn operators(&self) -> BTreeMap<OperatorId, OperatorRecord> {
        let Some(roster) = &self.roster else {
            return self.config.operators.by_id.clone();
        };
        let mut waits = Waits::of(self, "operators", "waiting for the operators' keys");
        loop {
            match roster.complete().await {
                Ok(operators) => {
                    waits.over().await;
                    return operators;
                }
                Err(why) => waits.go_on(&why).await,
            }
            tokio::time::sleep(AGAIN).await;
        }
    }

    fn known(
        self,
        (probe, layout, watched): Contract,
        operators: BTreeMap<OperatorId, OperatorRecord>,
    ) -> Known {
        let (config, line) = (&self.config, &self.line);
        let kept = doors::kept(config, layout, probe.ssv_network);
        let chain = doors::chain(config, layout, line, probe.ssv_network, self.finality, &kept);
        let comparison = doors::comparison(config, line, &chain, watched, &kept);
        let intake = doors::intake(config, line, &chain, self.finality, self.resume);
        let ask = Neighbours {
            execution: chain.execution,
            agreement: chain.agreement,
            manager: chain.manager,
            ssv: chain.ssv,
            ceremonies: self.ceremonies,
            consensus: self.consensus,
            signer: self.signer,
        };
        let outside = Outside {
            desk: Desk::new(&ask, &terms(config, self.oracle, operators)),
            transactions: chain.transactions,
            reasons: Reasons::default(),
            ask,
            oracle: self.oracle,
            transcripts: self.transcripts,
            unwritten: Arc::default(),
            incoming: self.core,
            telling: Mutex::default(),
        };
        Known {
            outside: Arc::new(outside),
            intake,
            comparison,
        }
    }

    async fn tell(&self, what: Incoming) {
        // the core is gone only when everything ends
        let _ = self.core.send(what).await;
    }
}

/// Says what is waited for: an alarm while it lasts, and a line of the log whenever its reason changes.
struct Waits<'a> {
    opening: &'a Opening,
    subject: &'static str,
    what: &'static str,
    said: SafeText,
}

impl<'a> Waits<'a> {
    fn of(opening: &'a Opening, subject: &'static str, what: &'static str) -> Self {
        let said = SafeText::default();
        Self {
            opening,
            subject,
            what,
            said,
        }
    }

    async fn go_on(&mut self, why: &SafeText) {
        let words = SafeText::new(&format!("{}: {why}", self.what));
        if words == self.said {
            return;
        }
        tracing::warn!(target: "engine::told", "{words}");
        self.said = words.clone();
        let alarm = LiveUpdate::Alarm(self.subject, words);
        self.opening.tell(Incoming::Live(alarm)).await;
    }

    async fn over(&self) {
        if self.said.as_str().is_empty() {
            return;
        }
        tracing::info!(target: "engine::told", "{}: it is there", self.what);
        let none = LiveUpdate::Alarm(self.subject, SafeText::default());
        self.opening.tell(Incoming::Live(none)).await;
    }
}

/// What the desk is told of the configuration.
fn terms(config: &Config, oracle: Option<Address>, operators: BTreeMap<OperatorId, OperatorRecord>) -> Terms {
    let network = &config.network;
    Terms {
        oracle,
        directory: Arc::new(operators),
        selection: config.selection.rule.clone(),
        chain_id: network.chain_id,
        fork_version: network.genesis_fork_version,
        expected: ExpectedChain {
            network: SafeText::new(network.name.as_str()),
            capella_fork_version: network.capella_fork_version,
            genesis_validators_root: network.genesis_validators_root,
        },
        deposit_contract: network.deposit_contract,
        fee_amount_wei: config.contract.fee_amount_wei,
        floors: config.contract.floors(network.name),
        fee_ceiling_wei: config.fees.max_fee_wei,
    }
}

#[cfg(test)]
mod tests {
    use alloy::primitives::U256;

    use super::*;
    use crate::ports::fakes::{FakeEndpoints, FakeManager};
    use crate::types::{BlockRef, Root};

    fn probe() -> Probe {
        Probe {
            block: BlockRef {
                number: 9,
                hash: Root([9; 32]),
            },
            ssv_network: Address::repeat_byte(5),
            upkeep: Address::repeat_byte(6),
            ready: Vec::new(),
            pending: Vec::new(),
            staked: Vec::new(),
            reserved_fees_wei: U256::ZERO,
        }
    }

    /// What comes of endpoints that say this of the contract, after one of them said *no*; and who is named.
    async fn judged(said: Vec<Answer<Probe>>) -> (Answer<Probe>, Vec<usize>) {
        let managers = managers(said);
        let endpoints = FakeEndpoints::default();
        let verdict = every_voice(&endpoints, &managers, Evidence::new("no code")).await;
        let accused = endpoints.accused.lock().unwrap().clone();
        (
            verdict,
            accused.into_iter().map(|(position, _)| position).collect(),
        )
    }

    fn managers(said: Vec<Answer<Probe>>) -> Vec<Arc<dyn PoolManager>> {
        let manager = |probe| {
            Arc::new(FakeManager {
                probe,
                ..FakeManager::default()
            }) as Arc<dyn PoolManager>
        };
        said.into_iter().map(manager).collect()
    }

    #[tokio::test]
    async fn a_contract_that_one_endpoint_cannot_tell_of_is_told_by_another() {
        let syncs = || Answer::not_known("the endpoint is still syncing");
        assert_eq!(anybody(&managers(vec![syncs()])).await, None);
        assert_eq!(anybody(&managers(vec![syncs(), syncs()])).await, None);
        let denies = Answer::no("no code");
        assert_eq!(anybody(&managers(vec![syncs(), denies])).await, None);
        let found = anybody(&managers(vec![syncs(), Answer::Yes(probe())])).await;
        assert_eq!(found, Some(probe()));
    }

    #[tokio::test]
    async fn a_contract_is_wrong_only_when_all_that_answer_say_so() {
        let no = || Answer::no("no code");
        let silent = || Answer::not_known("timed out");
        let yes = || Answer::Yes(probe());
        assert_eq!(judged(vec![no()]).await, (no(), vec![]), "there is nobody else");
        assert_eq!(judged(vec![no(), no()]).await, (no(), vec![]));
        let (verdict, accused) = judged(vec![no(), silent()]).await;
        assert!(matches!(verdict, Answer::NotKnown(_)), "{verdict:?}");
        assert!(accused.is_empty(), "silence is no lie");
        assert_eq!(
            judged(vec![silent(), no(), yes()]).await,
            (yes(), vec![1]),
            "whoever denies what another one has is named"
        );
    }
}

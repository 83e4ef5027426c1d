//! From a configuration to a world that is known: what has to be asked before anything else, and may be away.
//!
//! | asked | *yes* | *no*, or wrong | *not known* |
//! |---|---|---|---|
//! | what is the contract? | the chain is followed, and effects go out | every endpoint says so: a person has to mend the configuration, and the start is refused, or the engine ends | it is asked again for as long as it takes |
//! | the operators' keys that are not configured | the same | never: an API's word is no verdict on the configuration | the same |

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{Mutex, mpsc};

use super::ServiceError;
use super::backend::Roster;
use super::contract;
use super::doors::{self, Line};
use super::outside::Outside;
use super::reasons::Reasons;
use crate::chain::Finality;
use crate::chain::comparison::Comparison;
use crate::chain::intake::{Intake, Resume};
use crate::chain::sent::LookBack;
use crate::config::Config;
use crate::desk::{Desk, ExpectedChain, Neighbours, Terms};
use crate::dkg::transcript::fingerprint;
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{
    Agreement, Ceremonies, Consensus, EndpointState, Endpoints, PoolManager, Probe, TxSigner, Unknown,
    WatchedEvent,
};
use crate::types::{BackendName, ClusterLayout, OperatorId, OperatorRecord, SafeText};
use crate::view::LinkState;

/// A start refuses what it hears within this time. Later than this the same answer ends the engine.
const TIMEOUT: Duration = Duration::from_secs(2);
/// Who was away is asked again after this time.
const AGAIN: Duration = Duration::from_secs(2);

/// The manager answers to its adapter, as far as anybody told.
pub(super) enum Standing {
    Known(Box<Probe>, ClusterLayout, Vec<WatchedEvent>, contract::Doubt),
    NotYet(Unknown),
}

/// What it says of itself, its layout, and what is listened for.
type Contract = (Probe, ClusterLayout, Vec<WatchedEvent>);

/// The first look, so that a start can still be refused; for a moment only.
///
/// # Errors
/// It is not what is configured.
pub(super) async fn first_look(config: &Config, line: &Line) -> Result<Standing, ServiceError> {
    match tokio::time::timeout(TIMEOUT, contract::look(config, line)).await {
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
    /// Asks the endpoints what is asked at each head.
    pub(super) looking: Arc<dyn Agreement>,
    pub(super) intake: Intake,
    /// None where old blocks are not compared.
    pub(super) comparison: Option<Comparison>,
    /// Looks up what an account sent to the contract.
    pub(super) look_back: LookBack,
    /// Goes on asking what the contract is.
    pub(super) identity: contract::Identity,
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
                Standing::Known(probe, layout, watched, doubt) => {
                    waits.over().await;
                    for alarm in doubt.alarms() {
                        self.tell(Incoming::Live(alarm)).await;
                    }
                    return Ok((*probe, layout, watched));
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
            standing = contract::look(&self.config, &self.line).await?;
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
        let look_back = doors::look_back(config, line, &chain);
        let identity = contract::Identity::of(config, layout, line);
        let intake = doors::intake(config, line, &chain, self.finality, self.resume);
        let looking = chain.looking;
        let backend = &self.ceremonies.capabilities().backend;
        let terms = terms(config, self.oracle, operators, backend);
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
            desk: Desk::new(&ask, &terms),
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
            looking,
            intake,
            comparison,
            look_back,
            identity,
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
fn terms(
    config: &Config,
    oracle: Option<Address>,
    operators: BTreeMap<OperatorId, OperatorRecord>,
    backend: &BackendName,
) -> Terms {
    let network = &config.network;
    let fingerprint = |operator: &OperatorRecord| fingerprint(backend, &operator.public_key);
    let keys = operators.iter().filter_map(|(id, operator)| {
        let key = fingerprint(operator)?;
        Some((*id, SafeText::new(&key)))
    });
    let fingerprints = keys.collect();
    Terms {
        oracle,
        directory: Arc::new(operators),
        fingerprints,
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

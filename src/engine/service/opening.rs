//! From a configuration to a world that is known: what has to be asked before anything else, and may be away.
//!
//! | asked | *yes* | *no*, or wrong | *not known* |
//! |---|---|---|---|
//! | what is the contract? | the chain is followed, and effects go out | a person has to mend the configuration: the start is refused, or the engine ends | it is asked again for as long as it takes |
//! | the operators' keys that are not configured | the same | never: an API's word is no verdict on the configuration | the same |

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::Address;
use tokio::sync::{Mutex, mpsc, oneshot, watch};

use super::backend::Roster;
use super::outside::Outside;
use super::{ServiceError, doors};
use crate::chain::intake::{Finality, Intake, IntakeConfig, Resume, Sources};
use crate::chain::rpc::{EndpointState, Rpc};
use crate::config::Config;
use crate::desk::{Desk, ExpectedChain, Neighbours, Terms};
use crate::engine::LiveUpdate;
use crate::engine::core::Incoming;
use crate::ports::{Answer, Ceremonies, Consensus, Execution, PoolManager, Probe, Ssv, TxSigner, Unknown};
use crate::types::{OperatorId, OperatorRecord, SafeText};
use crate::view::LinkState;

/// A start refuses what it hears within this time. Later than this the same answer ends the engine.
const PATIENCE: Duration = Duration::from_secs(2);
/// Who was away is asked again after this time.
const AGAIN: Duration = Duration::from_secs(2);

/// The manager answers to its adapter, as far as anybody told.
pub(super) enum Standing {
    Known(Probe),
    NotYet(Unknown),
}

/// Asks the contract what it is, once.
///
/// # Errors
/// It is not what is configured.
pub(super) async fn look(manager: &dyn PoolManager, config: &Config) -> Result<Standing, ServiceError> {
    let probe = match manager.probe().await {
        Answer::Yes(probe) => probe,
        Answer::No(evidence) => return Err(ServiceError::Contract(evidence)),
        Answer::NotKnown(why) => return Ok(Standing::NotYet(why)),
    };
    match config.network.ssv_network {
        Some(configured) if configured != probe.ssv_network => Err(ServiceError::SsvNetwork {
            actual: probe.ssv_network,
            configured,
        }),
        _ => Ok(Standing::Known(probe)),
    }
}

/// The first look, so that a start can still be refused; for a moment only.
///
/// # Errors
/// It is not what is configured.
pub(super) async fn first_look(manager: &dyn PoolManager, config: &Config) -> Result<Standing, ServiceError> {
    match tokio::time::timeout(PATIENCE, look(manager, config)).await {
        Ok(looked) => looked,
        Err(_) => Ok(Standing::NotYet(Unknown::because("no endpoint has answered yet"))),
    }
}

/// Everything that is there from the beginning.
pub(super) struct Opening {
    pub(super) config: Config,
    pub(super) rpc: Rpc,
    pub(super) manager: Arc<dyn PoolManager>,
    pub(super) execution: Arc<dyn Execution>,
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
    /// The core.
    pub(super) core: mpsc::Sender<Incoming>,
}

/// Who waits for what is found out.
pub(super) struct Opens {
    pub(super) world: watch::Sender<Option<Arc<Outside>>>,
    pub(super) intake: oneshot::Sender<Intake>,
    pub(super) ssv: oneshot::Sender<Arc<dyn Ssv>>,
}

impl Opening {
    /// Waits for whoever is away, opens the gate, and stays: a feed that ends takes the engine with it.
    pub(super) async fn run(mut self, opens: Opens) {
        let standing = std::mem::replace(&mut self.standing, Standing::NotYet(Unknown::because("")));
        let operators = async { Ok(self.operators().await) };
        let (probe, operators) = match tokio::try_join!(self.contract(standing), operators) {
            Ok(known) => known,
            Err(wrong) => {
                self.tell(Incoming::Fatal(SafeText::new(&wrong.to_string())))
                    .await;
                return std::future::pending().await;
            }
        };
        self.open(probe, operators, opens);
        std::future::pending().await
    }

    async fn contract(&self, mut standing: Standing) -> Result<Probe, ServiceError> {
        let mut waits = Waits::of(self, "contract", "waiting for the contract");
        loop {
            match standing {
                Standing::Known(probe) => {
                    waits.over().await;
                    return Ok(probe);
                }
                Standing::NotYet(why) => {
                    let answers = |state| matches!(state, EndpointState::Healthy);
                    let link = match self.rpc.health().iter().any(|endpoint| answers(endpoint.state)) {
                        true => LinkState::Stale,
                        false => LinkState::Down,
                    };
                    self.tell(Incoming::Live(LiveUpdate::Link(link))).await;
                    waits.go_on(why.words()).await;
                }
            }
            tokio::time::sleep(AGAIN).await;
            standing = look(&*self.manager, &self.config).await?;
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

    fn open(self, probe: Probe, operators: BTreeMap<OperatorId, OperatorRecord>, opens: Opens) {
        let (config, rpc) = (&self.config, &self.rpc);
        let ssv = doors::ssv(config, rpc.clone(), probe.ssv_network);
        let intake = Intake::new(
            rpc.clone(),
            Sources {
                manager: Arc::clone(&self.manager),
                ssv: Some(Arc::clone(&ssv)),
            },
            IntakeConfig {
                finality: self.finality,
                poll_interval: config.rpc.poll_interval,
                socket: config.rpc.ws_url.clone(),
                ..IntakeConfig::new(config.contract.from_block)
            },
            self.resume,
        );
        let ask = Neighbours {
            execution: self.execution,
            agreement: doors::agreement(config, rpc, probe.ssv_network, self.finality),
            manager: self.manager,
            ssv: Arc::clone(&ssv),
            ceremonies: self.ceremonies,
            consensus: self.consensus,
            signer: self.signer,
        };
        let outside = Outside {
            desk: Desk::new(&ask, &terms(config, self.oracle, operators)),
            rpc: rpc.clone(),
            ask,
            oracle: self.oracle,
            finality: self.finality,
            transcripts: self.transcripts,
            incoming: self.core,
            telling: Mutex::default(),
        };
        // whoever does not wait any more has ended, and says so itself
        opens.world.send_replace(Some(Arc::new(outside)));
        let _ = opens.ssv.send(ssv);
        let _ = opens.intake.send(intake);
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
        fee_ceiling_wei: config.fees.max_fee_wei,
    }
}

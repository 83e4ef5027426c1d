//! The desk: gathers facts, makes the checks, and writes down what would be done. Called when something is proposed,
//! while it waits, and right before it leaves: always from the world as it is at that moment.
//!
//! One file an action, and each names the ports that it takes. What is judged without asking anybody (deposit and exit
//! roots, threshold signatures, fees) is arithmetic of the rooms that it belongs to.

mod another;
mod broadcast_exit;
mod carried;
mod committee;
mod exit_checks;
mod facts;
#[cfg(test)]
mod fixture;
mod funding;
mod key_checks;
mod keygen;
mod one_node;
mod owner_nonce;
mod pools;
mod proposal;
mod publish;
mod ranking;
mod rehearsal;
mod removed;
mod reshare;
mod send_deposit;
mod send_reshare;
mod sending;
mod served;
mod sighting;
mod sign_exit;
mod snapshot;

pub(crate) use exit_checks::ExpectedChain;
pub(crate) use publish::publish_exit;
pub(crate) use ranking::instead;
pub(crate) use sending::{gas_of, simulate};
pub use served::not_done;
pub(crate) use sighting::look_up;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use alloy::primitives::{Address, U256};

use crate::config::{Floors, SelectionRule};
use crate::oracle::{Draft, Prepared, Purpose};
use crate::ports::{Agreement, Ceremonies, Consensus, Execution, PoolManager, Ssv, TxSigner};
use crate::types::{
    CaseId, Check, ForkVersion, OperatorId, OperatorRecord, Parties, PoolId, SafeText, UnixMillis,
};

use broadcast_exit::BroadcastExit;
use committee::Committees;
use keygen::Keygen;
use rehearsal::Rehearsal;
use reshare::Reshare;
use send_deposit::SendDeposit;
use send_reshare::SendReshare;
use sending::Sending;
use sign_exit::SignExit;

/// When something could not be looked at, it is tried again after this time.
const AGAIN: Duration = Duration::from_secs(4);

const NO_BEACON: &str = "no beacon node is configured (beacon.urls): an exit needs the validator's state";

/// Everybody whom the desk asks. Each proposal takes of it what it needs.
#[derive(Debug, Clone)]
pub(crate) struct Neighbours {
    pub(crate) manager: Arc<dyn PoolManager>,
    pub(crate) ssv: Arc<dyn Ssv>,
    pub(crate) execution: Arc<dyn Execution>,
    pub(crate) agreement: Arc<dyn Agreement>,
    pub(crate) ceremonies: Arc<dyn Ceremonies>,
    /// Nobody, where no beacon node is configured.
    pub(crate) consensus: Option<Arc<dyn Consensus>>,
    /// Nobody, in mode observe.
    pub(crate) signer: Option<Arc<dyn TxSigner>>,
}

/// What was configured of it.
#[derive(Debug, Clone)]
pub(crate) struct Terms {
    /// The account that sends.
    pub(crate) oracle: Option<Address>,
    /// Every operator that is configured.
    pub(crate) directory: Arc<BTreeMap<OperatorId, OperatorRecord>>,
    /// What people compare of the key of each of them.
    pub(crate) fingerprints: BTreeMap<OperatorId, SafeText>,
    /// Who may be in a committee that nobody chose.
    pub(crate) selection: SelectionRule,
    /// EIP-155 chain id.
    pub(crate) chain_id: u64,
    /// Genesis fork version: deposits are signed in its domain.
    pub(crate) fork_version: ForkVersion,
    /// The beacon chain.
    pub(crate) expected: ExpectedChain,
    /// The beacon chain's deposit contract.
    pub(crate) deposit_contract: Address,
    /// Wei of the reserved fees that are swapped for SSV with each deposit.
    pub(crate) fee_amount_wei: U256,
    /// The least that SSV must have of a deposit.
    pub(crate) floors: Floors,
    /// The most that a transaction may cost in fees, wei.
    pub(crate) fee_ceiling_wei: U256,
}

/// Prepares every kind of action.
#[derive(Debug)]
pub(crate) struct Desk {
    keygen: Keygen,
    send_deposit: SendDeposit,
    reshare: Reshare,
    send_reshare: SendReshare,
    sign_exit: SignExit,
    broadcast_exit: BroadcastExit,
}

fn sending(ask: &Neighbours, terms: &Terms) -> Sending {
    Sending {
        manager: Arc::clone(&ask.manager),
        execution: Arc::clone(&ask.execution),
        ssv: Arc::clone(&ask.ssv),
        agreement: Arc::clone(&ask.agreement),
        signer: ask.signer.clone(),
        oracle: terms.oracle,
        chain_id: terms.chain_id,
        fee_ceiling_wei: terms.fee_ceiling_wei,
    }
}

fn rehearsal(ask: &Neighbours, terms: &Terms) -> Rehearsal {
    Rehearsal {
        manager: Arc::clone(&ask.manager),
        ssv: Arc::clone(&ask.ssv),
        execution: Arc::clone(&ask.execution),
        agreement: Arc::clone(&ask.agreement),
        oracle: terms.oracle,
        fee_amount_wei: terms.fee_amount_wei,
    }
}

impl Desk {
    pub(crate) fn new(ask: &Neighbours, terms: &Terms) -> Self {
        let committees = Committees {
            ceremonies: Arc::clone(&ask.ceremonies),
            directory: Arc::clone(&terms.directory),
            selection: terms.selection.clone(),
            all: Parties {
                chain_id: terms.chain_id,
                manager: ask.manager.address(),
                keys: terms.fingerprints.clone(),
            },
        };
        let sending = sending(ask, terms);
        let rehearsal = rehearsal(ask, terms);
        Self {
            keygen: Keygen {
                committees: committees.clone(),
                manager: Arc::clone(&ask.manager),
                ssv: Arc::clone(&ask.ssv),
                execution: Arc::clone(&ask.execution),
                agreement: Arc::clone(&ask.agreement),
                oracle: terms.oracle,
                fork_version: terms.fork_version,
                rehearsal,
            },
            send_deposit: SendDeposit {
                committees: committees.clone(),
                sending: sending.clone(),
                manager: Arc::clone(&ask.manager),
                ssv: Arc::clone(&ask.ssv),
                execution: Arc::clone(&ask.execution),
                consensus: ask.consensus.clone(),
                deposit_contract: terms.deposit_contract,
                fork_version: terms.fork_version,
                fee_amount_wei: terms.fee_amount_wei,
                floors: terms.floors,
            },
            reshare: Reshare {
                committees: committees.clone(),
                agreement: Arc::clone(&ask.agreement),
                manager: Arc::clone(&ask.manager),
                ssv: Arc::clone(&ask.ssv),
                execution: Arc::clone(&ask.execution),
                oracle: terms.oracle,
                fork_version: terms.fork_version,
            },
            send_reshare: SendReshare {
                committees: committees.clone(),
                sending,
                manager: Arc::clone(&ask.manager),
                ssv: Arc::clone(&ask.ssv),
                execution: Arc::clone(&ask.execution),
            },
            sign_exit: SignExit {
                committees,
                manager: Arc::clone(&ask.manager),
                ssv: Arc::clone(&ask.ssv),
                execution: Arc::clone(&ask.execution),
                agreement: Arc::clone(&ask.agreement),
                consensus: ask.consensus.clone(),
                expected: terms.expected.clone(),
            },
            broadcast_exit: BroadcastExit {
                consensus: ask.consensus.clone(),
                expected: terms.expected.clone(),
            },
        }
    }

    /// Prepares `draft` for `case`.
    pub(crate) async fn prepare(
        &self,
        case: CaseId,
        pool: PoolId,
        purpose: Purpose,
        draft: Draft,
    ) -> Prepared {
        let prepared = match draft {
            Draft::Keygen(d) => self.keygen.prepare(pool, d.wanted).await,
            Draft::SendDeposit(d) => self.send_deposit.prepare(pool, d).await,
            Draft::Reshare(d) => self.reshare.prepare(pool, d.wanted, d.known).await,
            Draft::SendReshare(d) => self.send_reshare.prepare(pool, d).await,
            Draft::SignExit(d) => self.sign_exit.prepare(pool, d).await,
            Draft::BroadcastExit(d) => self.broadcast_exit.prepare(case, purpose, d).await,
        };
        prepared.unwrap_or_else(|nothing_to_propose| nothing_to_propose)
    }
}

fn later(reason: impl std::fmt::Display) -> Prepared {
    Prepared::Later {
        reason: SafeText::new(&reason.to_string()),
        at: UnixMillis::now().plus(AGAIN),
    }
}

fn refused(reason: impl std::fmt::Display) -> Prepared {
    Prepared::Refused(SafeText::new(&reason.to_string()))
}

/// The ceremony made some of these checks too: the worse verdict of a name is kept.
fn dedup(checks: &mut Vec<Check>) {
    let mut kept: Vec<Check> = Vec::with_capacity(checks.len());
    for check in checks.drain(..) {
        match kept.iter_mut().find(|k| k.name == check.name) {
            Some(existing) if check.status < existing.status => *existing = check,
            Some(_) => {}
            None => kept.push(check),
        }
    }
    *checks = kept;
}

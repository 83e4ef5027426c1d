//! The questions that every endpoint is asked: before money moves, and before a receipt counts as final.

use std::sync::{Mutex, PoisonError};

use alloy::primitives::{Address, keccak256};
use async_trait::async_trait;

use super::{
    Accord, Agreement, Answer, At, Question, SsvState, UNTOLD, Unknown, Voice, Words, told_of_pools,
};
use crate::types::{
    BlockRef, BlsPublicKey, ClusterSnapshot, OperatorId, PoolId, Root, SafeText, UnixMillis, format_ether,
};

mod outcome;
mod state;
mod taken;

pub use outcome::{Told, are_of, is_in, is_in_no_block};
pub use taken::is_taken_by;

pub use state::{
    QueueState, on_balance, on_cluster, on_count, on_registering, on_sent, on_state, read_clusters_anew,
};

/// What a transaction for `pool` rests on, at `block`: the queue, the pool, fees, the account, whether the manager takes its
/// calls, and what is final. All of it is the state of one block, so it takes no history.
pub async fn on_facts(agreement: &dyn Agreement, pool: PoolId, oracle: Address, block: BlockRef) -> Accord {
    let question = Grounds {
        pool,
        oracle,
        block,
        made: None,
        clusters: Clusters::default(),
    };
    agreement.ask_at(block, &question).await
}

/// A key that nobody could have deposited for before a block, and where to.
#[derive(Debug, Clone, Copy)]
pub struct MadeSince<'a> {
    pub key: BlsPublicKey,
    /// Who holds it: their cluster's newest snapshot is part of the call.
    pub committee: &'a [OperatorId],
    /// It was made after this block.
    pub since: u64,
    /// The beacon chain's deposit contract.
    pub deposit_contract: Address,
}

/// The same for a deposit, its cluster by two voices, and that nobody deposited for its key, and that there is a contract to deposit to.
pub async fn on_deposit(
    agreement: &dyn Agreement,
    pool: PoolId,
    oracle: Address,
    block: BlockRef,
    made: MadeSince<'_>,
) -> Accord {
    let question = Grounds {
        pool,
        oracle,
        block,
        made: Some(made),
        clusters: Clusters::default(),
    };
    let accord = agreement.ask_at(block, &question).await;
    question.clusters.judge(accord)
}

/// Where a pool stands in the queue at `block`, and whether the manager takes the oracle's calls: what a key generation
/// rests on.
pub async fn on_queue(
    agreement: &dyn Agreement,
    pool: PoolId,
    oracle: Option<Address>,
    block: BlockRef,
) -> Accord {
    let question = Queue { pool, oracle, block };
    agreement.ask_at(block, &question).await
}

/// Whether the manager takes the oracle's calls at `block`.
pub async fn on_caller(agreement: &dyn Agreement, oracle: Address, block: BlockRef) -> Accord {
    agreement.ask_at(block, &Caller { oracle, block }).await
}

/// The owner's registrations at SSV, which no contract counts.
pub async fn on_registrations(agreement: &dyn Agreement, block: BlockRef) -> Accord {
    agreement.ask_at(block, &Registrations(block)).await
}

/// What the manager's state says of a pool at `block`: what a ceremony with its key rests on.
pub async fn on_pool(agreement: &dyn Agreement, pool: PoolId, block: BlockRef) -> Accord {
    agreement.ask_at(block, &Pool { pool, block }).await
}

/// Who holds a pool's key, where the contract keeps no state of it.
pub async fn on_committee(agreement: &dyn Agreement, pool: PoolId, block: BlockRef) -> Accord {
    agreement.ask_at(block, &Committee { pool, block }).await
}

/// Whether their newest blocks are dated about like this, seconds since the Unix epoch.
pub async fn on_time(agreement: &dyn Agreement, timestamp: u64) -> Accord {
    agreement.ask("on the time", &Dated(timestamp)).await
}

/// In which block a contract came into being.
pub async fn on_deployment(agreement: &dyn Agreement, contract: Address) -> Accord {
    let about = format!("on the deployment of {contract}");
    agreement.ask(&about, &Deployed(contract)).await
}

/// Whether as many transactions of an account, or more, are sent or wait in a node's pool.
pub async fn on_waiting(agreement: &dyn Agreement, account: Address, pending: u64) -> Accord {
    let about = format!("on what {account} has sent");
    agreement.ask(&about, &Waits { account, pending }).await
}

/// Where a transaction is included, and what came of it.
pub async fn on_receipt(agreement: &dyn Agreement, transaction: Root) -> Accord {
    let about = format!("on transaction {transaction}");
    agreement.ask(&about, &Receipt(transaction)).await
}

/// Where a transaction is included, final or not, and whether it went through; or that it is in no block, by whoever has its
/// nonce unused.
pub async fn on_outcome(agreement: &dyn Agreement, told: Told) -> Accord {
    let about = format!("on transaction {}", told.transaction);
    agreement.ask(&about, &outcome::Outcome(told)).await
}

/// Whether the final blocks have used a nonce of an account, and for none of these transactions.
pub async fn on_used_nonce(agreement: &dyn Agreement, account: Address, nonce: u64, ours: &[Root]) -> Accord {
    let about = format!("on nonce {nonce} of {account}");
    let question = UsedNonce { account, nonce, ours };
    agreement.ask(&about, &question).await
}

/// Whether a transaction that is none of `ours` is in a block with a nonce of an account.
pub async fn on_taken_nonce(
    agreement: &dyn Agreement,
    account: Address,
    nonce: u64,
    by: Root,
    ours: &[Root],
) -> Accord {
    let about = format!("on nonce {nonce} of {account}");
    let question = taken::TakenNonce {
        account,
        nonce,
        by,
        ours,
    };
    agreement.ask(&about, &question).await
}

/// What a transaction rests on.
struct Grounds<'a> {
    pool: PoolId,
    oracle: Address,
    block: BlockRef,
    made: Option<MadeSince<'a>>,
    clusters: Clusters,
}

/// Who tells the cluster that is part of a call, and who cannot tell it, and why.
#[derive(Debug, Default)]
struct Clusters(Mutex<(usize, Vec<SafeText>)>);

impl Clusters {
    fn note(&self, voice: &Voice, told: &Result<String, Unknown>) {
        let mut heard = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match told {
            Ok(_) => heard.0 += 1,
            Err(why) => heard
                .1
                .push(SafeText::new(&format!("{}: {CLUSTER}: {why}", voice.name))),
        }
    }

    /// What fewer than two tell is one endpoint's word, on however much else they agree.
    fn judge(self, accord: Accord) -> Accord {
        let (told, untold) = self.0.into_inner().unwrap_or_else(PoisonError::into_inner);
        match accord {
            Accord::Agree {
                agreeing,
                said,
                mut silent,
            } if told < 2 => {
                let configured = agreeing + silent.len();
                silent.extend(untold);
                Accord::TooFew {
                    configured,
                    said: Some(said),
                    silent,
                }
            }
            accord => accord,
        }
    }
}

impl Grounds<'_> {
    async fn deposits(&self, voice: &Voice) -> Result<Option<String>, Unknown> {
        let Some(MadeSince { key, since, .. }) = self.made else {
            return Ok(None);
        };
        let found = voice.execution.deposits_of(&key, since, self.block).await;
        let found = found.known()?.map_or(0, |found| found.len());
        Ok(Some(found.to_string()))
    }

    /// A voice whose logs are still being read is silent on this alone.
    async fn cluster(&self, voice: &Voice) -> Option<Result<String, Unknown>> {
        let state = voice.ssv.state(self.block, self.made?.committee).await;
        Some(state.value().map(|state| cluster_of(&state)))
    }

    async fn deposit_contract(&self, voice: &Voice) -> Result<Option<String>, Unknown> {
        let Some(made) = self.made else {
            return Ok(None);
        };
        let code = voice.execution.code(made.deposit_contract, At::block(self.block));
        let words = |code| format!("the code {}", keccak256(code));
        Ok(Some(code.await.known()?.map_or_else(|| "none".to_owned(), words)))
    }
}

const CLUSTER: &str = "the SSV cluster of these operators";

fn cluster_of(state: &SsvState) -> String {
    match state.known_cluster {
        true => snapshot(&state.cluster),
        false => "none".to_owned(),
    }
}

/// A cluster's snapshot, every field of it.
fn snapshot(cluster: &ClusterSnapshot) -> String {
    let ClusterSnapshot {
        validator_count,
        network_fee_index,
        index,
        balance,
        active,
    } = cluster;
    let state = if *active { "active" } else { "liquidated" };
    format!(
        "{validator_count} validators, indices {network_fee_index} and {index}, balance {balance}, {state}"
    )
}

/// Whether the manager takes the oracle's calls, as a voice tells it. Some nodes pass on no words of a refusal, and that
/// makes them silent on nothing else.
async fn caller(voice: &Voice, oracle: Address, at: At) -> (&'static str, String) {
    let words = match voice.manager.authorises(oracle, at).await {
        Answer::Yes(()) => "accepted",
        Answer::No(_) => "refused",
        Answer::NotKnown(_) => UNTOLD,
    };
    ("the oracle account's calls to the manager", words.to_owned())
}

#[async_trait]
impl Question for Grounds<'_> {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let at = At::block(self.block);
        let (ready, view, fees, nonce, balance, deposits, code, cluster, caller) = tokio::join!(
            voice.manager.ready(at),
            voice.manager.pool(self.pool, at),
            voice.manager.reserved_fees(at),
            voice.execution.nonce(self.oracle, at),
            voice.execution.balance(self.oracle, at),
            self.deposits(voice),
            self.deposit_contract(voice),
            self.cluster(voice),
            caller(voice, self.oracle, at),
        );
        let (ready, view) = (ready.value()?, view.value()?);
        let head = ready.first().map(|head| format!("pool {head}"));
        let key = view.public_key.map(|key| key.to_string());
        let operators: Vec<_> = view.operator_ids.iter().map(OperatorId::to_string).collect();
        let or = |words: Option<String>, nothing: &str| words.unwrap_or_else(|| nothing.to_owned());
        let deposits = deposits?.map(|found| ("the deposits for the new key", found));
        let code = code?.map(|code| ("what is at the deposit contract's address", code));
        let mut words = vec![
            ("the head of the ready queue", or(head, "empty")),
            ("the pool's key", or(key, "none")),
            (
                "the pool's operators",
                or((!operators.is_empty()).then(|| operators.join(", ")), "nobody"),
            ),
            ("the pool's deposits", view.deposits_wei.to_string()),
            ("the pool's deposit data root", view.deposit_data_root.to_string()),
            ("the pool's exiting", view.exiting.to_string()),
            ("the pool's reshares", view.reshare_count.to_string()),
            ("the reserved fees", fees.value()?.to_string()),
            ("the oracle account's nonce", nonce.value()?.to_string()),
            ("the oracle account's balance", format_ether(balance.value()?)),
        ];
        words.push(caller);
        words.extend(code);
        if let Some(told) = cluster {
            self.clusters.note(voice, &told);
            words.push((CLUSTER, told.unwrap_or_else(|_| UNTOLD.to_owned())));
        }
        words.extend(deposits);
        Ok(words)
    }
}

struct Queue {
    pool: PoolId,
    oracle: Option<Address>,
    block: BlockRef,
}

#[async_trait]
impl Question for Queue {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let at = At::block(self.block);
        let ready = voice.manager.ready(at).await.value()?;
        let place = ready.iter().position(|pool| *pool == self.pool);
        let place = place.map_or_else(|| "none".to_owned(), |place| (place + 1).to_string());
        let mut words = vec![("the pool's place in the ready queue", place)];
        if let Some(oracle) = self.oracle {
            words.push(caller(voice, oracle, at).await);
        }
        Ok(words)
    }
}

struct Caller {
    oracle: Address,
    block: BlockRef,
}

#[async_trait]
impl Question for Caller {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        Ok(vec![caller(voice, self.oracle, At::block(self.block)).await])
    }
}

/// Endpoints that follow the same chain date their newest blocks less than this apart, and about the time that is a multiple
/// of it; seconds.
const APART: u64 = 1_800;

struct Dated(u64);

#[async_trait]
impl Question for Dated {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let head = voice.execution.head().await.value()?;
        // those that are near each other are the same to whoever compares words
        let dated = match head.timestamp.abs_diff(self.0) < APART {
            true => self.0,
            false => head.timestamp / APART * APART,
        };
        let dated = UnixMillis(dated.saturating_mul(1_000)).to_utc();
        Ok(vec![("the time of its newest block", format!("about {dated}"))])
    }
}

struct Deployed(Address);

#[async_trait]
impl Question for Deployed {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let found = voice.execution.deployed_at(self.0).await.known()?;
        let block = found.map_or_else(|| "none".to_owned(), |block| block.to_string());
        Ok(vec![("the block of the deployment", block)])
    }
}

/// The block that those tell who agree, are most, or alone answered [`on_deployment`]; none in it: there is no contract.
pub fn deployed_in(accord: &Accord) -> Option<Option<u64>> {
    let said = match accord {
        Accord::Agree { said, .. } | Accord::Outvoted { most: said, .. } => said,
        Accord::TooFew { said: Some(said), .. } => said,
        Accord::Alone | Accord::Disagree(_) | Accord::TooFew { said: None, .. } => return None,
    };
    let (_, block) = said.first()?;
    match block.as_str() {
        "none" => Some(None),
        block => block.parse().ok().map(Some),
    }
}

struct Waits {
    account: Address,
    pending: u64,
}

#[async_trait]
impl Question for Waits {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let pending = voice.execution.nonce(self.account, At::Pending).await.value()?;
        let so_many = (pending >= self.pending).to_string();
        Ok(vec![("so many of the oracle account's transactions", so_many)])
    }
}

/// The owner's registrations, as a voice counts them.
fn registrations(state: &SsvState) -> Words {
    let newest = state.registered_at.map_or_else(String::new, |at| {
        format!(", the newest in block {} by {}", at.block.number, at.transaction)
    });
    let words = format!("{}{newest}", state.owner_nonce);
    vec![("the owner's registrations at SSV", words)]
}

struct Registrations(BlockRef);

#[async_trait]
impl Question for Registrations {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let state = voice.ssv.state(self.0, &[]).await.value()?;
        Ok(registrations(&state))
    }

    async fn contradicted(&self, voice: &Voice) {
        voice.ssv.read_anew().await;
    }
}

struct Pool {
    pool: PoolId,
    block: BlockRef,
}

#[async_trait]
impl Question for Pool {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let at = At::block(self.block);
        let (view, staked) = tokio::join!(voice.manager.pool(self.pool, at), voice.manager.staked(at));
        let (view, staked) = (view.value()?, staked.value()?);
        let key = view.public_key.map(|key| key.to_string());
        Ok(vec![
            ("the pool's key", key.unwrap_or_else(|| "none".to_owned())),
            ("the pool's being staked", staked.contains(&self.pool).to_string()),
            ("the pool's exiting", view.exiting.to_string()),
        ])
    }
}

struct Committee {
    pool: PoolId,
    block: BlockRef,
}

#[async_trait]
impl Question for Committee {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let said = voice.manager.committee(self.pool, self.block).await.value()?;
        let operators: Vec<_> = said.operator_ids.iter().map(OperatorId::to_string).collect();
        Ok(vec![
            ("who holds the pool's key", operators.join(", ")),
            ("the pool's reshares", said.reshare_count.to_string()),
        ])
    }

    async fn contradicted(&self, voice: &Voice) {
        voice.manager.read_anew().await;
    }
}

struct Receipt(Root);

#[async_trait]
impl Question for Receipt {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let receipt = voice.execution.final_receipt(self.0).await.value()?;
        let events = told_of_pools(&*voice.manager, &receipt.logs).await?;
        let events: Vec<_> = events
            .iter()
            .map(|event| format!("pool {}: {}", event.pool, event.kind))
            .collect();
        let mut words = outcome::placed(receipt.block, receipt.succeeded);
        words.push(("its events", events.join(", ")));
        Ok(words)
    }
}

/// Whoever has not got so far is silent, and so is who has one of ours there, or cannot tell.
struct UsedNonce<'a> {
    account: Address,
    nonce: u64,
    ours: &'a [Root],
}

#[async_trait]
impl Question for UsedNonce<'_> {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let execution = &voice.execution;
        let head = execution.head().await.value()?;
        let last = execution.finalized(head.block).await.value()?;
        let next = execution.nonce(self.account, At::block(last)).await.value()?;
        if next <= self.nonce {
            let words = format!("at its final block {} the next nonce is {next}", last.number);
            return Err(Unknown::because(words));
        }
        for hash in self.ours {
            let why = match execution.final_receipt(*hash).await {
                Answer::No(_) => continue,
                Answer::Yes(_) => format!("has the receipt of {hash}, which is ours"),
                Answer::NotKnown(why) => format!("may have the receipt of {hash}, which is ours: {why}"),
            };
            return Err(Unknown::because(why));
        }
        Ok(vec![("the nonce", "used by another transaction".to_owned())])
    }
}

#[cfg(test)]
mod tests;

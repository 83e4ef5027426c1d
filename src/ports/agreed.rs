//! The questions that every endpoint is asked: before money moves, and before a receipt counts as final.

use std::sync::{Mutex, PoisonError};

use alloy::primitives::Address;
use async_trait::async_trait;

use super::{
    Accord, Agreement, Answer, At, PoolManager, PresentCommittee, Question, SsvState, UNTOLD, Unknown, Voice,
    Words, told_of_pools,
};
use crate::types::{BlockRef, BlsPublicKey, OperatorId, PoolId, Root, SafeText, UnixMillis};

mod outcome;
mod state;
mod taken;
pub mod words;

use words::CLUSTER;

pub use outcome::{Told, are_of, is_in, is_in_no_block};
pub use taken::is_taken_by;

pub use state::{
    QueueState, on_balance, on_cluster, on_count, on_registering, on_sent, on_state, read_clusters_anew,
};

/// What a transaction for `pool` rests on, at `block`: the queue, the pool, fees, the account, whether the manager takes its
/// calls, and what is final. All of it is the state of one block, so it takes no history. `used`: what was read of it before, in
/// [`words`].
pub async fn on_facts(
    agreement: &dyn Agreement,
    pool: PoolId,
    oracle: Address,
    block: BlockRef,
    used: &Words,
) -> Accord {
    let question = Grounds {
        pool,
        oracle,
        block,
        made: None,
        clusters: Clusters::default(),
    };
    agreement.ask_at(block, &question).await.held_against(used)
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

/// The same for a deposit, its cluster by two voices, and that nobody deposited for its key, that there is a contract to
/// deposit to, and to whom and where it goes.
pub async fn on_deposit(
    agreement: &dyn Agreement,
    pool: PoolId,
    oracle: Address,
    block: BlockRef,
    made: MadeSince<'_>,
    used: &Words,
) -> Accord {
    let question = Grounds {
        pool,
        oracle,
        block,
        made: Some(made),
        clusters: Clusters::default(),
    };
    let accord = agreement.ask_at(block, &question).await;
    question.clusters.judge(accord).held_against(used)
}

/// Where a pool stands in the queue at `block`, and whether the manager takes the oracle's calls: what a key generation
/// rests on. `used`: what was read of it before.
pub async fn on_queue(
    agreement: &dyn Agreement,
    pool: PoolId,
    oracle: Option<Address>,
    block: BlockRef,
    used: &Words,
) -> Accord {
    let question = Queue { pool, oracle, block };
    agreement.ask_at(block, &question).await.held_against(used)
}

/// Whether the manager takes the oracle's calls at `block`, as one endpoint told it.
pub async fn on_caller(
    agreement: &dyn Agreement,
    oracle: Address,
    block: BlockRef,
    told: &Answer<()>,
) -> Accord {
    let accord = agreement.ask_at(block, &Caller { oracle, block }).await;
    accord.held_against(&vec![words::caller(told)])
}

/// The owner's registrations at SSV, which no contract counts, as one endpoint told them.
pub async fn on_registrations(agreement: &dyn Agreement, block: BlockRef, told: &Answer<SsvState>) -> Accord {
    let accord = agreement.ask_at(block, &Registrations(block)).await;
    accord.held_against(&words::known(told, words::registrations).into_iter().collect())
}

/// What the manager's state says of a pool at `block`: what a ceremony with its key rests on. `used`: what was read of it
/// before.
pub async fn on_pool(agreement: &dyn Agreement, pool: PoolId, block: BlockRef, used: &Words) -> Accord {
    agreement
        .ask_at(block, &Pool { pool, block })
        .await
        .held_against(used)
}

/// Who holds a pool's key, as `reader` told it. What it rebuilt from logs it reads anew where the others say something else:
/// what it left out once would be missing for ever.
pub async fn on_committee(
    agreement: &dyn Agreement,
    reader: &dyn PoolManager,
    pool: PoolId,
    block: BlockRef,
    told: &PresentCommittee,
) -> Accord {
    let accord = agreement.ask_at(block, &Committee { pool, block }).await;
    let held = accord.clone().held_against(&words::committee(told));
    if held != accord {
        reader.read_anew().await;
    }
    held
}

/// Whether their newest blocks are dated about like this, seconds since the Unix epoch.
pub async fn on_time(agreement: &dyn Agreement, timestamp: u64) -> Accord {
    let accord = agreement.ask("on the time", &Dated(timestamp)).await;
    accord.held_against(&Dated::words(timestamp))
}

/// In which block a contract came into being.
pub async fn on_deployment(agreement: &dyn Agreement, contract: Address) -> Accord {
    let about = format!("on the deployment of {contract}");
    agreement.ask(&about, &Deployed(contract)).await
}

/// Whether as many transactions of an account, or more, are sent or wait in a node's pool, as one endpoint told it.
pub async fn on_waiting(agreement: &dyn Agreement, account: Address, pending: u64) -> Accord {
    let about = format!("on what {account} has sent");
    let accord = agreement.ask(&about, &Waits { account, pending }).await;
    accord.held_against(&Waits::words(true))
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
    fn note(&self, voice: &Voice, told: &Result<words::Word, Unknown>) {
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
    /// What a deposit for a new key rests on besides; nothing for what is no deposit.
    async fn deposit(&self, voice: &Voice) -> Result<Words, Unknown> {
        let Some(made) = self.made else {
            return Ok(Vec::new());
        };
        let (at, block) = (At::block(self.block), self.block);
        let (code, network, credentials, found) = tokio::join!(
            voice.execution.code(made.deposit_contract, at),
            voice.manager.ssv_network(at),
            voice.manager.withdrawal_credentials(self.pool, at),
            voice.execution.deposits_of(&made.key, made.since, block),
        );
        let mut said = vec![
            words::ssv_network(&network.value()?),
            words::credentials(&credentials.value()?),
        ];
        said.extend(words::deposit_contract(&code));
        said.extend(words::deposits(&found));
        // whoever cannot tell one of them is silent, and why
        code.known()?;
        found.known()?;
        Ok(said)
    }

    /// A voice whose logs are still being read is silent on this alone.
    async fn cluster(&self, voice: &Voice) -> Option<Result<words::Word, Unknown>> {
        let state = voice.ssv.state(self.block, self.made?.committee).await;
        Some(state.value().map(|state| words::cluster(&state)))
    }
}

#[async_trait]
impl Question for Grounds<'_> {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let at = At::block(self.block);
        let (ready, view, fees, nonce, balance, caller, deposit, cluster) = tokio::join!(
            voice.manager.ready(at),
            voice.manager.pool(self.pool, at),
            voice.manager.reserved_fees(at),
            voice.execution.nonce(self.oracle, at),
            voice.execution.balance(self.oracle, at),
            voice.manager.authorises(self.oracle, at),
            self.deposit(voice),
            self.cluster(voice),
        );
        let ready = ready.value()?;
        let mut said = vec![words::head_of_queue(&ready), words::place(self.pool, &ready)];
        said.extend(words::pool(&view.value()?));
        said.extend([
            words::reserved_fees(fees.value()?),
            words::nonce(nonce.value()?),
            words::balance(balance.value()?),
            words::caller(&caller),
        ]);
        if let Some(told) = cluster {
            self.clusters.note(voice, &told);
            said.push(told.unwrap_or_else(|_| (CLUSTER, UNTOLD.to_owned())));
        }
        said.extend(deposit?);
        Ok(said)
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
        let mut said = vec![words::place(self.pool, &voice.manager.ready(at).await.value()?)];
        if let Some(oracle) = self.oracle {
            said.push(words::caller(&voice.manager.authorises(oracle, at).await));
        }
        Ok(said)
    }
}

struct Caller {
    oracle: Address,
    block: BlockRef,
}

#[async_trait]
impl Question for Caller {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let answer = voice.manager.authorises(self.oracle, At::block(self.block)).await;
        Ok(vec![words::caller(&answer)])
    }
}

/// Endpoints that follow the same chain date their newest blocks less than this apart, and about the time that is a multiple
/// of it; seconds.
const APART: u64 = 1_800;

struct Dated(u64);

impl Dated {
    fn words(timestamp: u64) -> Words {
        let dated = UnixMillis(timestamp.saturating_mul(1_000)).to_utc();
        vec![("the time of its newest block", format!("about {dated}"))]
    }
}

#[async_trait]
impl Question for Dated {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let head = voice.execution.head().await.value()?;
        // those that are near each other are the same to whoever compares words
        let dated = match head.timestamp.abs_diff(self.0) < APART {
            true => self.0,
            false => head.timestamp / APART * APART,
        };
        Ok(Self::words(dated))
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

impl Waits {
    /// Pools fill at different times, so nobody is asked for the number: who has as many, or more, bears it out.
    fn words(so_many: bool) -> Words {
        vec![(
            "so many of the oracle account's transactions",
            so_many.to_string(),
        )]
    }
}

#[async_trait]
impl Question for Waits {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let pending = voice.execution.nonce(self.account, At::Pending).await.value()?;
        Ok(Self::words(pending >= self.pending))
    }
}

struct Registrations(BlockRef);

#[async_trait]
impl Question for Registrations {
    async fn put(&self, voice: &Voice) -> Result<Words, Unknown> {
        let state = voice.ssv.state(self.0, &[]).await.value()?;
        Ok(vec![words::registrations(&state)])
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
        Ok(vec![
            words::key(view.public_key.as_ref()),
            words::staked(staked.contains(&self.pool)),
            words::exiting(view.exiting),
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
        Ok(words::committee(&said))
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

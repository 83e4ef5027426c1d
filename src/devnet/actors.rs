//! Those who act on the network beside the oracle: stakers, and the upkeep that reports what has become of a deposit.

use std::sync::Arc;
use std::time::Duration;

use alloy::eips::{BlockId, BlockNumberOrTag};
use alloy::providers::Provider;
use rand::{Rng, SeedableRng};
use rand_chacha::ChaCha8Rng;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::error::{DevnetError, failed};
use super::network::Devnet;
use super::watch::BeaconWatch;
use crate::types::{BlsPublicKey, PoolId, RequestKind};

/// How often the upkeep looks.
const UPKEEP_POLL: Duration = Duration::from_millis(500);
/// Seconds between pools where somebody watches for long.
const NEXT_POOL: std::ops::Range<u64> = 40..80;
/// No more pools are filled while so many wait: nobody decides.
const ENOUGH: usize = 4;
/// How long an actor waits after a failure.
const AFTER_FAILURE: Duration = Duration::from_secs(1);

/// A task that acts on the network until it is dropped, or has done all it has to do.
#[derive(Debug)]
pub struct Actor {
    task: JoinHandle<()>,
    /// Dropped, the task ends after what it is at; none where it is only aborted.
    goes_on: Option<oneshot::Sender<()>>,
}

impl Actor {
    fn of(deeds: impl Future<Output = ()> + Send + 'static) -> Self {
        Self {
            task: tokio::spawn(deeds),
            goes_on: None,
        }
    }

    /// Lets it finish what it is at: a transaction that was sent and is not mined would come with a later block.
    pub(super) async fn end(mut self) {
        if self.goes_on.take().is_some() {
            let _ = (&mut self.task).await;
        }
    }

    /// Whether it has done all it has to do. An upkeep never has.
    #[must_use]
    pub fn is_done(&self) -> bool {
        self.task.is_finished()
    }
}

impl Drop for Actor {
    fn drop(&mut self) {
        self.task.abort();
    }
}

/// Does something now and then, first after the time.
pub(super) fn again<F>(every: Duration, deed: impl Fn() -> F + Send + 'static) -> Actor
where
    F: Future<Output = ()> + Send,
{
    let (goes_on, mut over) = oneshot::channel();
    let deeds = async move {
        loop {
            tokio::select! {
                () = tokio::time::sleep(every) => deed().await,
                _ = &mut over => return,
            }
        }
    };
    let mut actor = Actor::of(deeds);
    actor.goes_on = Some(goes_on);
    actor
}

/// Fills another pool now and then, as long as few wait for their deposit. The same seed gives the same times.
pub(super) fn lively(network: Arc<Devnet>, seed: u64) -> Actor {
    Actor::of(async move {
        let mut chance = ChaCha8Rng::seed_from_u64(seed);
        loop {
            tokio::time::sleep(Duration::from_secs(chance.gen_range(NEXT_POOL))).await;
            match network.manager().getReadyPoolIds().call().await {
                Ok(ready) if ready.len() >= ENOUGH => continue,
                Ok(_) => {}
                Err(error) => {
                    pause_after(&failed("getReadyPoolIds", &error)).await;
                    continue;
                }
            }
            match network.deposit_pool(1).await {
                Ok(_) => tracing::info!(target: "devnet", "a staker filled another pool"),
                Err(error) => pause_after(&error).await,
            }
        }
    })
}

/// What a staker does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakerScript {
    /// Pools filled at once, by one transaction.
    pub first: u64,
    /// Then one more each time this has passed.
    pub then_every: Duration,
    /// Until so many pools are filled in all.
    pub up_to: u64,
}

/// Starts a staker.
#[must_use]
pub fn staker(network: Arc<Devnet>, script: StakerScript) -> Actor {
    Actor::of(async move {
        let mut filled = 0;
        while filled < script.up_to {
            let pools = if filled == 0 {
                script.first.clamp(1, script.up_to)
            } else {
                1
            };
            match network.deposit_pool(pools).await {
                Ok(requested) => {
                    filled += pools;
                    let pools: Vec<_> = requested.iter().map(PoolId::to_string).collect();
                    tracing::info!(target: "devnet", pools = pools.join(", "), "a staker filled pools");
                    if filled < script.up_to {
                        tokio::time::sleep(script.then_every).await;
                    }
                }
                // whether it was mined all the same is not asked: one more pool does no harm here
                Err(error) => pause_after(&error).await,
            }
        }
    })
}

/// What is asked of staked pools.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct RequestScript {
    /// The first pool to be staked gets a request to reshare after this time.
    pub reshare_after: Option<Duration>,
    /// The second one gets a request to exit after this time.
    pub exit_after: Option<Duration>,
}

/// Starts an actor that requests a reshare and an exit, each once.
#[must_use]
pub fn requests(network: Arc<Devnet>, script: RequestScript) -> Actor {
    let reshare = request(
        Arc::clone(&network),
        0,
        script.reshare_after,
        RequestKind::Reshare,
    );
    let exit = request(network, 1, script.exit_after, RequestKind::Exit);
    Actor::of(async move {
        futures_util::join!(reshare, exit);
    })
}

/// Waits until so many pools are staked, then for the time, then asks for it until it is mined.
async fn request(network: Arc<Devnet>, nth: usize, after: Option<Duration>, kind: RequestKind) {
    let Some(after) = after else { return };
    staked(&network, nth).await;
    tokio::time::sleep(after).await;
    loop {
        // looked for again: a reorganisation may have taken it back
        let pool = staked(&network, nth).await;
        let asked = match kind {
            RequestKind::Reshare => network.request_reshare(pool).await,
            RequestKind::Exit => network.request_exit(pool).await,
            // deposits are asked for by stakers
            RequestKind::Deposit => return,
        };
        match asked {
            Ok(()) => break tracing::info!(target: "devnet", %pool, %kind, "requested"),
            Err(error) => pause_after(&error).await,
        }
    }
}

/// The nth pool that is staked, once there is one.
async fn staked(network: &Devnet, nth: usize) -> PoolId {
    loop {
        match network.manager().getStakedPoolIds().call().await {
            Ok(staked) => match staked.get(nth) {
                Some(id) => return PoolId(*id),
                None => tokio::time::sleep(UPKEEP_POLL).await,
            },
            Err(error) => pause_after(&failed("getStakedPoolIds", &error)).await,
        }
    }
}

/// Starts the upkeep: reports a pool as staked once its deposit is final, and, where there is a beacon node to ask, as
/// exited once its validator's balance has been withdrawn.
#[must_use]
pub fn upkeep(network: Arc<Devnet>, beacon: Option<BeaconWatch>) -> Actor {
    Actor::of(async move {
        loop {
            match keep_up(&network, beacon.as_ref()).await {
                Ok(()) => tokio::time::sleep(UPKEEP_POLL).await,
                Err(error) => pause_after(&error).await,
            }
        }
    })
}

async fn pause_after(error: &DevnetError) {
    tracing::warn!(target: "devnet", %error, "an actor of the local network will try again");
    tokio::time::sleep(AFTER_FAILURE).await;
}

async fn keep_up(network: &Devnet, beacon: Option<&BeaconWatch>) -> Result<(), DevnetError> {
    for pool in final_pending_pools(network).await? {
        network.report_staked(pool).await?;
        tracing::info!(target: "devnet", %pool, "the upkeep reported the deposit");
    }
    let Some(beacon) = beacon else { return Ok(()) };
    let manager = network.manager();
    let staked = manager.getStakedPoolIds().call().await;
    for id in staked.map_err(|error| failed("getStakedPoolIds", &error))? {
        let pool = manager.getPool(id).call().await;
        let pool = pool.map_err(|error| failed("getPool", &error))?;
        let Ok(key) = BlsPublicKey::try_from(pool.publicKey.as_ref()) else {
            continue;
        };
        if pool.exiting && beacon.is_withdrawn(&key).await {
            network.report_exited(PoolId(id)).await?;
            tracing::info!(target: "devnet", pool = id, "the upkeep reported the exit");
        }
    }
    Ok(())
}

/// The pools whose deposit is final and not yet reported: pending in the finalized state, and now.
async fn final_pending_pools(network: &Devnet) -> Result<Vec<PoolId>, DevnetError> {
    let finalized = BlockNumberOrTag::Finalized;
    let block = network.provider().get_block_by_number(finalized).await;
    let block = block.map_err(|error| failed("the finalized block", &error))?;
    let manager = network.manager();
    // the manager is deployed in block 1
    let Some(block) = block.filter(|block| block.header.number >= 1) else {
        return Ok(Vec::new());
    };
    let then = manager
        .getPendingPoolIds()
        .block(BlockId::hash(block.header.hash))
        .call()
        .await;
    let then = then.map_err(|error| failed("getPendingPoolIds", &error))?;
    let now = manager.getPendingPoolIds().call().await;
    let now = now.map_err(|error| failed("getPendingPoolIds", &error))?;
    Ok(now
        .into_iter()
        .filter(|id| then.contains(id))
        .map(PoolId)
        .collect())
}

//! Events of the intake become inputs; each new head becomes a view of the contract's state.

use tokio::sync::{mpsc, watch};

use super::validators::Lists;
use crate::chain::contracts::{ManagerEvent, ManagerEventKind};
use crate::chain::intake::{ChainEvent, Head, IntakeEvent, Observed, ObservedEvent};
use crate::chain::rpc::At;
use crate::engine::core::Incoming;
use crate::engine::service::outside::Shared;
use crate::engine::{LiveUpdate, inject};
use crate::oracle::{AccountFacts, ChainFacts, Fulfilment, Input};
use crate::types::{CheckStatus, RequestKind, SafeText};
use crate::view::LinkState;

/// Ends when the core or the intake is gone.
pub(super) async fn run(
    outside: Shared,
    mut events: mpsc::Receiver<IntakeEvent>,
    lists: watch::Sender<Option<Lists>>,
    core: mpsc::Sender<Incoming>,
) {
    // of the head of this look, and of the last look that got through
    let (mut finalized, mut caught_up) = (None, None);
    while let Some(event) = events.recv().await {
        let sent = match event {
            IntakeEvent::Batch(batch) => {
                let inputs: Vec<Input> = batch.events.into_iter().filter_map(input).collect();
                let requested = inputs
                    .iter()
                    .any(|input| matches!(input, Input::Requested { .. }));
                let sent = core.send(Incoming::Batch(inputs, batch.cursor)).await;
                if requested {
                    inject::panic_at("feed");
                }
                sent
            }
            IntakeEvent::Head(head) => {
                finalized = head.finalized;
                let update = LiveUpdate::Head {
                    head: head.block,
                    finalized: head.finalized,
                    base_fee_wei: head.base_fee_wei,
                };
                if core.send(Incoming::Live(update)).await.is_err() {
                    return;
                }
                look(&outside, head, &lists, &core).await
            }
            IntakeEvent::CaughtUp => {
                let _ = core
                    .send(Incoming::Live(LiveUpdate::Alarm("chain", SafeText::default())))
                    .await;
                let _ = core.send(Incoming::Live(LiveUpdate::Link(LinkState::Live))).await;
                if caught_up == Some(finalized) {
                    Ok(())
                } else {
                    caught_up = Some(finalized);
                    core.send(Incoming::Input(Input::CaughtUp { finalized })).await
                }
            }
            IntakeEvent::CatchingUp { .. } => {
                core.send(Incoming::Live(LiveUpdate::Link(LinkState::CatchingUp)))
                    .await
            }
            IntakeEvent::Trouble(words) => trouble(LinkState::Stale, words, &core).await,
            IntakeEvent::NoConnection(words) => trouble(LinkState::Down, words, &core).await,
            IntakeEvent::Socket(_) => Ok(()),
        };
        if sent.is_err() {
            return;
        }
    }
}

async fn trouble(
    link: LinkState,
    words: SafeText,
    core: &mpsc::Sender<Incoming>,
) -> Result<(), mpsc::error::SendError<Incoming>> {
    core.send(Incoming::Live(LiveUpdate::Link(link))).await?;
    core.send(Incoming::Live(LiveUpdate::Alarm("chain", words))).await
}

fn input(event: ChainEvent) -> Option<Input> {
    let (observed, added) = match event {
        ChainEvent::Added(observed) => (observed, true),
        ChainEvent::Removed(observed) => (observed, false),
    };
    let Observed {
        at: log,
        event: ObservedEvent::Manager(ManagerEvent { kind, pool }),
    } = observed
    else {
        return None;
    };
    let request = match kind {
        ManagerEventKind::DepositRequested => Some(RequestKind::Deposit),
        ManagerEventKind::ReshareRequested => Some(RequestKind::Reshare),
        ManagerEventKind::ExitRequested => Some(RequestKind::Exit),
        _ => None,
    };
    if let Some(kind) = request {
        return Some(if added {
            Input::Requested { kind, pool, log }
        } else {
            Input::RequestRemoved { kind, pool, log }
        });
    }
    let what = match kind {
        ManagerEventKind::DepositInitiated => Fulfilment::DepositInitiated,
        ManagerEventKind::Deposited => Fulfilment::Deposited,
        ManagerEventKind::Reshared => Fulfilment::Reshared,
        _ => Fulfilment::Exited,
    };
    Some(if added {
        Input::Fulfilled { what, pool, log }
    } else {
        Input::FulfilmentRemoved { what, pool, log }
    })
}

/// Reads the state at `head` and tells it. What can not be read is said and read again at the next head.
async fn look(
    outside: &Shared,
    head: Head,
    lists: &watch::Sender<Option<Lists>>,
    core: &mpsc::Sender<Incoming>,
) -> Result<(), mpsc::error::SendError<Incoming>> {
    match facts(outside, head).await {
        Ok(facts) => {
            core.send(Incoming::Live(LiveUpdate::Alarm("facts", SafeText::default())))
                .await?;
            // shown, never decided upon: read beside
            lists.send_replace(Lists::of(&facts));
            core.send(Incoming::Input(Input::Facts(Box::new(facts)))).await?;
        }
        Err(words) => {
            let words = SafeText::new(&format!("the contract's state could not be read: {words}"));
            core.send(Incoming::Live(LiveUpdate::Alarm("facts", words)))
                .await?;
        }
    }
    if let Some(oracle) = outside.oracle {
        let status = match outside.manager.authorises(oracle, At::block(head.block)).await {
            Ok(Some(true)) => CheckStatus::Pass,
            Ok(Some(false)) => CheckStatus::Fail,
            Ok(None) | Err(_) => CheckStatus::Unknown,
        };
        core.send(Incoming::Live(LiveUpdate::Authorised(status))).await?;
    }
    Ok(())
}

async fn facts(outside: &Shared, head: Head) -> Result<ChainFacts, String> {
    let at = At::block(head.block);
    let words = |error: &dyn std::fmt::Display| error.to_string();
    let account = async {
        match outside.oracle {
            None => Ok(None),
            Some(address) => {
                let (balance_wei, next, pending) = tokio::try_join!(
                    outside.rpc.balance(address, at),
                    outside.rpc.nonce(address, at),
                    outside.rpc.nonce(address, At::Pending)
                )?;
                Ok::<_, crate::chain::rpc::RpcError>(Some(AccountFacts {
                    address,
                    next,
                    pending,
                    balance_wei,
                }))
            }
        }
    };
    let (ready, pending, staked, ssv, account) = tokio::join!(
        outside.manager.ready_pools(at),
        outside.manager.pending_pools(at),
        outside.manager.staked_pools(at),
        outside.facts.ssv().at(head.block, &[]),
        account,
    );
    // old logs are compared bit by bit, long before an action's checks ask for them
    let kept_up = tokio::join!(
        outside.facts.keep_up(head.block),
        outside.committees.keep_up(head.block)
    );
    for error in [kept_up.0.err(), kept_up.1.err()].into_iter().flatten() {
        tracing::debug!(target: "chain", %error, "old logs could not be read on");
    }
    Ok(ChainFacts {
        head: Some(head.block),
        finalized: head.finalized,
        base_fee_wei: head.base_fee_wei.unwrap_or_default(),
        ready: ready.map_err(|e| words(&e))?,
        pending: pending.map_err(|e| words(&e))?,
        staked: staked.map_err(|e| words(&e))?,
        owner_nonce: ssv.map_err(|e| words(&e))?.owner_nonce,
        account: account.map_err(|e| words(&e))?,
    })
}

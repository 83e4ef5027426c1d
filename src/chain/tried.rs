//! A call tried out. That it goes through is one endpoint's word, and is tried out again before the call leaves. That it
//! reverts is asked of all of them, at one block: no single voice keeps a call back, or makes people act on a refusal.

use futures_util::future::join_all;

use super::revert::revert_of;
use super::rpc::{At, CallRequest, Rpc, RpcError};
use crate::ports::{Call, Less, Revert, Simulated};
use crate::types::{BlockRef, MOST_GAS, Root, SafeText};

pub(super) fn request(call: &Call) -> CallRequest {
    CallRequest {
        from: Some(call.from),
        to: call.to,
        input: call.data.clone(),
        value: call.value_wei,
    }
}

/// What comes of a call on the newest state. `beside`: each endpoint by its name, to be asked about a revert; with fewer
/// than two it is one endpoint's word.
pub(super) async fn try_out(
    rpc: &Rpc,
    beside: &[(SafeText, Rpc)],
    call: &Call,
) -> Result<Simulated, RpcError> {
    let call = request(call);
    // the plain call first: its errors carry the revert's bytes, those of the estimate not with every client
    let revert = match call_at(rpc, &call, At::Latest).await? {
        None => match estimate(rpc, beside, &call).await {
            Ok(simulated) => return Ok(simulated),
            Err(error) => or_revert(error)?,
        },
        Some(revert) => revert,
    };
    if beside.len() < 2 {
        return Ok(Simulated::reverts(revert));
    }
    // the block before the newest: endpoints are a second or two apart
    let Ok(head) = rpc.head().await else {
        return Ok(unconfirmed(revert, FIRST));
    };
    let block = BlockRef {
        number: head.number().saturating_sub(1),
        hash: Root(head.parent_hash.0),
    };
    Ok(of_all(beside, &call, block, revert).await)
}

/// Whoever was asked before all others, where it does not say the same again.
const FIRST: &str = "the endpoint that was asked first";

fn unconfirmed(revert: Revert, who: &str) -> Simulated {
    let words = format!("{who} says that it reverts, and no other endpoint confirms it");
    Simulated::Unconfirmed {
        revert,
        words: SafeText::new(&words),
    }
}

/// By the higher of two endpoints' estimates: with too little the transaction fails and is paid for, and what is too much is
/// not used. The lower one is told beside it, because either may be the one that makes it up. Far apart, one of them is wrong. Of three and more the second highest, so that no single one can estimate a fee
/// above its ceiling. More than any transaction may have says nothing.
async fn estimate(rpc: &Rpc, beside: &[(SafeText, Rpc)], call: &CallRequest) -> Result<Simulated, RpcError> {
    let told_by = |gas, doubt, less| Ok(Simulated::Succeeds { gas, doubt, less });
    let sure = |gas, doubt| told_by(gas, doubt, None);
    if beside.len() < 2 {
        return sure(rpc.estimate_gas(call).await?, None);
    }
    let told = join_all(beside.iter().map(|(_, rpc)| rpc.estimate_gas(call))).await;
    let told = beside
        .iter()
        .zip(told)
        .filter_map(|((name, _), gas)| Some((name, gas.ok()?)));
    let mut plausible: Vec<_> = told.filter(|(_, gas)| *gas <= MOST_GAS).collect();
    plausible.sort_by_key(|(_, gas)| std::cmp::Reverse(*gas));
    match plausible.as_slice() {
        [] => {
            let words = "no endpoint estimates gas that a transaction may have";
            sure(rpc.estimate_gas(call).await?, Some(words.into()))
        }
        [(name, gas)] => {
            let words = format!("{name} alone estimates its gas, {gas}");
            sure(*gas, Some(SafeText::new(&words)))
        }
        [(higher, gas), (lower, less)] if *gas > less.saturating_mul(APART) => {
            let words = format!("{higher} estimates {gas} gas, and {lower} {less}");
            Ok(Simulated::Disputed {
                gas: *gas,
                words: SafeText::new(&words),
            })
        }
        [(higher, gas), (lower, less)] if gas > less => {
            let words = SafeText::new(&format!("{higher} estimates {gas} gas, and {lower} {less}"));
            told_by(*gas, None, Some(Less { gas: *less, words }))
        }
        [(_, gas), _] | [_, (_, gas), ..] => sure(*gas, None),
    }
}

/// Estimates that differ by more than this factor are not of one state.
const APART: u64 = 2;

/// What all of them say at a block of a call that one of them says reverts.
async fn of_all(
    beside: &[(SafeText, Rpc)],
    call: &CallRequest,
    block: BlockRef,
    revert: Revert,
) -> Simulated {
    let ask = |(name, rpc): &(SafeText, Rpc)| {
        let (name, rpc) = (name.clone(), rpc.clone());
        async move { (name, rpc.clone(), call_at(&rpc, call, At::block(block)).await) }
    };
    let (mut against, mut otherwise) = (Vec::new(), Vec::new());
    let mut goes_through = None;
    for (name, rpc, said) in join_all(beside.iter().map(ask)).await {
        match said {
            Ok(Some(said)) if is_same(&said, &revert) => against.push(name),
            Ok(None) if goes_through.is_none() => goes_through = Some((name, rpc)),
            Ok(Some(_)) => otherwise.push(name),
            // another one goes through as well, or there is no answer
            _ => {}
        }
    }
    let first = against.first().or(otherwise.first());
    let first = first.map_or_else(|| FIRST.to_owned(), SafeText::to_string);
    if let Some((name, rpc)) = goes_through
        && let Ok(gas) = rpc.estimate_gas(call).await
        && gas <= MOST_GAS
    {
        let words = format!("{first} says that it reverts, and {name} that it goes through");
        return Simulated::Disputed {
            gas,
            words: SafeText::new(&words),
        };
    }
    match against.len() + otherwise.len() {
        0 | 1 => unconfirmed(revert, &first),
        // they may give other reasons
        _ => Simulated::Reverts {
            revert,
            agreed_at: (against.len() >= 2).then_some(block),
        },
    }
}

/// None where it goes through.
async fn call_at(rpc: &Rpc, call: &CallRequest, at: At) -> Result<Option<Revert>, RpcError> {
    match rpc.call(call, at).await {
        Ok(_) => Ok(None),
        Err(error) => or_revert(error).map(Some),
    }
}

fn or_revert(error: RpcError) -> Result<Revert, RpcError> {
    match error.server().and_then(revert_of) {
        Some(revert) => Ok(revert),
        None => Err(error),
    }
}

/// Clients word one revert differently; its bytes say the same everywhere.
fn is_same(a: &Revert, b: &Revert) -> bool {
    match (&a.data, &b.data) {
        (Some(a), Some(b)) => a == b,
        _ => a.words == b.words,
    }
}

//! Handing signed bytes to the nodes. What a node says about them is a hint; the chain's state decides (`track`).
//!
//! Every endpoint gets them: one whose pool is full, that lags or that swallows them must not be the only one that was
//! asked. One that says that it took them and does not know them afterwards is named: by its own two answers.

use std::time::Duration;

use alloy::primitives::B256;
use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::SignedTransaction;
use super::refusal::classify;
use crate::chain::rpc::{Rpc, RpcError};
use crate::log_limit::LogLimit;
use crate::types::{Root, SafeText};

pub use crate::ports::{Broadcast, BroadcastHint, Heard};

/// Lines about transactions that are offered again and again until they are in a block.
static SENDS: LogLimit = LogLimit::usual();

/// How long after one another an endpoint is asked for what it took. A pool behind a balancer takes a moment; what is in no
/// answer by the last was forgotten.
const LOOKS: [Duration; 3] = [
    Duration::from_millis(500),
    Duration::from_secs(2),
    Duration::from_secs(4),
];

/// Sends signed bytes to every endpoint at once, and returns when the first has taken them or all have answered; those
/// that have not answered by then still get them. There is no error: whatever happens, the outcome is found out from the
/// chain.
pub async fn broadcast(rpc: &Rpc, signed: &SignedTransaction) -> Broadcast {
    // tasks of their own, so that nobody's answer is cut off when somebody was faster
    let mut answers: FuturesUnordered<_> = rpc
        .each()
        .into_iter()
        .map(|(endpoint, rpc)| tokio::spawn(offer(endpoint, rpc, signed.clone())))
        .collect();
    let mut heard = Vec::new();
    while let Some(answer) = answers.next().await {
        let Ok(answer) = answer else { continue };
        let taken = answer.hint.taken();
        heard.push(answer);
        if taken {
            break;
        }
    }
    Broadcast(heard)
}

async fn offer(endpoint: SafeText, rpc: Rpc, signed: SignedTransaction) -> Heard {
    let (hint, words) = match rpc.send_raw_transaction(&signed.raw).await {
        Ok(hash) if hash.0 == signed.hash.0 => (BroadcastHint::Accepted, SafeText::default()),
        // whatever it took, the state will tell
        Ok(hash) => {
            let words = SafeText::new(&format!("it answers with another hash, {hash}"));
            (BroadcastHint::Refused(words), SafeText::default())
        }
        Err(error) => hint_of(&error),
    };
    let heard = Heard {
        endpoint,
        hint,
        words,
    };
    // one that did not answer is shown as that
    if !matches!(heard.hint, BroadcastHint::NoAnswer(_)) {
        let refusal = (!heard.hint.taken()).then(|| SafeText::new(&heard.why()));
        rpc.note_refusal(refusal);
    }
    match heard.hint {
        BroadcastHint::Accepted => drop(tokio::spawn(look_for(heard.endpoint.clone(), rpc, signed.hash))),
        // it has a block with this nonce: with ours in it, nothing was refused
        BroadcastHint::NonceTooLow => drop(tokio::spawn(forgive(rpc, signed.hash))),
        _ => {}
    }
    let (hash, nonce) = (&signed.hash, signed.nonce);
    if let Some(left_out) = SENDS.line() {
        if heard.hint.taken() {
            tracing::info!(target: "tx", %hash, nonce, endpoint = %heard.endpoint, hint = %heard.hint, left_out, "broadcast");
        } else {
            tracing::warn!(target: "tx", %hash, nonce, reason = %heard, left_out, "not taken by an endpoint");
        }
    }
    heard
}

/// Whether an endpoint has a transaction by now, in its pool or in a block; not known where it does not answer.
async fn has(rpc: &Rpc, hash: Root) -> Option<bool> {
    for pause in LOOKS {
        tokio::time::sleep(pause).await;
        if rpc.transaction(B256::from(hash.0)).await.ok()?.is_some() {
            return Some(true);
        }
    }
    Some(false)
}

/// Takes back what is shown of an endpoint that refused what it has.
async fn forgive(rpc: Rpc, hash: Root) {
    if has(&rpc, hash).await == Some(true) {
        rpc.note_refusal(None);
    }
}

/// Names an endpoint that has not what it said that it took.
async fn look_for(endpoint: SafeText, rpc: Rpc, hash: Root) {
    // one that does not answer is shown as that
    if has(&rpc, hash).await != Some(false) {
        return;
    }
    let why = "it answered that it took it, and does not know it";
    if let Some(left_out) = SENDS.line() {
        tracing::warn!(target: "tx", %hash, %endpoint, why, left_out, "swallowed by an endpoint");
    }
    rpc.note_refusal(Some(why.into()));
}

/// What a failed send means, with the node's own words where the meaning is ours. A node that was not done in time or
/// is broken has not refused.
fn hint_of(error: &RpcError) -> (BroadcastHint, SafeText) {
    let no_answer = || {
        let words = match error {
            // the endpoint is named already
            RpcError::Unanswered { attempts, .. } if attempts.len() == 1 => attempts[0].error.to_string(),
            other => other.to_string(),
        };
        (
            BroadcastHint::NoAnswer(SafeText::new(&words)),
            SafeText::default(),
        )
    };
    let Some(said) = error.server() else {
        return no_answer();
    };
    match (classify(said), error) {
        (hint @ BroadcastHint::Refused(_), RpcError::Server { .. }) => (hint, SafeText::default()),
        (BroadcastHint::Refused(_), _) => no_answer(),
        (hint, _) => (hint, said.message.clone()),
    }
}

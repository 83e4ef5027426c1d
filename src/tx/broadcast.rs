//! Handing signed bytes to the nodes. What a node says about them is a hint; the chain's state decides (`track`).
//!
//! Every endpoint gets them: one whose pool is full, that lags or that swallows them must not be the only one that was
//! asked.

use futures_util::stream::{FuturesUnordered, StreamExt as _};

use super::SignedTransaction;
use super::refusal::{BroadcastHint, classify};
use crate::chain::rpc::{Rpc, RpcError};
use crate::types::SafeText;

/// What one endpoint said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Heard {
    /// The endpoint, its secrets hidden.
    pub endpoint: SafeText,
    /// What its answer seems to mean.
    pub hint: BroadcastHint,
    /// Its own words, if it had any.
    pub words: SafeText,
}

/// What the endpoints said, in the order in which they answered.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Broadcast(pub Vec<Heard>);

impl Broadcast {
    /// An endpoint has the bytes.
    #[must_use]
    pub fn taken(&self) -> bool {
        self.0.iter().any(|heard| heard.hint.taken())
    }

    /// The answer that tells most: that it was taken, else the first that somebody gave.
    #[must_use]
    pub fn hint(&self) -> Option<&BroadcastHint> {
        let hints = || self.0.iter().map(|heard| &heard.hint);
        hints()
            .find(|hint| hint.taken())
            .or_else(|| hints().find(|hint| !matches!(hint, BroadcastHint::NoAnswer(_))))
            .or_else(|| hints().next())
    }

    /// Every endpoint's reason, for people.
    #[must_use]
    pub fn reasons(&self) -> SafeText {
        let reasons: Vec<_> = self.0.iter().map(Heard::reason).collect();
        SafeText::new(&reasons.join("; "))
    }
}

impl Heard {
    fn reason(&self) -> String {
        format!("{}: {}", self.endpoint, self.why())
    }

    fn why(&self) -> String {
        match self.words.as_str() {
            "" => self.hint.to_string(),
            words => format!("{} (\"{words}\")", self.hint),
        }
    }
}

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
    let (hash, nonce) = (&signed.hash, signed.nonce);
    if heard.hint.taken() {
        tracing::info!(target: "tx", %hash, nonce, endpoint = %heard.endpoint, hint = %heard.hint, "broadcast");
    } else {
        tracing::warn!(target: "tx", %hash, nonce, reason = %heard.reason(), "not taken by an endpoint");
    }
    heard
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

//! Whether this node agrees to sign what a start message asks for.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use super::super::policy::{ChainPlace, Meaning, Refusal, SigningRequest, SigningRules, ValidatorIndices};
use super::Service;
use crate::ports::Answer;
use crate::types::{BlsPublicKey, SafeText};

/// How long a start message waits for a validator's index.
const DEADLINE: Duration = Duration::from_secs(10);

/// Where the beacon chain has the validators. Of one that is active it is asked once: that changes no more.
#[derive(Debug)]
pub(in super::super) struct Indices {
    source: Option<Arc<dyn ValidatorIndices>>,
    known: Mutex<HashMap<BlsPublicKey, ChainPlace>>,
}

impl Indices {
    pub(in super::super) fn new(source: Option<Arc<dyn ValidatorIndices>>) -> Self {
        Self {
            source,
            known: Mutex::default(),
        }
    }

    /// Asked for keys only whose share this node holds, so what is kept is bounded by the store.
    async fn of(&self, validator: BlsPublicKey) -> Answer<ChainPlace> {
        // a single look-up or insertion is never left half done
        let known = || self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(place) = known().get(&validator) {
            return Answer::Yes(*place);
        }
        let Some(source) = &self.source else {
            return Answer::not_known("this node was not told a beacon node");
        };
        let answer = tokio::time::timeout(DEADLINE, source.place_of(validator)).await;
        let answer = answer.unwrap_or_else(|_| Answer::not_known("no beacon node answered in time"));
        if let Answer::Yes(place) = &answer
            && place.active_since.is_some()
        {
            known().insert(validator, *place);
        }
        answer
    }
}

impl Service {
    /// Compares the root with every root that the rules allow; a second of hashing at worst.
    pub(super) async fn permitted(&self, validator: BlsPublicKey, root: &[u8]) -> Result<Meaning, Refusal> {
        let died = Refusal::SigningRoot {
            root: root.to_vec(),
            why: SafeText::new("was not compared with the rules: the comparison died"),
        };
        let mut request = SigningRequest {
            validator,
            root: root.to_vec(),
            place: Answer::not_known("no rule asks for it"),
        };
        let now = self.rules();
        if let Some(rules) = now.policy.signing.clone().filter(SigningRules::asks_for_index) {
            // registrations are asked for long before the beacon chain knows the key
            let root = root.to_vec();
            match tokio::task::spawn_blocking(move || rules.owner_message(&root)).await {
                Ok(Some(meaning)) => return Ok(meaning),
                Ok(None) => request.place = now.indices.of(validator).await,
                Err(_) => return Err(died),
            }
        }
        let looking = Arc::clone(&self.looking);
        let compared = tokio::task::spawn_blocking(move || {
            let turn = looking.try_acquire();
            now.policy.check_signing(&request, turn.is_ok())
        });
        compared.await.unwrap_or(Err(died))
    }
}

//! One resharing of a key at a time. The store's choice of the share that counts rests on it.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Instant;

use crate::types::{BlsPublicKey, RequestId};

/// How a node says that it would take part, and has to end another resharing of the key first.
pub(crate) const ONE_AT_A_TIME: &str = "one at a time, until it ends or times out";

type Table = HashMap<BlsPublicKey, (RequestId, Instant)>;

/// The resharings that run here, by the key that they are about.
#[derive(Debug, Clone, Default)]
pub(super) struct Claims(Arc<Mutex<Table>>);

/// Held while a resharing is about to start or runs; dropping it lets the next one of the key start.
#[derive(Debug)]
pub(super) struct Claim {
    claims: Claims,
    key: BlsPublicKey,
}

impl Claims {
    /// Claims the key for a resharing.
    ///
    /// # Errors
    /// Which one has it, in words.
    pub(super) fn claim(&self, key: BlsPublicKey, ceremony: RequestId) -> Result<Claim, String> {
        let mut table = self.table();
        match table.get(&key) {
            Some((running, _)) if *running == ceremony => Err("dkg started already".to_owned()),
            Some((running, since)) => Err(format!(
                "reshare {running} of this key runs here since {} s ago: {ONE_AT_A_TIME}",
                since.elapsed().as_secs()
            )),
            None => {
                table.insert(key, (ceremony, Instant::now()));
                Ok(Claim {
                    claims: self.clone(),
                    key,
                })
            }
        }
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        // a single insertion or removal is never left half done
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Claim {
    fn drop(&mut self) {
        self.claims.table().remove(&self.key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_second_is_told_which_one_runs_until_that_one_is_over() {
        let claims = Claims::default();
        let (key, other) = (BlsPublicKey([1; 48]), BlsPublicKey([2; 48]));
        let (first, second) = (RequestId([1; 24]), RequestId([2; 24]));
        let held = claims.claim(key, first).unwrap();
        let refused = claims.claim(key, second).unwrap_err();
        assert!(refused.contains(&first.to_string()), "{refused}");
        assert_eq!(claims.claim(key, first).unwrap_err(), "dkg started already");
        let _unrelated = claims.claim(other, second).unwrap();
        drop(held);
        assert!(claims.claim(key, second).is_ok());
    }
}

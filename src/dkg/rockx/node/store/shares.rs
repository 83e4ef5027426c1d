//! The shares, and which of them counts. The rule and its reasons are in the description of the store.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use rusqlite::{OptionalExtension, params};
use zeroize::Zeroizing;

use super::manifest::Named;
use super::{Store, StoreError, now};
use crate::types::{BlsPublicKey, OperatorId, RequestId};

/// The operator's share of a validator key and what is public about the whole key.
#[derive(Clone)]
pub struct KeyShare {
    pub validator: BlsPublicKey,
    /// Shares needed to sign.
    pub threshold: u8,
    /// This operator's share: a scalar, 32 bytes big-endian.
    pub share: Zeroizing<[u8; 32]>,
    /// Public key of every operator's share, this operator's included.
    pub share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
}

impl fmt::Debug for KeyShare {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyShare")
            .field("validator", &self.validator)
            .field("threshold", &self.threshold)
            .field("operators", &self.share_public_keys.keys())
            .finish_non_exhaustive()
    }
}

/// A run that ended here before this node saw whether it completed, and what its members' results must say if it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Unsettled {
    pub ceremony: RequestId,
    pub validator: BlsPublicKey,
    /// Its members, with the public keys of their shares.
    pub share_public_keys: BTreeMap<OperatorId, BlsPublicKey>,
}

/// Threshold and share keys, as they stand beside a sealed share.
pub(super) type Beside = (u8, BTreeMap<OperatorId, BlsPublicKey>);

impl Store {
    /// Keeps the share that the run `id` produced, as pending. Durable when this returns.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn keep(&self, id: RequestId, key: &KeyShare) -> Result<(), StoreError> {
        let facts = serde_json::to_string(&(key.threshold, &key.share_public_keys))
            .expect("numbers and hex strings are JSON");
        let sealed = self
            .sealer
            .seal(&key.share, &associated(id, key.validator, &facts));
        self.durably(|db| {
            db.execute(
                "INSERT INTO shares (request_id, validator, stored_ms, state, facts, sealed, generation)
             VALUES (?1, ?2, ?3, 'pending', ?4, ?5,
                     COALESCE((SELECT generation FROM sessions WHERE request_id = ?1), 1))",
                params![id.0, key.validator.0, now(), facts, sealed],
            )
        })?;
        self.note(Named {
            ceremony: id,
            validator: key.validator,
        });
        Ok(())
    }

    /// The share that counts.
    ///
    /// # Errors
    /// SQLite failed, or the row was altered.
    pub fn key(&self, validator: BlsPublicKey) -> Result<Option<KeyShare>, StoreError> {
        let row: Option<([u8; 24], String, Vec<u8>)> = self
            .db()
            .query_row(
                "SELECT request_id, facts, sealed FROM shares
                 WHERE validator = ?1 AND state IN ('active', 'pending')
                 ORDER BY state = 'active' DESC, generation DESC, request_id LIMIT 1",
                [validator.0],
                |row| Ok((row.get(0)?, row.get(1)?, row.get(2)?)),
            )
            .optional()?;
        let Some((id, facts, sealed)) = row else {
            return Ok(None);
        };
        let altered = || StoreError::Altered(validator);
        let share = self
            .sealer
            .open(&sealed, &associated(RequestId(id), validator, &facts))
            .ok_or_else(altered)?;
        let (threshold, share_public_keys) = serde_json::from_str::<Beside>(&facts).map_err(|_| altered())?;
        Ok(Some(KeyShare {
            validator,
            threshold,
            share,
            share_public_keys,
        }))
    }

    /// Runs of this key, or of every key, whose share would count if it turned out that they completed: they ended here
    /// without that, not longer than `age` ago, and nothing that began later has completed. The newest first.
    ///
    /// # Errors
    /// SQLite failed, or a row was altered.
    pub fn unsettled(
        &self,
        validator: Option<BlsPublicKey>,
        age: Duration,
    ) -> Result<Vec<Unsettled>, StoreError> {
        let oldest = now().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let db = self.db();
        let mut statement = db.prepare(
            "SELECT request_id, validator, facts FROM shares AS this JOIN sessions USING (request_id)
             WHERE (?1 IS NULL OR validator = ?1) AND state = 'pending' AND ending IS NOT NULL AND stored_ms >= ?2
               AND NOT EXISTS (
                   SELECT 1 FROM shares AS other
                   WHERE other.validator = this.validator AND other.state = 'active'
                     AND other.generation > this.generation
               )
             ORDER BY id DESC",
        )?;
        let rows = statement.query_map(params![validator.map(|key| key.0), oldest], |row| {
            Ok((
                RequestId(row.get(0)?),
                BlsPublicKey(row.get(1)?),
                row.get::<_, String>(2)?,
            ))
        })?;
        rows.map(|row| {
            let (ceremony, validator, facts) = row?;
            let (_, share_public_keys) =
                serde_json::from_str::<Beside>(&facts).map_err(|_| StoreError::Altered(validator))?;
            Ok(Unsettled {
                ceremony,
                validator,
                share_public_keys,
            })
        })
        .collect()
    }
}

/// What a sealed share is bound to: moved to another row, or beside other facts, it does not open.
pub(super) fn associated(id: RequestId, validator: BlsPublicKey, facts: &str) -> Vec<u8> {
    [&id.0[..], &validator.0[..], facts.as_bytes()].concat()
}

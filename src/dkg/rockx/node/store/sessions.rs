//! Every run that this node took part in, and how it ended.

use std::collections::BTreeSet;
use std::sync::PoisonError;
use std::time::Duration;

use rusqlite::{Connection, params};

use super::held::{AMID, held_by};
use super::{Named, Store, StoreError, now};
use crate::types::{BlsPublicKey, RequestId, SafeText};

/// The kind of a run of which only its result is known.
const UNKNOWN_KIND: &str = "unknown";

/// The kinds of runs that leave a share.
pub(super) const MAKE_SHARES: &str = "('keygen', 'reshare')";

/// What a run is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SessionKind {
    /// A new key.
    Keygen,
    /// New shares of this key.
    Reshare(BlsPublicKey),
    Keysign,
}

impl SessionKind {
    /// As it stands in the file and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Keygen => "keygen",
            Self::Reshare(_) => "reshare",
            Self::Keysign => "keysign",
        }
    }
}

/// How a run ended that did not complete, as far as this node saw.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ending {
    /// Somebody blamed somebody.
    Blamed,
    /// It stopped for another reason: a timeout, a contradiction, a peer's surrender.
    Failed,
    /// The node was stopped while it ran.
    Aborted,
}

impl Ending {
    /// As it stands in the file and in the log.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Blamed => "blamed",
            Self::Failed => "failed",
            Self::Aborted => "aborted",
        }
    }
}

/// For how long runs are remembered after their end that left no share.
pub(in super::super) struct Remembered {
    /// Those in which no other operator said anything.
    pub(in super::super) alone: Duration,
    pub(in super::super) others: Duration,
    /// So many of all these; what ended first goes first.
    pub(in super::super) most: u32,
}

/// Makes the runs known whose shares are missing, for this reason: who removes the manifest that names them accepts their
/// loss. Of a run that was known already it stays how it ended.
pub(super) fn note_missing(db: &mut Connection, missing: &[Named], why: &str) -> rusqlite::Result<()> {
    let tx = db.transaction()?;
    for named in missing {
        tx.execute(
            "INSERT INTO sessions (request_id, kind, started_ms, ended_ms, ending, detail)
             VALUES (?1, ?2, ?3, ?3, ?4, ?5)
             ON CONFLICT (request_id) DO UPDATE SET kind = excluded.kind,
                 detail = CASE WHEN COALESCE(detail, '') IN ('', ?6) THEN excluded.detail
                               ELSE detail || '; ' || excluded.detail END,
                 ended_ms = COALESCE(ended_ms, excluded.ended_ms), ending = COALESCE(ending, excluded.ending)
                 WHERE kind <> excluded.kind",
            params![
                named.ceremony.0,
                UNKNOWN_KIND,
                now(),
                Ending::Aborted.as_str(),
                why,
                AMID
            ],
        )?;
    }
    tx.commit()
}

impl Store {
    /// Every run of whose share this file says something: it is here, it is missing, or a person accepted its loss; and those
    /// that make no share. One that was begun, and has none here, is not among them: the file may be a copy that was made amid
    /// it, and the share was kept since.
    ///
    /// # Errors
    /// SQLite failed.
    pub(in super::super) fn runs(&self) -> Result<BTreeSet<RequestId>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare(&format!(
            "SELECT request_id FROM sessions WHERE kind NOT IN {MAKE_SHARES} UNION SELECT request_id FROM shares"
        ))?;
        let known = statement.query_map([], |row| Ok(RequestId(row.get(0)?)))?;
        let mut runs = known.collect::<Result<BTreeSet<_>, _>>()?;
        runs.extend(self.missing().iter().map(|named| named.ceremony));
        Ok(runs)
    }

    /// Takes down which shares this operator must have, by results that bear its own signature: those that are not here are
    /// [missing](Self::missing) from now on, and the manifest names them for every start, doctor and backup to come. Returns
    /// those that nobody knew of.
    ///
    /// Their runs are known from then on, too: who removes the manifest because no backup has them has said so for good, and
    /// is not told again by a messenger that still keeps the result.
    ///
    /// # Errors
    /// The store cannot be read or written. What is missing is known to this process all the same.
    pub(in super::super) fn miss(&self, signed: &[Named]) -> Result<Vec<Named>, StoreError> {
        self.miss_by(
            signed,
            "signed for, by a result at the messenger; its share is not here",
        )
    }

    /// The same by another word on what must be here, which is noted of the runs as `why`.
    ///
    /// # Errors
    /// As above.
    pub(super) fn miss_by(&self, told: &[Named], why: &str) -> Result<Vec<Named>, StoreError> {
        let held: BTreeSet<Named> = held_by(&self.db())?.iter().map(Named::from).collect();
        let mut new = Vec::new();
        {
            let mut missing = self.missing.lock().unwrap_or_else(PoisonError::into_inner);
            for named in told.iter().filter(|named| !held.contains(named)) {
                if !missing.contains(named) {
                    missing.push(*named);
                    new.push(*named);
                }
            }
        }
        if new.is_empty() {
            return Ok(new);
        }
        // a run that is known although no manifest names its share would be a loss that a person accepted
        self.write_manifest();
        if !self.manifest_lags() {
            self.durably(|db| note_missing(db, &new, why))?;
        }
        Ok(new)
    }

    /// Notes that a run starts that anybody may have asked for. `false`: this id was used before, now or in an earlier life, or
    /// its share is here or missing; refuse it.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn begin(&self, id: RequestId, kind: SessionKind) -> Result<bool, StoreError> {
        self.begin_run(id, kind, false)
    }

    /// The same of a run whose start message a configured initiator signed, which is never forgotten: the signature does not
    /// age, and whoever took part once may still have it when the run has failed long ago.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn begin_signed(&self, id: RequestId, kind: SessionKind) -> Result<bool, StoreError> {
        self.begin_run(id, kind, true)
    }

    fn begin_run(&self, id: RequestId, kind: SessionKind, signed: bool) -> Result<bool, StoreError> {
        let key = match kind {
            SessionKind::Reshare(validator) => Some(validator.0),
            SessionKind::Keygen | SessionKind::Keysign => None,
        };
        if self.missing().iter().any(|named| named.ceremony == id) {
            return Ok(false);
        }
        // survives a power cut with the next share: nobody waits for the disk to start
        let added = self.soon(|db| {
            db.execute(
                "INSERT OR IGNORE INTO sessions (request_id, kind, started_ms, signed, generation) SELECT ?1, ?2, ?3, ?5, (
                     SELECT 1 + COALESCE(MAX(shares.generation), 0) FROM shares LEFT JOIN sessions USING (request_id)
                     WHERE validator = ?4 AND (sessions.request_id IS NULL OR ending IS NOT NULL)
                 ) WHERE NOT EXISTS (SELECT 1 FROM shares WHERE request_id = ?1)",
                params![id.0, kind.as_str(), now(), key, signed],
            )
        })?;
        Ok(added == 1)
    }

    /// Notes that a run has ended in which no other operator said anything. Of one that a crash ended that is not known; it
    /// is kept as long as any other.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn ended_alone(&self, id: RequestId) -> Result<(), StoreError> {
        // lost in a power cut, it is kept as long as any other
        let sql = "UPDATE sessions SET alone = 1, ended_ms = COALESCE(ended_ms, ?2),
                       ending = COALESCE(ending, ?3) WHERE request_id = ?1";
        self.soon(|db| db.execute(sql, params![id.0, now(), Ending::Aborted.as_str()]))
            .map(drop)
    }

    /// Forgets runs that are over and left no share here, and says which: where anybody may begin a run, each would
    /// otherwise take its place for ever. Nothing came of them that another run of the same id could contradict. A run whose
    /// share is here, or was and is missing, is remembered for ever, and one that a configured initiator began, of which there
    /// are as many as it made: nobody begins it again.
    ///
    /// # Errors
    /// SQLite failed.
    pub(in super::super) fn forget(&self, kept: &Remembered) -> Result<Vec<RequestId>, StoreError> {
        let until = |age: Duration| now().saturating_sub(i64::try_from(age.as_millis()).unwrap_or(i64::MAX));
        let missing: BTreeSet<_> = self.missing().iter().map(|named| named.ceremony).collect();
        self.durably(|db| {
            let tx = db.transaction()?;
            let ids: Vec<_> = {
                let mut over = tx.prepare(
                    "SELECT request_id FROM (
                         SELECT request_id, alone, ended_ms, ROW_NUMBER() OVER (ORDER BY ended_ms DESC, rowid DESC) AS nth
                         FROM sessions
                         WHERE signed = 0 AND ended_ms IS NOT NULL AND request_id NOT IN (SELECT request_id FROM shares)
                     ) WHERE alone = 1 AND ended_ms <= ?1 OR ended_ms <= ?2 OR nth > ?3 ORDER BY nth DESC",
                )?;
                let rows = params![until(kept.alone), until(kept.others), kept.most];
                let ids = over.query_map(rows, |row| row.get(0).map(RequestId))?;
                let ids = ids.filter(|id| !matches!(id, Ok(id) if missing.contains(id)));
                ids.collect::<Result<_, _>>()?
            };
            for id in &ids {
                tx.execute("DELETE FROM sessions WHERE request_id = ?1", [id.0])?;
            }
            tx.commit()?;
            Ok(ids)
        })
    }

    /// Nobody else reads or writes it meanwhile.
    #[cfg(test)]
    pub(in super::super) fn hold(&self, meanwhile: impl FnOnce()) {
        let _db = self.db();
        meanwhile();
    }

    /// Every request id that was begun here and is not forgotten: none of them may start again.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn known(&self) -> Result<Vec<RequestId>, StoreError> {
        let db = self.db();
        let mut statement = db.prepare("SELECT request_id FROM sessions")?;
        let ids = statement.query_map([], |row| row.get(0).map(RequestId))?;
        Ok(ids.collect::<Result<_, _>>()?)
    }

    /// Notes that a run completed. `outputs` are the signed results of its whole committee as JSON, verified by the
    /// caller; they are kept beside the share.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn complete(&self, id: RequestId, outputs: &[u8]) -> Result<(), StoreError> {
        self.durably(|db| {
            let tx = db.transaction()?;
            tx.execute(
                "UPDATE sessions SET ending = 'complete', ended_ms = ?2 WHERE request_id = ?1",
                params![id.0, now()],
            )?;
            // the share of a run that somebody blamed stays what it is
            tx.execute(
            "UPDATE shares SET state = 'active', outputs = ?2 WHERE request_id = ?1 AND state = 'pending'",
            params![id.0, outputs],
        )?;
            tx.commit()
        })
    }

    /// Notes how a run ended otherwise, and what that means for its share, in one transaction.
    ///
    /// # Errors
    /// SQLite failed.
    pub fn finish(&self, id: RequestId, ending: Ending, detail: &SafeText) -> Result<(), StoreError> {
        self.durably(|db| {
            let tx = db.transaction()?;
            tx.execute(
                "UPDATE sessions SET ending = ?2, ended_ms = ?3, detail = ?4 WHERE request_id = ?1",
                params![id.0, ending.as_str(), now(), detail.as_str()],
            )?;
            match ending {
                Ending::Blamed => {
                    tx.execute(
                        "UPDATE shares SET state = 'never-use', reason = ?2 WHERE request_id = ?1",
                        params![id.0, detail.as_str()],
                    )?;
                }
                // others may hold a complete set of outputs: the share stays, as pending
                Ending::Failed | Ending::Aborted => {}
            }
            tx.commit()
        })
    }
}

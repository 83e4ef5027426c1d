//! The layout of the file, and how older ones come to it.

use rusqlite::Connection;

use super::StoreError;

/// Step n takes a file of layout n to layout n + 1; a new file takes all of them.
pub(super) const STEPS: [&str; 4] = [FIRST, GENERATIONS, ALONE, SIGNED];

/// Layout of a file that this program writes.
pub const LAYOUT: usize = STEPS.len();

const FIRST: &str = "
CREATE TABLE meta (name TEXT PRIMARY KEY, value BLOB NOT NULL) STRICT;
CREATE TABLE sessions (
    request_id BLOB PRIMARY KEY, kind TEXT NOT NULL, started_ms INTEGER NOT NULL,
    ended_ms INTEGER, ending TEXT, detail TEXT NOT NULL DEFAULT ''
) STRICT;
CREATE TABLE shares (
    id INTEGER PRIMARY KEY, request_id BLOB NOT NULL UNIQUE, validator BLOB NOT NULL, stored_ms INTEGER NOT NULL,
    state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '', facts TEXT NOT NULL, sealed BLOB NOT NULL
) STRICT;
CREATE INDEX shares_of_validator ON shares (validator);
";

/// Generations of a key's shares, and the results that show that a run completed. Runs of a file without them get the
/// generation that their times give: one that began before another ended is of the same generation. What an older program
/// has seen completed counts as completed, with no results to show.
const GENERATIONS: &str = "
ALTER TABLE sessions ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
ALTER TABLE shares ADD COLUMN generation INTEGER NOT NULL DEFAULT 1;
ALTER TABLE shares ADD COLUMN outputs BLOB;
WITH runs AS (
    SELECT shares.id, validator, sessions.rowid AS began, started_ms, COALESCE(ended_ms, started_ms) AS ended_ms
    FROM shares JOIN sessions USING (request_id)
)
UPDATE shares SET generation = (
    SELECT 1 + COUNT(*) FROM runs AS earlier JOIN runs AS this ON this.id = shares.id
    WHERE earlier.validator = this.validator AND earlier.began < this.began AND earlier.ended_ms <= this.started_ms
) WHERE id IN (SELECT id FROM runs);
";

/// Whether this node heard of no other operator in a run that has ended. Of the runs of earlier programs that is not known;
/// they are kept.
const ALONE: &str = "
ALTER TABLE sessions ADD COLUMN alone INTEGER NOT NULL DEFAULT 0;
CREATE INDEX sessions_alone ON sessions (ended_ms) WHERE alone = 1;
";

/// Whether a configured initiator signed a run's start message. Of the runs of earlier programs that is not known: they count
/// as signed, and are kept.
const SIGNED: &str = "
ALTER TABLE sessions ADD COLUMN signed INTEGER NOT NULL DEFAULT 0;
UPDATE sessions SET signed = 1;
";

/// Brings the file to the newest layout, or leaves it as it is: each step is one transaction.
///
/// # Errors
/// SQLite failed, or the file was written by a newer program.
pub(super) fn bring_up_to_date(db: &Connection) -> Result<(), StoreError> {
    let layout = layout(db)?;
    let steps = usize::try_from(layout).map_or(&[][..], |done| &STEPS[done..]);
    for (layout, step) in (layout + 1..).zip(steps) {
        db.execute_batch(&format!(
            "BEGIN IMMEDIATE;{step}PRAGMA user_version = {layout};COMMIT;"
        ))?;
    }
    Ok(())
}

/// The layout of a file that this program can read; 0 where it has no tables yet.
///
/// # Errors
/// SQLite failed, or the file was written by a newer program.
pub(super) fn layout(db: &Connection) -> Result<i64, StoreError> {
    let layout: i64 = db.pragma_query_value(None, "user_version", |row| row.get(0))?;
    match usize::try_from(layout) {
        Ok(known) if known <= STEPS.len() => Ok(layout),
        _ => Err(StoreError::Layout(layout)),
    }
}

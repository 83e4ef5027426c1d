//! SQLite's log written back into the file where a failed fsync is seen.

use crate::sqlite::is_final;

/// Writes SQLite's log back into the file. SQLite's own checkpoints, which keep a failed fsync to themselves, are off in
/// every store that calls this. Whoever reads at this moment is not waited for: the next time does it.
///
/// # Errors
/// Only those that are final; others come again at the next time.
pub(super) fn write_back(connection: &rusqlite::Connection) -> Result<(), rusqlite::Error> {
    match connection.query_row("PRAGMA wal_checkpoint(PASSIVE)", [], |_| Ok(())) {
        Err(error) if !is_final(&error) => {
            tracing::warn!(target: "casimir_dkg::dkg", %error, "SQLite's log is not written back yet");
            Ok(())
        }
        done => done,
    }
}

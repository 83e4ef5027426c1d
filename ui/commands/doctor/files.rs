//! Directories that must be writable, and the journal.

use std::path::Path;

use alloy::primitives::U256;
use casimir_dkg::config::Config;
use casimir_dkg::engine::{self, service};
use casimir_dkg::journal::places::Left;
use casimir_dkg::journal::{self, Entry, JournalError, JournalOptions, places};
use casimir_dkg::types::{counted, format_ether};

use super::{Finding, Report, modes};
use crate::commands::journal::transcripts::Transcripts;
use crate::log;

/// More than this for a transaction's fee is looked at, in wei.
const ONE_ETH: u64 = 1_000_000_000_000_000_000;

/// Gives the journal's records, as far as they can be believed.
pub(crate) fn examine(config: &Config, report: &mut Report) -> Vec<Entry> {
    report.extend(ceilings(config));
    report.add(writable("state directory", &config.directories.state));
    report.add(writable("log directory", &config.log.dir));
    if let Some(parent) = config.journal.path.parent() {
        let parent = if parent.as_os_str().is_empty() {
            Path::new(".")
        } else {
            parent
        };
        report.add(writable("journal directory", parent));
    }
    report.judge(&service::files(config));
    if let Err(error) = service::judge_initiator_key(config) {
        let hint = "the engine does not start with it";
        let what = "dkg.initiator_key_file";
        report.add_unless_told(&[what], Finding::fail(what, error.to_string(), hint));
    }
    let (finding, records) = journal(&engine::journal_at(&config.journal));
    let (network, of) = (&config.network, engine::identity(&records));
    report.add(
        match of.is_of(network.name.as_str(), network.chain_id, config.contract.address) {
            Ok(()) => finding,
            Err(problem) => {
                let found = format!("{} {problem}", config.journal.path.display());
                Finding::fail("journal", found, "a start refuses this journal")
            }
        },
    );
    report.extend(transcripts_there(&config.journal.path, &records));
    let transcripts = places::transcripts_of(&config.journal.path);
    report.extend(modes::written_by_others("logs", &config.log.dir));
    report.extend(modes::written_by_others("transcripts", &transcripts));
    report.extend(modes::open_to_others("logs", &config.log.dir, log::is_ours));
    report.extend(modes::open_to_others("transcripts", &transcripts, |name| {
        name.ends_with(".json")
    }));
    records
}

/// A directory that does not exist yet is made at the start: then its nearest parent must be writable.
pub(super) fn writable(what: &str, directory: &Path) -> Finding {
    let existing = directory
        .ancestors()
        // the last ancestor of a relative path is empty, which stands for the current directory
        .map(|path| {
            if path.as_os_str().is_empty() {
                Path::new(".")
            } else {
                path
            }
        })
        .find(|path| path.exists())
        .unwrap_or(directory);
    let shown = directory.display();
    match tempfile::tempfile_in(existing) {
        Ok(_) if existing == directory => Finding::ok(what, format!("{shown} is writable")),
        Ok(_) => Finding::ok(what, format!("{shown} will be made")),
        Err(e) => Finding::fail(
            what,
            format!("{} cannot be written: {e}", existing.display()),
            "change its owner, or set CASIMIR_DKG_STATE_DIR",
        ),
    }
}

/// What one transaction may cost by the configuration, where it is more than any should.
fn ceilings(config: &Config) -> Vec<Finding> {
    let rules = config.policy.rules.iter();
    let rules =
        rules.filter_map(|rule| Some((format!("max_fee of the rule {}", rule.name), rule.max_fee_wei?)));
    let all = std::iter::once(("fees.max_fee".to_owned(), config.fees.max_fee_wei)).chain(rules);
    all.filter_map(|(key, wei)| too_high(&key, wei)).collect()
}

fn too_high(key: &str, wei: U256) -> Option<Finding> {
    (wei > U256::from(ONE_ETH)).then(|| {
        Finding::warn(
            "fee ceiling",
            format!("{key} lets one transaction cost up to {}", format_ether(wei)),
            "0.05 ETH is usual; was gwei meant? Nothing else bounds what a transaction costs",
        )
    })
}

/// The journal by itself, and its records as far as they can be believed.
pub(super) fn journal(place: &JournalOptions) -> (Finding, Vec<Entry>) {
    let (what, path) = ("journal", place.path.as_path());
    if let Some(left) = place.left_of_a_lost_one() {
        return (lost(path, &left), Vec::new());
    }
    if !path.exists() {
        let found = format!("{} does not exist yet", path.display());
        return (Finding::ok(what, found), Vec::new());
    }
    let finding = match journal::verify_at(place) {
        Ok((found, entries)) => {
            let problem = entries.iter().find_map(|entry| {
                let problem = engine::understood(&entry.kind, &entry.body).err()?;
                Some(format!("record {} is not understood: {problem}", entry.seq))
            });
            // whoever may not read the key cannot say that it is another one
            let key = match journal::judge_key(place, found.key) {
                Err(error @ JournalError::Key { .. }) => Some(error.to_string()),
                Err(JournalError::Io { path, source })
                    if source.kind() == std::io::ErrorKind::InvalidData =>
                {
                    Some(format!("{} {source}", path.display()))
                }
                _ => None,
            };
            let sound = format!(
                "{} records, every hash right, format {}",
                found.records, found.format
            );
            // whoever audits a copy has no key, and needs none
            let finding = match (problem, key, &found.doubt) {
                (None, Some(key), doubt) if place.is_mere_copy() => Finding::warn(
                    what,
                    doubt
                        .as_ref()
                        .map_or(sound.clone(), |doubt| format!("{sound}; {doubt}")),
                    &format!(
                        "sound by itself, as a copy; a start would want the key, which is not beside it: {key}"
                    ),
                ),
                (Some(problem), ..) | (None, Some(problem), _) => {
                    Finding::fail(what, problem, "a start refuses this journal")
                }
                (None, None, Some(doubt)) => Finding::warn(
                    what,
                    doubt.to_string(),
                    "a start pauses everything until a person has looked and resumes",
                ),
                (None, None, None) => Finding::ok(what, sound),
            };
            return (finding, entries);
        }
        Err(e @ (JournalError::Broken { .. } | JournalError::RolledBack { .. })) => Finding::fail(
            what,
            e.to_string(),
            "nothing will be done on the word of this journal",
        ),
        Err(e) => Finding::fail(what, e.to_string(), "is it a journal, and may this user read it?"),
    };
    (finding, Vec::new())
}

/// Whether the transcripts are there that records name; nothing where none names any.
fn transcripts_there(journal: &Path, records: &[Entry]) -> Option<Finding> {
    let transcripts = Transcripts::of(journal, records);
    let what = "transcripts named";
    match transcripts.missing_from(journal) {
        Some(words) => Some(Finding::warn(
            what,
            words,
            "put them back from a copy of that directory: without them nobody can prove what a ceremony did",
        )),
        None => (transcripts.named() > 0).then(|| {
            let number = counted(transcripts.named(), "transcript");
            Finding::ok(what, format!("{number} that the journal names, each there"))
        }),
    }
}

/// A journal of which only this is left.
fn lost(path: &Path, left: &Left) -> Finding {
    let path = path.display();
    match left {
        Left::Checkpoint(checkpoint) => Finding::fail(
            "journal",
            format!(
                "{path} is not there or empty, and {} says that records were acknowledged: it was lost, or its disk is not mounted",
                checkpoint.display()
            ),
            "a start refuses that: journal restore FILE puts a backup in its place; where there is none, journal declare-lost \
             REASON begins another one that says so",
        ),
        Left::Key(key) => Finding::warn(
            "journal",
            format!(
                "{path} is not there or empty, and the key of a journal is: {}",
                key.display()
            ),
            "a start begins a new journal with that key: where there was one, journal restore FILE puts a backup in its place, or \
             journal declare-lost REASON says that it is lost",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ceiling_above_an_ether_is_looked_at() {
        let one = U256::from(ONE_ETH);
        assert!(too_high("fees.max_fee", one).is_none());
        let found = format!("{:?}", too_high("fees.max_fee", one + U256::from(1)).unwrap());
        assert!(
            found.contains("fees.max_fee lets one transaction cost up to 1."),
            "{found}"
        );
    }

    /// It "does not exist yet", and the start was refused.
    #[test]
    fn a_journal_of_which_its_checkpoint_or_its_key_is_left_was_lost() {
        let folder = tempfile::tempdir().unwrap();
        let place = JournalOptions::at(folder.path().join("journal.sqlite"));
        let found = || format!("{:?}", journal(&place).0);
        assert!(found().contains("does not exist yet"), "{}", found());
        std::fs::write(folder.path().join("journal.key"), "key").unwrap();
        assert!(
            found().contains("begins a new journal with that key"),
            "{}",
            found()
        );
        std::fs::write(folder.path().join("journal.checkpoint"), "5 0x00").unwrap();
        for is_empty in [false, true] {
            if is_empty {
                std::fs::write(&place.path, "").unwrap();
            }
            assert!(found().contains("journal declare-lost REASON"), "{}", found());
        }
    }

    #[test]
    fn a_relative_directory_can_be_made_where_we_stand() {
        let finding = writable("logs", Path::new("no-such-directory-here"));
        let shown = format!("{finding:?}");
        assert!(shown.contains("will be made"), "{shown}");
    }
}

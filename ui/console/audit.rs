//! The audit page of a case, written from the console.

use std::path::{Path, PathBuf};

use casimir_dkg::journal::JournalOptions;
use casimir_dkg::types::{CaseId, UnixMillis};
use casimir_dkg::view::JournalView;

use super::app::App;
use crate::commands::audit;

/// Where the journal stands now; a past moment of it is no journal of its own.
pub(super) fn place(app: &App) -> JournalOptions {
    let present = app.past.as_ref().map_or(&app.snapshot, |past| &past.present);
    of(&present.journal)
}

/// The engine's own places, so that the page judges the journal as a start does.
fn of(journal: &JournalView) -> JournalOptions {
    JournalOptions {
        checkpoint: journal.checkpoint.as_ref().map(|at| PathBuf::from(at.as_str())),
        ..JournalOptions::at(journal.path.as_str())
    }
}

/// Writes it into the directory; says where, or why not.
pub(super) fn write(place: &JournalOptions, case: CaseId, to: Option<&Path>) -> Result<String, String> {
    let dir = to.ok_or("no state directory is configured")?;
    let stamp = UnixMillis::now().to_rfc3339()[..19].replace(':', "-");
    let file = dir.join(format!("{}-{stamp}.html", case.to_string().replace('/', "-")));
    std::fs::create_dir_all(dir).map_err(|error| format!("{}: {error}", dir.display()))?;
    let written = audit::write(place, case, &file).map_err(|error| format!("{error:#}"))?;
    Ok(match written.problems.len() {
        0 => file.display().to_string(),
        1 => format!("{}, and 1 record of the journal does not hold", file.display()),
        n => format!("{}, and {n} records of the journal do not hold", file.display()),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use casimir_dkg::journal::{Anchor, Journal, JournalError, NewRecord};
    use casimir_dkg::view::Snapshot;

    use super::*;
    use crate::console::app::Past;
    use crate::console::tests::fixture;

    /// A journal with a key of its own whose checkpoint stands on another disk, and the newest state that tells of it.
    fn scene(folder: &Path) -> (JournalOptions, App) {
        let options = JournalOptions {
            checkpoint: Some(folder.join("disk/checkpoint")),
            ..JournalOptions::at(folder.join("journal.sqlite"))
        };
        std::fs::create_dir(folder.join("disk")).unwrap();
        let opened = Journal::open(&options, Anchor::BEGINNING, |_| Ok::<_, JournalError>(()));
        let (mut journal, _) = opened.unwrap();
        let opened = "{\"record\":\"case-opened\",\"case\":\"deposit/1\",\"cause\":{\"cause\":\"state\",\"block\":\
                      {\"number\":7,\"hash\":\"0x0707070707070707070707070707070707070707070707070707070707070707\"}}}";
        let key = journal.take_up_key().unwrap().unwrap();
        let keyed = format!("{{\"record\":\"journal-keyed\",\"key\":\"{key}\"}}");
        for (kind, body) in [("case-opened", opened.to_owned()), ("journal-keyed", keyed)] {
            let record = NewRecord {
                at: UnixMillis(1_795_834_763_000),
                kind,
                body,
                subjects: Vec::new(),
            };
            journal.append(&[record]).unwrap();
        }
        let journal = JournalView {
            path: journal.path().display().to_string().as_str().into(),
            checkpoint: Some(journal.checkpoint().display().to_string().as_str().into()),
            ..fixture::busy().journal.clone()
        };
        let snapshot = Snapshot {
            journal,
            ..fixture::busy()
        };
        (options, fixture::app(snapshot))
    }

    fn page(place: &JournalOptions, folder: &Path) -> String {
        let file = write(place, "deposit/1".parse().unwrap(), Some(folder)).unwrap();
        let page = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(file).unwrap();
        page
    }

    #[test]
    fn the_page_judges_by_the_checkpoint_that_the_engine_has() {
        let folder = tempfile::tempdir().unwrap();
        let (options, mut app) = scene(folder.path());
        assert_eq!(place(&app).checkpoint, options.checkpoint);
        let written = page(&place(&app), folder.path());
        assert!(
            written.contains("signed with the journal&#39;s own key"),
            "{written}"
        );
        assert!(!written.contains("a start pauses everything"), "{written}");
        // a past moment names no checkpoint, and the journal is the same
        let past = Snapshot {
            journal: JournalView {
                checkpoint: None,
                ..app.snapshot.journal.clone()
            },
            ..(*app.snapshot).clone()
        };
        let present = std::mem::replace(&mut app.snapshot, Arc::new(past));
        app.past = Some(Past {
            present,
            selected: Vec::new(),
        });
        assert_eq!(place(&app).checkpoint, options.checkpoint);
    }

    #[test]
    fn a_checkpoint_that_is_gone_is_told_as_a_start_tells_it() {
        let folder = tempfile::tempdir().unwrap();
        let (options, app) = scene(folder.path());
        std::fs::remove_file(options.checkpoint.unwrap()).unwrap();
        let written = page(&place(&app), folder.path());
        assert!(written.contains("a start pauses everything"), "{written}");
        assert!(written.contains("disk/checkpoint"), "{written}");
    }
}

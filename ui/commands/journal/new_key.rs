//! `journal new-key`: another key of the journal's own, by a person's word.

use casimir_dkg::engine;
use casimir_dkg::journal::{self, JournalOptions};
use casimir_dkg::types::{SafeText, UnixMillis};
use serde_json::json;

use crate::exit::Outcome;
use crate::{output, person};

pub(super) fn run(journal: &JournalOptions, reason: &str, json: bool) -> anyhow::Result<Outcome> {
    person::judge_reason(reason)?;
    let mut doubted = None;
    let renewed = journal::new_key(journal, |new| {
        let by = person::identity().name().clone();
        doubted = new.doubt.cloned();
        engine::keyed(UnixMillis::now(), new, by, SafeText::new(reason.trim()))
    })?;
    let (file, key, record) = (renewed.file.display(), renewed.key, renewed.record);
    if json {
        output::json(&json!({
            "key": key, "record": record, "file": renewed.file, "replaced": renewed.replaced,
            "signed_by": renewed.former, "unsigned": renewed.unsigned,
            "doubt": doubted.as_ref().map(ToString::to_string),
        }));
        return Ok(Outcome::Success);
    }
    output::line(&format!(
        "{file} holds a new key, {key}, which record {record} names. Write it down elsewhere: whoever verifies this journal asks \
         for it"
    ));
    match (&renewed.former, &renewed.unsigned) {
        (Some(former), _) => output::line(&format!(
            "the key before it, {former}, signed it: whoever wrote that down can go on verifying with it"
        )),
        (None, Some(why)) => output::line(&format!(
            "no key before it signed it, {why}. It counts on your word alone: whoever wrote down an older key must hear of it from you, \
             and every verification says so"
        )),
        (None, None) => {}
    }
    if let Some(doubt) = &doubted {
        output::line(&format!(
            "everything is paused until a person has looked and resumes: {doubt}"
        ));
    }
    if let Some(replaced) = &renewed.replaced {
        output::line(&format!(
            "the file that was there is kept as {}",
            replaced.display()
        ));
    }
    Ok(Outcome::Success)
}

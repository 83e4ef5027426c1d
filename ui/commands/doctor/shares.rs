//! An operator's shares: what the store beside its manifest says, and what a person expects of it.

use std::ffi::OsStr;
use std::path::Path;

use casimir_dkg::config::NodeKey;
use casimir_dkg::dkg::rockx::node::STORE_FILE;
use casimir_dkg::dkg::rockx::node::store::{self, Named, StoreError};
use casimir_dkg::types::{OperatorId, counted};

use super::Finding;
use crate::commands::operator;

const WHAT: &str = "shares";
const TAKE_BACK: &str = "stop the node, and take them back: casimir-dkg operator restore BACKUP";
const MAY_BE_LOST: &str = "whether it was kept after that the messenger says at the node's start, and the oracle's journal: casimir-dkg \
                           journal shares ID > FILE, then doctor operator --expect FILE. Where none is missed, this line \
                           ends with a new backup that is made amid no ceremony: casimir-dkg operator backup FILE";
/// Missing keys that are named; `operator shares list` names all.
const NAMED: usize = 3;

/// What the store in `directory` holds. `expect` is how many shares it must hold at least, or a manifest that names them:
/// a store that was lost with its whole directory looks like one that never held any.
///
/// Each is opened with the node's `key`, as the node does: a store of another key, and a share that was damaged, look well
/// from outside.
pub(super) fn examine(directory: &Path, node: OperatorId, expect: Option<&OsStr>, key: &NodeKey) -> Finding {
    let path = directory.join(STORE_FILE);
    judge(&path, node, expect)
        .and_then(|judged| Ok(opened(&path, key)?.unwrap_or(judged)))
        .unwrap_or_else(|error| Finding::fail(WHAT, error.to_string(), "see the handbook: backup"))
}

/// What is wrong with the shares when they are opened; nothing where the key is not in reach, which is said elsewhere.
fn opened(path: &Path, key: &NodeKey) -> Result<Option<Finding>, StoreError> {
    let pem = operator::key(key).ok().and_then(|key| key.to_pem().ok());
    let Some(pem) = pem.filter(|_| path.exists()) else {
        return Ok(None);
    };
    let damaged = store::damaged(path, pem.as_bytes())?;
    let Some(first) = damaged.first() else {
        return Ok(None);
    };
    let found = format!(
        "{}: {} not decrypt, one of {}",
        path.display(),
        match damaged.len() {
            1 => "1 share does".to_owned(),
            n => format!("{n} shares do"),
        },
        first.validator
    );
    Ok(Some(Finding::fail(WHAT, found, TAKE_BACK)))
}

fn judge(path: &Path, node: OperatorId, expect: Option<&OsStr>) -> Result<Finding, StoreError> {
    let file = path.display();
    let (held, mut missing) = if path.exists() {
        (store::shares(path)?, store::missing(path)?)
    } else {
        let manifest = store::manifest_of(path);
        let named = match manifest.exists() {
            true => store::named_by(&manifest)?,
            false => Vec::new(),
        };
        (Vec::new(), named)
    };
    let found = format!("{file}: {}", counted(held.len(), "share"));
    let at_least: Option<usize> = expect.and_then(|expect| expect.to_str()?.parse().ok());
    if let (Some(manifest), None) = (expect, at_least) {
        let manifest = Path::new(manifest);
        let expected = store::expected_by(manifest)?;
        if let Some(other) = expected.operator.filter(|other| *other != node) {
            let found = format!(
                "{} is of operator {other}, and node.id is {node}",
                manifest.display()
            );
            return Ok(Finding::fail(
                WHAT,
                found,
                "compare with the manifest of this operator",
            ));
        }
        for named in expected.named {
            let known = held.iter().any(|held| Named::from(held) == named) || missing.contains(&named);
            if !known {
                missing.push(named);
            }
        }
    }
    if let Some(first) = missing.first() {
        let more = missing.iter().skip(1).take(NAMED - 1);
        let keys = more.fold(first.validator.to_string(), |keys, named| {
            format!("{keys}, {}", named.validator)
        });
        let and_more = if missing.len() > NAMED { " and others" } else { "" };
        let found = format!("{found}, {} missing: {keys}{and_more}", missing.len());
        return Ok(Finding::fail(WHAT, found, TAKE_BACK));
    }
    if let Some(wanted) = at_least.filter(|wanted| held.len() < *wanted) {
        let found = format!("{found}, where {wanted} are expected");
        return Ok(Finding::fail(WHAT, found, TAKE_BACK));
    }
    // whoever has a manifest from elsewhere has the answer, and it was good
    let is_open = path.exists() && (expect.is_none() || at_least.is_some());
    if let Some(amid) = is_open.then(|| amid(path)).transpose()?.flatten() {
        return Ok(Finding::warn(WHAT, format!("{found}; {amid}"), MAY_BE_LOST));
    }
    Ok(match held.is_empty() && expect.is_none() {
        true => Finding::warn(
            WHAT,
            found,
            "fine before the first ceremony; an operator that has held shares takes them back: casimir-dkg operator restore \
             BACKUP (and doctor operator --expect NUMBER, or the manifest of a backup, tells whether all are there)",
        ),
        false => Finding::ok(WHAT, found),
    })
}

/// That shares may have been kept after the backup was made from which the store was taken back, where that may be.
fn amid(path: &Path) -> Result<Option<String>, StoreError> {
    let mut begun = store::begun(path)?;
    begun.retain(|begun| begun.from_backup);
    let Some(first) = begun.first() else {
        return Ok(None);
    };
    let ceremonies = match begun.len() {
        1 => "1 ceremony".to_owned(),
        n => format!("{n} ceremonies"),
    };
    Ok(Some(format!(
        "the backup that they were taken back from was made amid {ceremonies}, {} the first, and has no share of it",
        first.ceremony
    )))
}

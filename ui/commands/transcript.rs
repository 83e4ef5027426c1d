//! `transcript verify`: checks a ceremony again, from its file, and compares its keys with others'.

mod ssv;

use std::collections::BTreeMap;
use std::path::Path;

use anyhow::Context;
use casimir_dkg::config::{self, LoadOptions};
use casimir_dkg::dkg::transcript::{examine, fingerprint};
use casimir_dkg::secrets::{Holds, open};
use casimir_dkg::types::{
    BackendName, CeremonyResult, Check, CheckStatus, Examined, OperatorId, OperatorRecord, RequestId,
    Transcript, Verification,
};
use serde_json::json;

use crate::args::TranscriptCommand;
use crate::exit::{self, Outcome};
use crate::output;

/// Bytes of a file, and the mark that an editor may have put before it.
pub(super) const MAX_TRANSCRIPT: u64 = Transcript::MAX_BYTES as u64 + 3;

/// What no transcript proves by itself.
const NOT_PROVED: &str = "not proved by this file: when anything happened (times and replies are the initiator's own word), \
                          that nothing more came than its messages (so a silence is the initiator's word, too), \
                          what the encrypted shares hold (only their operators can open them), and that nobody kept an older share";

pub(crate) fn run(command: &TranscriptCommand, options: &LoadOptions, json: bool) -> anyhow::Result<Outcome> {
    let TranscriptCommand::Verify {
        file,
        operators,
        ssv: endpoints,
        ssv_from,
    } = command;
    let registry = operators
        .as_deref()
        .map(|path| registry(path, options))
        .transpose()?;
    let text = open(file, Holds::Trusted).and_then(|found| found.bytes(MAX_TRANSCRIPT));
    let text = text.with_context(|| format!("cannot read {}", file.display()))?;
    let read = Transcript::read(&text).and_then(|transcript| Ok((examine(&transcript)?, transcript)));
    let (mut examined, transcript) = read.with_context(|| file.display().to_string())?;
    let backend = transcript.backend();
    let mut compared = Vec::new();
    let mut removed = BTreeMap::new();
    if !endpoints.is_empty() {
        let asked = ssv::SsvQuery {
            endpoints,
            from: *ssv_from,
        };
        (compared, removed) = ssv::compare(&examined, backend, &asked, options)?;
    }
    if let Some((registry, file)) = registry.as_ref().zip(operators.as_deref()) {
        compared.insert(0, compare(&examined, backend, registry, &removed, file));
    }
    if compared.is_empty() {
        compared.push(Check::unknown(
            "operators",
            "whether these are the operators' keys: compare the fingerprints, or give --operators or --ssv",
        ));
    }
    examined
        .verification
        .checks
        .extend(name_of_another(file, &examined));
    examined.verification.checks.extend(compared);
    Ok(report(&examined, backend, file, json))
}

/// Whether the file has the name of another ceremony than it is of: `<id>.json`, or `<id>-2.json` and so on.
fn name_of_another(file: &Path, examined: &Examined) -> Option<Check> {
    let stem = file.file_stem()?.to_str()?;
    let named: RequestId = stem.split('-').next()?.parse().ok()?;
    (named != examined.request_id).then(|| {
        Check::unknown(
            "file-name",
            format!(
                "why the file has the name of ceremony {named} and is of ceremony {}: whoever looks for that one finds this one",
                examined.request_id
            ),
        )
    })
}

/// The operators of a file with `[[operator]]` tables, and of nothing else.
fn registry(path: &Path, options: &LoadOptions) -> anyhow::Result<BTreeMap<OperatorId, OperatorRecord>> {
    let directories = options
        .environment
        .iter()
        .filter(|(name, _)| name.ends_with("_DIR"));
    let alone = LoadOptions {
        file: Some(path.to_owned()),
        environment: directories
            .map(|(name, value)| (name.clone(), value.clone()))
            .collect(),
        ..LoadOptions::default()
    };
    Ok(config::gather(&alone)?.operators()?.by_id)
}

/// Whether the participants' keys are those of the file. Whom SSV removed, as an endpoint tells, need not stand in it any more.
fn compare(
    examined: &Examined,
    backend: &BackendName,
    registry: &BTreeMap<OperatorId, OperatorRecord>,
    removed: &BTreeMap<OperatorId, u64>,
    file: &Path,
) -> Check {
    const NAME: &str = "operators";
    let (mut faults, mut gone) = (Vec::new(), Vec::new());
    for (id, text) in &examined.operators {
        let known = registry.get(id).map(|record| record.public_key.as_str());
        match known.map(|key| fingerprint(backend, key)) {
            Some(Some(theirs)) if fingerprint(backend, text) == Some(theirs.clone()) => {}
            Some(Some(theirs)) => {
                faults.push(format!("operator {id} has another key there, SHA-256:{theirs}"))
            }
            Some(None) => faults.push(format!("operator {id} has no key there")),
            None => match removed.get(id) {
                Some(block) => gone.push(format!("operator {id}, which was removed at block {block}")),
                None => faults.push(format!("operator {id} is not there")),
            },
        }
    }
    let file = file.display();
    match (faults.is_empty(), examined.operators.is_empty()) {
        (_, true) => Check::unknown(NAME, "the transcript has no operator's key"),
        (true, false) if !gone.is_empty() => Check::unknown(
            NAME,
            format!(
                "each key that is in {file} is as there; not in it: {}",
                gone.join("; ")
            ),
        ),
        (true, false) => Check::pass(NAME, format!("each key is as in {file}")),
        (false, false) => Check::fail(NAME, format!("{file}: {}", faults.join("; "))),
    }
}

/// Why a transcript does not hold; nothing where it does.
fn faults(found: &Verification) -> Vec<String> {
    let failed = found
        .checks
        .iter()
        .filter(|check| check.status == CheckStatus::Fail);
    let failed: Vec<_> = failed
        .map(|check| format!("{} {}", check.name, check.reason))
        .collect();
    let words = format!("this transcript does not hold: {}", failed.join("; "));
    (!found.is_sound()).then_some(words).into_iter().collect()
}

fn report(examined: &Examined, backend: &BackendName, file: &Path, json: bool) -> Outcome {
    let found = &examined.verification;
    let sound = found.is_sound();
    let validator = match &found.result {
        Some(CeremonyResult::Keygen(output)) => Some(output.validator),
        Some(CeremonyResult::Reshare(output)) => Some(output.validator),
        _ => None,
    };
    let fingerprints: BTreeMap<String, Option<String>> = examined
        .operators
        .iter()
        .map(|(id, text)| (id.to_string(), fingerprint(backend, text)))
        .collect();
    let mut result = None;
    if json {
        result = Some(json!({
            "file": file,
            "request_id": examined.request_id,
            "held_for": examined.held_for,
            "sound": sound,
            "verified": found.result.is_some(),
            "validator": validator,
            "digest": examined.digest,
            "checks": found.checks,
            "operators": fingerprints,
            "not_proved": NOT_PROVED,
        }));
    } else {
        for check in &found.checks {
            let word = match check.status {
                CheckStatus::Pass => "pass",
                CheckStatus::Fail => "FAIL",
                CheckStatus::Unknown => "?",
            };
            output::line(&format!("{word:<5} {:<28} {}", check.name, check.reason));
        }
        let verdict = match (sound, &found.result) {
            (false, _) => "this transcript does not hold".to_owned(),
            (true, None) => "sound: a ceremony without a result".to_owned(),
            (true, Some(_)) => match validator {
                Some(key) => format!("sound: verified, validator {key}"),
                None => "sound: verified".to_owned(),
            },
        };
        for (id, text) in &examined.operators {
            let key = fingerprint(backend, text)
                .map_or_else(|| "is no RSA key".to_owned(), |hash| format!("SHA-256:{hash}"));
            output::line(&format!("      operator {id} {key}"));
        }
        output::line(&verdict);
        if sound && found.result.is_some() {
            // of a key and its deposit, the checks of the result say it
            let is_bound = found
                .check("purpose")
                .is_none_or(|check| check.status == CheckStatus::Pass);
            output::line(if is_bound {
                "proved: every result and message is signed by the keys above, the shares give this one key, and what was signed \
                 is what the plan says"
            } else {
                "proved: every result and message is signed by the keys above, the shares give this one key, and the root of the \
                 plan was signed; what that root means is not proved"
            });
        }
        output::line(NOT_PROVED);
    }
    exit::judged(result, faults(found))
}

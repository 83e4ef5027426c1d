//! `transcript verify`: checks a ceremony again, from its file alone.

use std::path::Path;

use anyhow::Context;
use casimir_dkg::dkg::transcript::examine;
use casimir_dkg::types::{CeremonyResult, CheckStatus, Examined, Transcript};
use serde_json::json;

use crate::args::TranscriptCommand;
use crate::exit::Outcome;
use crate::output;

pub(crate) fn run(command: &TranscriptCommand, json: bool) -> anyhow::Result<Outcome> {
    let TranscriptCommand::Verify { file } = command;
    let text = std::fs::read(file).with_context(|| format!("cannot read {}", file.display()))?;
    let examined = Transcript::read(&text).and_then(|transcript| examine(&transcript));
    let examined = examined.with_context(|| file.display().to_string())?;
    Ok(report(&examined, file, json))
}

fn report(examined: &Examined, file: &Path, json: bool) -> Outcome {
    let found = &examined.verification;
    let sound = found.is_sound();
    let validator = match &found.result {
        Some(CeremonyResult::Keygen(output)) => Some(output.validator),
        Some(CeremonyResult::Reshare(output)) => Some(output.validator),
        _ => None,
    };
    if json {
        output::json(&json!({
            "file": file,
            "request_id": examined.request_id,
            "sound": sound,
            "verified": found.result.is_some(),
            "validator": validator,
            "digest": examined.digest,
            "checks": found.checks,
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
        output::line(&verdict);
    }
    if sound { Outcome::Success } else { Outcome::Failure }
}

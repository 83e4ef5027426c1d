//! What a node's refusal of an exit means.
//!
//! Nodes word their refusals as they like, and one client has a single text for three reasons: the words are a hint.

use crate::ports::consensus::ExitRefusal;
use crate::types::SafeText;

/// Wordings of lighthouse, prysm, teku, nimbus and lodestar. Order matters where one contains another.
const WORDINGS: &[(ExitRefusal, &[&str])] = &[
    (
        ExitRefusal::BadSignature,
        &[
            "badsignature",
            "invalid_signature",
            "invalid signature",
            "signature did not verify",
            "could not verify signature",
            "signature is invalid",
            "invalid validator signature",
            "zero_signature",
            "bls signature",
        ],
    ),
    (
        ExitRefusal::TooYoung,
        &[
            "tooyoungtoexit",
            "not been active long enough",
            "validator set long enough",
            "short_time_active",
        ],
    ),
    (
        ExitRefusal::FutureEpoch,
        &[
            "futureepoch",
            "expected current epoch >= exit epoch",
            "still in the future",
            "exit epoch not passed",
            "early_epoch",
        ],
    ),
    (
        ExitRefusal::AlreadyKnown,
        &[
            "already_exists",
            "already seen exit",
            "priorvoluntaryexitknown",
            "already known",
        ],
    ),
    (
        ExitRefusal::AlreadyExiting,
        &[
            "alreadyexited",
            "alreadyinitiatedexit",
            "already submitted an exit",
            "already initiated exit",
            "has already exited",
            "validator has exited",
            "already_exited",
        ],
    ),
    (
        ExitRefusal::NotActive,
        &[
            "notactive",
            "non-active validator",
            "is not active",
            "validator not active",
            "exit_error_inactive",
        ],
    ),
    (
        ExitRefusal::UnknownIndex,
        &[
            "validatorunknown",
            "unknown validator",
            "invalid validator index",
            "index too high",
            "out of range",
            "out of bounds",
            "reading 'activationepoch'",
            "invalid_index",
        ],
    ),
    (ExitRefusal::NotNow, &["voluntary_exit_error_invalid"]),
];

/// What a node's words seem to mean. The status says nothing: one client answers 500 to everything.
#[must_use]
pub fn classify(words: &SafeText) -> ExitRefusal {
    let text = words.as_str().to_lowercase();
    WORDINGS
        .iter()
        .find(|(_, needles)| needles.iter().any(|needle| text.contains(needle)))
        .map_or_else(
            || ExitRefusal::Other(words.clone()),
            |(refusal, _)| refusal.clone(),
        )
}

//! Voluntary exits, what can be wrong with them, and how five client families say so.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::types::BlsSignature;

/// A signed exit in the Beacon API's form: numbers are decimal strings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct SignedExit {
    /// Its SSZ root, mixed with the exit domain, is the signing root.
    pub message: ExitMessage,
    /// By the validator key.
    pub signature: BlsSignature,
}

/// `VoluntaryExit`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExitMessage {
    /// First epoch in which it may be in a block.
    #[serde(with = "decimal")]
    pub epoch: u64,
    #[serde(with = "decimal")]
    pub validator_index: u64,
}

mod decimal {
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(n: &u64, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(n)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(d: D) -> Result<u64, D::Error> {
        String::deserialize(d)?.parse().map_err(de::Error::custom)
    }
}

/// Why an exit is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExitProblem {
    /// The signature is not the validator's over this exit.
    BadSignature { index: u64 },
    /// The validator has not been active for long enough.
    TooYoung {
        index: u64,
        /// The epoch now.
        epoch: u64,
        /// `activation_epoch`.
        activation: u64,
        /// First epoch in which it may exit.
        earliest: u64,
    },
    /// The exit names an epoch that has not come.
    FutureEpoch {
        /// The epoch now.
        epoch: u64,
        /// The first in which the exit counts, by its own word.
        exit_epoch: u64,
    },
    /// The validator is not active yet.
    NotActive { index: u64 },
    /// The validator is on its way out, or out.
    AlreadyExiting {
        index: u64,
        /// When.
        exit_epoch: u64,
    },
    /// There is no such validator.
    UnknownValidator {
        /// The index that nobody has.
        index: u64,
    },
}

/// Whose manners the node has. Lodestar's answers were recorded from release 1.5.1; the others' follow the wording that
/// these clients are known to use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum ClientFamily {
    /// Lighthouse: 400, Rust's debug form of the reason.
    #[default]
    Lighthouse,
    /// Prysm: 400, a sentence.
    Prysm,
    /// Teku: 400, a sentence.
    Teku,
    /// Nimbus: 400, the reason hidden in `stacktraces`.
    Nimbus,
    /// Lodestar: 500 whatever it was, and no `code`.
    Lodestar,
}

impl ClientFamily {
    /// Status and body of an error of this family.
    pub(super) fn error(self, status: u16, text: &str) -> (u16, Value) {
        let body = match self {
            Self::Lodestar => {
                let error = match status {
                    400 => "Bad Request",
                    404 => "Not Found",
                    503 => "Service Unavailable",
                    _ => "Internal Server Error",
                };
                json!({"statusCode": status, "error": error, "message": text})
            }
            Self::Lighthouse => json!({"code": status, "message": text, "stacktraces": []}),
            Self::Prysm | Self::Teku | Self::Nimbus => json!({"code": status, "message": text}),
        };
        (status, body)
    }

    /// Status and body with which this family refuses an exit.
    pub(super) fn refuse(self, problem: &ExitProblem) -> (u16, Value) {
        match self {
            Self::Lighthouse => self.error(400, &lighthouse(problem)),
            Self::Prysm => self.error(400, &prysm(problem)),
            Self::Teku => self.error(400, &teku(problem)),
            Self::Nimbus => (
                400,
                json!({
                    "code": 400,
                    "message": "Invalid voluntary exit, it will never pass validation so it's rejected",
                    "stacktraces": [nimbus(problem)],
                }),
            ),
            Self::Lodestar => self.error(500, lodestar(problem)),
        }
    }

    /// What is answered for an exit that waits in the pool already; `None`: accepted again without a word.
    pub(super) fn known_already(self) -> Option<(u16, Value)> {
        match self {
            Self::Lodestar => Some(self.error(500, "VOLUNTARY_EXIT_ERROR_ALREADY_EXISTS")),
            Self::Nimbus => Some(self.error(400, "VoluntaryExit: already seen exit for this validator")),
            Self::Lighthouse | Self::Prysm | Self::Teku => None,
        }
    }
}

fn lighthouse(problem: &ExitProblem) -> String {
    let reason = match problem {
        ExitProblem::BadSignature { .. } => "BadSignature".to_owned(),
        ExitProblem::TooYoung { epoch, earliest, .. } => format!(
            "TooYoungToExit {{ current_epoch: Epoch({epoch}), earliest_exit_epoch: Epoch({earliest}) }}"
        ),
        ExitProblem::FutureEpoch { epoch, exit_epoch } => {
            format!("FutureEpoch {{ state: Epoch({epoch}), exit: Epoch({exit_epoch}) }}")
        }
        ExitProblem::NotActive { index } => format!("NotActive({index})"),
        ExitProblem::AlreadyExiting { index, .. } => format!("AlreadyExited({index})"),
        ExitProblem::UnknownValidator { index } => format!("ValidatorUnknown({index})"),
    };
    format!("BAD_REQUEST: Invalid object: gossip verification failed: ExitValidationError(Invalid({reason}))")
}

fn prysm(problem: &ExitProblem) -> String {
    let reason = match problem {
        ExitProblem::BadSignature { .. } => "signature did not verify".to_owned(),
        ExitProblem::TooYoung {
            epoch,
            activation,
            earliest,
            ..
        } => format!(
            "validator has not been active long enough to exit: {} of {} epochs. \
             Validator will be eligible for exit at epoch {earliest}",
            epoch - activation,
            earliest - activation
        ),
        ExitProblem::FutureEpoch { epoch, exit_epoch } => {
            format!("expected current epoch >= exit epoch, received {epoch} < {exit_epoch}")
        }
        ExitProblem::NotActive { .. } => "non-active validator cannot exit".to_owned(),
        ExitProblem::AlreadyExiting { index, exit_epoch } => format!(
            "validator with index {index} has already submitted an exit, which will take place at epoch: {exit_epoch}"
        ),
        ExitProblem::UnknownValidator { index } => {
            return format!("Could not get exiting validator: index {index} out of range");
        }
    };
    format!("Invalid exit: {reason}")
}

fn teku(problem: &ExitProblem) -> String {
    let reason = match problem {
        ExitProblem::BadSignature { .. } => "Invalid validator signature",
        ExitProblem::TooYoung { .. } => "Validator has not been active long enough",
        ExitProblem::FutureEpoch { .. } => "Specified exit epoch is still in the future",
        ExitProblem::NotActive { .. } => "Validator is not active",
        ExitProblem::AlreadyExiting { .. } => "Validator has already initiated exit",
        ExitProblem::UnknownValidator { .. } => "Invalid validator index",
    };
    format!("Invalid voluntary exit: {reason}")
}

fn nimbus(problem: &ExitProblem) -> &'static str {
    match problem {
        ExitProblem::BadSignature { .. } => "Exit: invalid signature",
        ExitProblem::TooYoung { .. } => "Exit: not in validator set long enough",
        ExitProblem::FutureEpoch { .. } => "Exit: exit epoch not passed",
        ExitProblem::NotActive { .. } => "Exit: validator not active",
        ExitProblem::AlreadyExiting { .. } => "Exit: validator has exited",
        ExitProblem::UnknownValidator { .. } => "VoluntaryExit: validator index too high",
    }
}

fn lodestar(problem: &ExitProblem) -> &'static str {
    match problem {
        ExitProblem::BadSignature { .. } => "VOLUNTARY_EXIT_ERROR_INVALID_SIGNATURE",
        ExitProblem::AlreadyExiting { .. } => "VOLUNTARY_EXIT_ERROR_ALREADY_EXISTS",
        // one text for all of these
        ExitProblem::TooYoung { .. } | ExitProblem::FutureEpoch { .. } | ExitProblem::NotActive { .. } => {
            "VOLUNTARY_EXIT_ERROR_INVALID"
        }
        ExitProblem::UnknownValidator { .. } => {
            "Cannot read properties of undefined (reading 'activationEpoch')"
        }
    }
}

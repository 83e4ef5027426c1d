//! Offering a signed exit to the beacon nodes, and what their answers come to.
//!
//! One node may lag or lie. So an exit that one healthy node took is delivered whatever the others say; a new signature
//! is wanted only when every node that answered finds the old one bad; and a validator is missing only when it is missing
//! from every state that can be read.

use super::sighting::phase;
use crate::beacon::exit::{ExitOutcome, judge};
use crate::oracle::{ExitAnswer, ExitPayload, ExitStanding, ExitVerdict, ValidatorPhase};
use crate::ports::Consensus;
use crate::ports::consensus::{
    ExitMessage, ExitRefusal, ExitRules, NodeOutcome, PublishVerdict, SignedExit, Validator,
};
use crate::types::{Root, SafeText, UnixMillis};

/// Offers the exit to every node. Where none takes it, the validator's state decides what that means.
pub(crate) async fn publish_exit(
    beacon: Option<&dyn Consensus>,
    payload: &ExitPayload,
) -> (Vec<ExitVerdict>, ExitStanding) {
    let Some(beacon) = beacon else {
        return (Vec::new(), ExitStanding::Unheard);
    };
    let message = ExitMessage {
        epoch: payload.epoch,
        validator_index: payload.validator_index,
    };
    let exit = SignedExit {
        message,
        signature: payload.signature,
    };
    let verdicts: Vec<_> = beacon
        .publish_exit(&exit)
        .await
        .into_iter()
        .map(verdict)
        .collect();
    if let Some(standing) = without_state(&verdicts) {
        return (verdicts, standing);
    }
    let (rules, voices) = tokio::join!(beacon.rules(), beacon.validator_by_each(&payload.validator));
    // nodes that cannot tell have no say
    let states: Vec<_> = voices
        .into_iter()
        .filter_map(|voice| voice.answer.known().ok())
        .collect();
    let standing = rules.yes().map(|rules| {
        let now = rules.epoch_at(UnixMillis::now());
        weigh(&verdicts, &states, &message, payload.signing_root, now, &rules)
    });
    (verdicts, standing.unwrap_or_default())
}

fn verdict(from: PublishVerdict) -> ExitVerdict {
    use ExitRefusal as Refusal;
    let (answer, reason) = match from.outcome {
        NodeOutcome::Accepted => (ExitAnswer::Accepted, SafeText::default()),
        NodeOutcome::AcceptedOutOfSync(why) => (ExitAnswer::OutOfSync, why),
        NodeOutcome::WrongChain(why) => (ExitAnswer::WrongChain, why),
        NodeOutcome::NoAnswer(why) => (ExitAnswer::NoAnswer, why),
        NodeOutcome::Refused(refusal) => {
            let answer = match refusal {
                Refusal::BadSignature => ExitAnswer::BadSignature,
                Refusal::TooYoung => ExitAnswer::TooYoung,
                Refusal::FutureEpoch => ExitAnswer::FutureEpoch,
                Refusal::NotActive => ExitAnswer::NotActive,
                Refusal::AlreadyExiting => ExitAnswer::AlreadyExiting,
                Refusal::AlreadyKnown => ExitAnswer::AlreadyKnown,
                Refusal::UnknownIndex => ExitAnswer::UnknownIndex,
                Refusal::NotNow => ExitAnswer::NotNow,
                Refusal::Other(_) => ExitAnswer::Other,
            };
            (answer, SafeText::default())
        }
    };
    ExitVerdict {
        node: from.node,
        answer,
        words: if from.words.as_str().is_empty() {
            reason
        } else {
            from.words
        },
    }
}

/// What the answers come to where no state is needed to tell.
fn without_state(verdicts: &[ExitVerdict]) -> Option<ExitStanding> {
    if verdicts.iter().any(|v| v.answer.delivered()) {
        Some(ExitStanding::Delivered)
    } else if verdicts.iter().any(|v| v.answer.refused()) {
        None
    } else {
        Some(ExitStanding::Unheard)
    }
}

/// What refusals come to, by the validator as every node in sync has it.
fn weigh(
    verdicts: &[ExitVerdict],
    states: &[Option<Validator>],
    message: &ExitMessage,
    signing_root: Root,
    epoch_now: u64,
    rules: &ExitRules,
) -> ExitStanding {
    if states.is_empty() {
        return ExitStanding::Unheard;
    }
    // the first that knows it: a node that lags behind the deposit does not
    let known = states
        .iter()
        .flatten()
        .find(|v| v.index == message.validator_index);
    let mut refusals = verdicts.iter().filter(|v| v.answer.refused());
    let refusal = if refusals.all(|v| v.answer == ExitAnswer::BadSignature) {
        ExitRefusal::BadSignature
    } else {
        ExitRefusal::Other(SafeText::default())
    };
    let too_early = |epoch| ExitStanding::TooEarly {
        epoch,
        at: rules.start_of(epoch),
    };
    match judge(message, known, Some(&refusal), epoch_now, rules) {
        ExitOutcome::Exiting { .. } => ExitStanding::Exiting {
            phase: known.map_or(ValidatorPhase::Exiting, |v| phase(v.status)),
        },
        ExitOutcome::TooEarly { ready_epoch } => too_early(ready_epoch),
        ExitOutcome::NotActive {
            ready_epoch: Some(epoch),
        } => too_early(epoch),
        ExitOutcome::NotActive { ready_epoch: None } => ExitStanding::NotActive,
        ExitOutcome::BadSignature => ExitStanding::BadSignature { signing_root },
        ExitOutcome::UnknownIndex => ExitStanding::UnknownIndex,
        ExitOutcome::Ready | ExitOutcome::Refused(_) => ExitStanding::Refused,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::fixture::{self, rules};
    use crate::ports::consensus::ValidatorStatus;

    const READY: u64 = 10 + 256;
    const MESSAGE: ExitMessage = ExitMessage {
        epoch: READY,
        validator_index: 9,
    };

    fn validator(index: u64) -> Validator {
        Validator {
            index,
            activation_eligibility_epoch: Some(5),
            activation_epoch: Some(10),
            ..fixture::validator()
        }
    }

    fn exiting() -> Validator {
        Validator {
            status: ValidatorStatus::ActiveExiting,
            exit_epoch: Some(900),
            ..validator(9)
        }
    }

    fn standing(answers: &[ExitAnswer], states: &[Option<Validator>], now: u64) -> ExitStanding {
        let verdicts: Vec<_> = answers
            .iter()
            .map(|answer| ExitVerdict {
                node: SafeText::new("node"),
                answer: *answer,
                words: SafeText::default(),
            })
            .collect();
        without_state(&verdicts)
            .unwrap_or_else(|| weigh(&verdicts, states, &MESSAGE, Root([4; 32]), now, &rules()))
    }

    #[test]
    fn one_healthy_node_that_took_it_is_enough() {
        use ExitAnswer::*;
        for taken in [Accepted, AlreadyKnown] {
            for other in [
                BadSignature,
                UnknownIndex,
                AlreadyExiting,
                Other,
                NoAnswer,
                OutOfSync,
            ] {
                let found = standing(&[other, taken], &[None], READY);
                assert_eq!(found, ExitStanding::Delivered, "{taken} and {other}");
            }
        }
        // not in sync, on another chain, or silent: nobody has it, whatever the state
        let found = standing(&[OutOfSync, WrongChain, NoAnswer], &[Some(exiting())], READY);
        assert_eq!(found, ExitStanding::Unheard);
    }

    #[test]
    fn the_state_decides_what_a_refusal_means() {
        use ExitAnswer::*;
        let early = ExitStanding::TooEarly {
            epoch: READY,
            at: rules().start_of(READY),
        };
        let pending = Validator {
            status: ValidatorStatus::PendingQueued,
            activation_epoch: None,
            ..validator(9)
        };
        let bad = ExitStanding::BadSignature {
            signing_root: Root([4; 32]),
        };
        let left = ExitStanding::Exiting {
            phase: ValidatorPhase::Exiting,
        };
        // whatever the words
        for words in [
            BadSignature,
            TooYoung,
            FutureEpoch,
            NotActive,
            NotNow,
            AlreadyExiting,
            UnknownIndex,
            Other,
        ] {
            let by = |state: Option<Validator>, now| standing(&[words], &[state], now);
            assert_eq!(by(Some(validator(9)), READY - 1), early, "{words}");
            assert_eq!(
                by(Some(pending.clone()), READY),
                ExitStanding::NotActive,
                "{words}"
            );
            assert_eq!(by(Some(exiting()), READY), left, "{words}");
            assert_eq!(by(None, READY), ExitStanding::UnknownIndex, "{words}");
            assert_eq!(
                by(Some(validator(8)), READY),
                ExitStanding::UnknownIndex,
                "{words}"
            );
            let allowed = if words == BadSignature {
                bad.clone()
            } else {
                ExitStanding::Refused
            };
            assert_eq!(by(Some(validator(9)), READY), allowed, "{words}");
            assert_eq!(standing(&[words], &[], READY), ExitStanding::Unheard, "{words}");
        }
        // activation is set, and still to come
        let queued = Validator {
            status: ValidatorStatus::PendingQueued,
            ..validator(9)
        };
        assert_eq!(standing(&[NotActive], &[Some(queued)], 3), early);
    }

    #[test]
    fn one_node_that_lags_or_lies_causes_neither_a_signature_nor_a_quarantine() {
        use ExitAnswer::*;
        let good = Some(validator(9));
        let states = [None, good.clone()];
        assert_eq!(
            standing(&[UnknownIndex, Other], &states, READY),
            ExitStanding::Refused,
            "one state lacks the validator, the other has it"
        );
        for other in [TooYoung, NotNow, AlreadyExiting, UnknownIndex, Other] {
            let found = standing(&[BadSignature, other], &[good.clone(), good.clone()], READY);
            assert_eq!(found, ExitStanding::Refused, "bad signature and {other}");
        }
        // the one that did not answer has no vote
        let found = standing(&[BadSignature, NoAnswer], &[good], READY);
        assert!(matches!(found, ExitStanding::BadSignature { .. }), "{found:?}");
    }
}

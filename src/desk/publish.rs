//! Offering a signed exit to the beacon nodes, and what their answers come to.
//!
//! One node may lag or lie. So an exit that one healthy node took is delivered whatever the others say; a new signature
//! is wanted only when every node that answered finds the old one bad, two at least where several are configured, and it
//! does not hold by this program's own arithmetic either; a validator is missing only when it is missing
//! from every state that can be read; and what its state makes of a refusal, the judgement of all nodes says: a case is
//! closed for good by it.

use super::sighting::phase;
use crate::beacon::exit::{ExitOutcome, judge};
use crate::dkg::threshold;
use crate::log_limit::LogLimit;
use crate::oracle::{ExitAnswer, ExitPayload, ExitStanding, ExitVerdict, ValidatorPhase};
use crate::ports::Consensus;
use crate::ports::consensus::{
    ExitMessage, ExitRefusal, ExitRules, NodeOutcome, PublishVerdict, SignedExit, Validator,
};
use crate::types::{Root, SafeText, UnixMillis};

/// Each offer asks anew.
static UNTOLD: LogLimit = LogLimit::slow();

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
    let key = &payload.validator;
    let (rules, judged, voices) = tokio::join!(
        beacon.rules(),
        beacon.validator(key),
        beacon.validator_by_each(key)
    );
    let known = rules.value().and_then(|rules| Ok((rules, judged.known()?)));
    let standing = match known {
        Ok((rules, state)) => {
            let now = rules.epoch_at(UnixMillis::now());
            // nodes that cannot tell have no say
            let voices: Vec<_> = voices
                .into_iter()
                .filter_map(|voice| voice.answer.known().ok())
                .collect();
            let told = Told {
                judged: state.as_ref(),
                voices: &voices,
            };
            // by the rules as they are now: what was signed by others has to be signed again
            let signed = Signed {
                message,
                root: payload.signing_root,
                holds: threshold::verify(key, &rules.signing_root(&message).0, &payload.signature),
            };
            weigh(&verdicts, told, &signed, now, &rules)
        }
        Err(why) => {
            if let Some(left_out) = UNTOLD.line() {
                tracing::warn!(target: "beacon", validator = %key, left_out, "what the refusals of an exit mean is not known: {why}");
            }
            ExitStanding::Unheard
        }
    };
    (verdicts, standing)
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

/// What the nodes tell of the validator.
#[derive(Clone, Copy)]
struct Told<'a> {
    /// All of them held against each other; none where nobody knows it.
    judged: Option<&'a Validator>,
    /// Each that can tell.
    voices: &'a [Option<Validator>],
}

impl Told<'_> {
    /// A wait and a halt are journaled: whoever is in sync bears them out.
    fn all(self, message: &ExitMessage, is_so: impl Fn(Option<&Validator>) -> bool) -> bool {
        let of_index = |v: &&Validator| v.index == message.validator_index;
        let is_so = |voice: &Option<Validator>| is_so(voice.as_ref().filter(of_index));
        !self.voices.is_empty() && self.voices.iter().all(is_so)
    }
}

/// What was offered.
struct Signed {
    message: ExitMessage,
    /// What the operators signed.
    root: Root,
    /// The signature holds by this program's own arithmetic: who finds it bad is wrong, and signing again gives the same.
    holds: bool,
}

/// What refusals come to, by what the nodes tell of the validator.
fn weigh(
    verdicts: &[ExitVerdict],
    told: Told<'_>,
    signed: &Signed,
    epoch_now: u64,
    rules: &ExitRules,
) -> ExitStanding {
    let message = &signed.message;
    let mut refusals = verdicts.iter().filter(|v| v.answer.refused());
    let refusal = if refusals.all(|v| v.answer == ExitAnswer::BadSignature) {
        ExitRefusal::BadSignature
    } else {
        ExitRefusal::Other(SafeText::default())
    };
    let by = |state: Option<&Validator>| judge(message, state, Some(&refusal), epoch_now, rules);
    // whoever does not know it lags behind the deposit
    let waits = |voice: Option<&Validator>| {
        matches!(
            by(voice),
            ExitOutcome::TooEarly { .. } | ExitOutcome::NotActive { .. } | ExitOutcome::UnknownIndex
        )
    };
    let may_exit = |voice: Option<&Validator>| {
        matches!(
            by(voice),
            ExitOutcome::Ready
                | ExitOutcome::Refused(_)
                | ExitOutcome::BadSignature
                | ExitOutcome::UnknownIndex
        )
    };
    let where_all = |is_so: bool, standing| if is_so { standing } else { ExitStanding::Unheard };
    let too_early = |epoch| {
        let at = rules.start_of(epoch);
        where_all(told.all(message, waits), ExitStanding::TooEarly { epoch, at })
    };
    match by(told.judged) {
        ExitOutcome::Exiting { .. } => ExitStanding::Exiting {
            phase: { told.judged }.map_or(ValidatorPhase::Exiting, |v| phase(v.status)),
        },
        ExitOutcome::TooEarly { ready_epoch } => too_early(ready_epoch),
        ExitOutcome::NotActive {
            ready_epoch: Some(epoch),
        } => too_early(epoch),
        ExitOutcome::NotActive { ready_epoch: None } => {
            where_all(told.all(message, waits), ExitStanding::NotActive)
        }
        ExitOutcome::BadSignature if !signed.holds => {
            let bad = verdicts.iter().filter(|v| v.answer == ExitAnswer::BadSignature);
            let signing_root = signed.root;
            let standing = ExitStanding::BadSignature { signing_root };
            where_all(bad.count() >= verdicts.len().min(2), standing)
        }
        ExitOutcome::UnknownIndex => {
            let is_unknown = told.all(message, |voice| voice.is_none());
            where_all(is_unknown, ExitStanding::UnknownIndex)
        }
        ExitOutcome::Ready | ExitOutcome::Refused(_) | ExitOutcome::BadSignature => {
            where_all(told.all(message, may_exit), ExitStanding::Refused)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::desk::fixture::{self, rules};
    use crate::ports::Answer;
    use crate::ports::consensus::{NodeState, ValidatorStatus};
    use crate::ports::fakes::{FakeConsensus, FakeNode};
    use crate::types::BlsSignature;

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

    /// Where the signature does not hold by our own arithmetic either.
    fn standing(answers: &[ExitAnswer], states: &[Option<Validator>], now: u64) -> ExitStanding {
        of_signature(false, answers, states, now)
    }

    fn of_signature(
        holds: bool,
        answers: &[ExitAnswer],
        states: &[Option<Validator>],
        now: u64,
    ) -> ExitStanding {
        let verdicts: Vec<_> = answers
            .iter()
            .map(|answer| ExitVerdict {
                node: SafeText::new("node"),
                answer: *answer,
                words: SafeText::default(),
            })
            .collect();
        without_state(&verdicts).unwrap_or_else(|| {
            let told = Told {
                judged: states.iter().flatten().next(),
                voices: states,
            };
            let signed = Signed {
                message: MESSAGE,
                root: Root([4; 32]),
                holds,
            };
            weigh(&verdicts, told, &signed, now, &rules())
        })
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
        // of two that have it at work, one tells an activation that makes it wait
        let late = Some(Validator {
            activation_epoch: Some(READY),
            ..validator(9)
        });
        let found = standing(&[Other], &[late.clone(), good.clone()], READY);
        assert_eq!(found, ExitStanding::Unheard);
        let found = standing(&[Other], &[late.clone(), None], READY);
        assert!(matches!(found, ExitStanding::TooEarly { .. }), "{found:?}");
        let stranger = Some(validator(8));
        let found = standing(&[UnknownIndex], &[stranger, good.clone()], READY);
        assert_eq!(found, ExitStanding::Unheard);
    }

    #[test]
    fn an_approved_exit_is_void_by_two_nodes_and_our_own_arithmetic_and_not_by_one_that_lies() {
        use ExitAnswer::*;
        let good = [Some(validator(9)), Some(validator(9))];
        let found = |holds, answers: &[ExitAnswer]| of_signature(holds, answers, &good, READY);
        let bad = ExitStanding::BadSignature {
            signing_root: Root([4; 32]),
        };
        // the only one that is configured, and two of three
        assert_eq!(found(false, &[BadSignature]), bad);
        assert_eq!(found(false, &[BadSignature, BadSignature, NoAnswer]), bad);
        // before the other one stands a gateway
        assert_eq!(found(false, &[BadSignature, NoAnswer]), ExitStanding::Unheard);
        // it holds: who finds it bad is wrong
        for answers in [&[BadSignature][..], &[BadSignature, BadSignature]] {
            assert_eq!(found(true, answers), ExitStanding::Refused, "{answers:?}");
        }
    }

    #[test]
    fn a_refusal_counts_where_all_that_tell_let_it_exit_and_somebody_tells() {
        use ExitAnswer::*;
        let (good, young) = (
            validator(9),
            Validator {
                activation_epoch: Some(READY),
                ..validator(9)
            },
        );
        let states = [Some(good.clone()), Some(young.clone()), Some(young)];
        // honest ones refuse what is too young by their state
        let found = standing(&[TooYoung, TooYoung, TooYoung], &states, READY);
        assert_eq!(found, ExitStanding::Unheard);
        assert_eq!(standing(&[Other], &states[..1], READY), ExitStanding::Refused);
        // nobody tells any more
        let nobody = |judged: Option<&Validator>, now| {
            let verdicts = [ExitVerdict {
                node: SafeText::new("node"),
                answer: Other,
                words: SafeText::default(),
            }];
            let told = Told { judged, voices: &[] };
            let signed = Signed {
                message: MESSAGE,
                root: Root([4; 32]),
                holds: true,
            };
            weigh(&verdicts, told, &signed, now, &rules())
        };
        let queued = Validator {
            status: ValidatorStatus::PendingQueued,
            activation_epoch: None,
            ..validator(9)
        };
        for (judged, now) in [
            (None, READY),
            (Some(&good), READY),
            (Some(&good), READY - 1),
            (Some(&queued), READY),
        ] {
            assert_eq!(nobody(judged, now), ExitStanding::Unheard, "{judged:?} {now}");
        }
    }

    /// Two nodes, by their states; none for one that is not in sync and so does not answer.
    async fn offered(of: [Option<&Validator>; 2]) -> ExitStanding {
        let node = |(name, state): (&str, Option<&Validator>)| match state {
            Some(state) => FakeNode {
                outcome: NodeOutcome::Refused(ExitRefusal::AlreadyExiting),
                ..FakeNode::healthy(name, std::slice::from_ref(state))
            },
            None => FakeNode {
                state: NodeState::NotSynced,
                outcome: NodeOutcome::NoAnswer("it is syncing".into()),
                ..FakeNode::healthy(name, &[])
            },
        };
        let [a, b] = of;
        let beacon = FakeConsensus {
            rules: Answer::Yes(rules()),
            ..FakeConsensus::of([("a", a), ("b", b)].map(node).to_vec())
        };
        let payload = ExitPayload {
            validator: fixture::validator().public_key,
            validator_index: MESSAGE.validator_index,
            epoch: MESSAGE.epoch,
            signing_root: Root([4; 32]),
            signature: BlsSignature([0; 96]),
        };
        publish_exit(Some(&beacon), &payload).await.1
    }

    #[tokio::test]
    async fn one_node_alone_ends_no_exit_while_the_others_are_silent() {
        let gone = Validator {
            status: ValidatorStatus::WithdrawalDone,
            balance_gwei: 0,
            withdrawable_epoch: Some(901),
            ..exiting()
        };
        let works = validator(9);
        for told in [
            [Some(&gone), None],
            [None, Some(&gone)],
            [Some(&gone), Some(&works)],
        ] {
            assert_eq!(offered(told).await, ExitStanding::Unheard, "{told:?}");
        }
        let phase = ValidatorPhase::Withdrawn;
        assert_eq!(offered([Some(&gone); 2]).await, ExitStanding::Exiting { phase });
    }
}
